/** A disk that fails while the state is read at the start. */
import { join } from "node:path";
import { assertEquals, assertMatch } from "../assert.ts";
import { compileShim, Shim } from "./shim.ts";

/** So many reads succeed before one fails: the first ones are of the beginning, the later ones of the check. */
const spared = [0, 1, 3, 5, 8, 13];

Deno.test("a state that the disk does not give is left as it is, whichever page it was", async () => {
  await using shimLibrary = await compileShim();
  const root = await Deno.realPath(await Deno.makeTempDir());
  try {
    const folder = join(root, "state");
    const shim = await Shim.make(join(root, "block"), {
      library: shimLibrary.library,
      durable: { root: join(root, "none"), copy: join(root, "copy") },
    });
    assertEquals(await open(folder, shim), "opened");
    for (const reads of spared) {
      shim.fail({ error: "EIO", operations: ["reads"], pathPart: "/state/state.db", spared: reads });
      const said = await open(folder, shim);
      assertMatch(
        said,
        /^Cannot read the state ".*": the disk cannot return it \(.*\)\. Check the disk/,
        `after ${reads} reads`,
      );
      shim.fail(undefined);
      assertEquals(await open(folder, shim), "opened");
    }
    const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
    assertEquals(names.filter((name) => name.startsWith("set-aside")), []);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

/** What a process says that opens the state. */
async function open(folder: string, shim: Shim): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", "--no-check", new URL("open_state.ts", import.meta.url).pathname, folder],
    env: shim.environment,
    stderr: "inherit",
  }).output();
  return new TextDecoder().decode(stdout);
}
