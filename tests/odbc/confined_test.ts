/** The driver manager in a process that may do nothing else. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { assertEquals, assertMatch, assertRejects } from "../assert.ts";
import { driverManagerLibrary, openOdbcLibrary } from "../../src/odbc/library.ts";
import { listRegistered } from "../../src/odbc/drivers.ts";
import { csvOf, withDatabase } from "./open.ts";

/** A path-scoped permission needs the full path. */
function findDriverManager(): string | undefined {
  const folders = [
    `/usr/lib/${Deno.build.arch}-linux-gnu`,
    "/usr/lib64",
    "/usr/lib",
    "/usr/local/lib64",
    "/usr/local/lib",
  ];
  return folders.map((folder) => join(folder, driverManagerLibrary())).find((path) => existsSync(path));
}

Deno.test("ODBC works with the ffi permission for the driver manager's library alone", async () => {
  const path = findDriverManager();
  const script = `
    import { openOdbcLibrary } from ${JSON.stringify(import.meta.resolve("../../src/odbc/library.ts"))};
    import { connectOdbc } from ${JSON.stringify(import.meta.resolve("../../src/odbc/connection.ts"))};
    using library = openOdbcLibrary(${JSON.stringify(path)});
    const attributes = [{ key: "DRIVER", value: "SQLite3" }, { key: "DATABASE", value: ":memory:" }];
    const signal = AbortSignal.timeout(60_000);
    await using database = await connectOdbc({ library, attributes, signal });
    await using rows = await database.query("select 1 as one, 'zwei' as two", { signal });
    for await (const block of rows.blocks()) console.log(block.text(0, 0), block.text(1, 0));
  `;
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${directory}/main.ts`, script);
    const output = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--no-check", `--allow-ffi=${path}`, `${directory}/main.ts`],
      cwd: new URL("../..", import.meta.url).pathname,
    }).output();
    assertEquals(new TextDecoder().decode(output.stderr), "");
    assertEquals(new TextDecoder().decode(output.stdout), "1 zwei\n");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a missing driver manager is named with the command that installs it", async () => {
  const error = await assertRejects(() => openOdbcLibrary("libodbc-missing.so.2"));
  assertMatch(
    error.message,
    /^Cannot open the ODBC driver manager "libodbc-missing\.so\.2": .*sudo apt-get install unixodbc/,
  );
});

Deno.test("registered drivers are listed by name", () => {
  using library = openOdbcLibrary();
  const { drivers } = listRegistered(library);
  for (const name of ["PostgreSQL Unicode", "PostgreSQL ANSI", "MariaDB Unicode", "SQLite3", "FreeTDS"]) {
    assertEquals(drivers.includes(name), true, name);
  }
});

Deno.test("one connection runs one query at a time", async () => {
  await withDatabase(
    [{ key: "DRIVER", value: "SQLite3" }, { key: "DATABASE", value: ":memory:" }],
    async (database) => {
      await using _rows = await database.query("select 1", { signal: AbortSignal.timeout(60_000) });
      await assertRejects(() => csvOf(database, "select 2"), /another one is running/);
    },
  );
});
