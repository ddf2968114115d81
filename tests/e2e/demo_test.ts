/** What README promises first: the rehearsal, from the source as a reader starts it, and by the executable. */
import { assertEquals, assertMatch } from "../assert.ts";
import { executable, projectFolder } from "../setup/executable.ts";

const ways: Readonly<Record<string, readonly string[]>> = {
  "deno task demo": [Deno.execPath(), "task", "--quiet", "demo", "--exit"],
  "the executable's demo": [executable, "demo", "--exit"],
};

for (const [name, [command = "", ...args]] of Object.entries(ways)) {
  Deno.test(`${name} --exit delivers files and rows, says so, and ends with 0`, async () => {
    const { code, stdout, stderr } = await new Deno.Command(command, { args, cwd: projectFolder, stdin: "null" })
      .output();
    const said = new TextDecoder().decode(stdout);
    assertEquals(code, 0, said + new TextDecoder().decode(stderr));
    assertMatch(said, /^ {3}7 of 7 files arrived byte for byte\.$/m);
    assertMatch(said, /^ {3}(\d{4,}) of \1 rows are at the hub/m);
    assertMatch(said, /\nEverything arrived\.\n$/);
    assertEquals(said.match(/ as dropped$/gm)?.length, 7);
    const [folder] = /(?<=An agent runs in )\S+(?=\/files$)/m.exec(said) ?? [];
    assertEquals(await Deno.stat(folder ?? ".").then(() => "left behind", () => "deleted"), "deleted");
  });
}
