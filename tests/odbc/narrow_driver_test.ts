/** A driver without wide entry points, to which the driver manager gives only a part of each letter. */
import { assertEquals, assertMatch } from "../assert.ts";
import { run } from "../databases/process.ts";

Deno.test("a letter that a driver would receive as another one is refused", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const source = new URL("narrow_driver.c", import.meta.url).pathname;
    await run(["gcc", "-shared", "-fPIC", "-w", "-o", `${directory}/libnarrow.so`, source]);
    await Deno.writeTextFile(`${directory}/odbcinst.ini`, `[Narrow]\nDriver=${directory}/libnarrow.so\n`);
    await Deno.writeTextFile(`${directory}/odbc.ini`, "");
    await Deno.writeTextFile(
      `${directory}/main.ts`,
      `
      import { openOdbcLibrary } from ${JSON.stringify(import.meta.resolve("../../src/odbc/library.ts"))};
      import { connectOdbc } from ${JSON.stringify(import.meta.resolve("../../src/odbc/connection.ts"))};
      using library = openOdbcLibrary();
      const signal = AbortSignal.timeout(60_000);
      await using database = await connectOdbc({ library, attributes: [{ key: "DRIVER", value: "Narrow" }], signal });
      for (const sql of ["\\u00e9", "\\u0127", "\\u{1f600}"]) {
        await database.query(sql, { signal }).catch((error) => console.log(error.message));
      }
    `,
    );
    const output = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--no-check", "--allow-ffi", `${directory}/main.ts`],
      cwd: new URL("../..", import.meta.url).pathname,
      env: { ODBCSYSINI: directory, ODBCINI: `${directory}/odbc.ini` },
    }).output();
    const lines = new TextDecoder().decode(output.stdout).split("\n");
    assertEquals(lines.filter((line) => /^[0-9a-f]+$/.test(line)), ["e9"]);
    for (const letter of ["ħ", "😀"]) {
      assertMatch(lines.join("\n"), new RegExp(`driver does not receive "${letter}" as such.*Unicode`));
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
