/** The command `query`, on an SQLite file. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { compileShim, Shim } from "../faults/shim.ts";

const main = fileURLToPath(new URL("../../main.ts", import.meta.url));

async function withDatabase(
  act: (parts: { folder: string; query: (...args: string[]) => Promise<Result> }) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const database = new DatabaseSync(join(folder, "calls.db"));
    database.exec(`CREATE TABLE calls (queueidentifier TEXT, queuename TEXT, timestamp TEXT, answered INTEGER);
      INSERT INTO calls VALUES ('1', 'Störung "A"', '2026-03-02 08:15:00', 1), ('2', NULL, '2026-03-02 08:20:00', 0),
        ('3', 'B', '2026-03-02 10:00:00', 1), ('4', 'C', '2026-03-02 08:30:00', 'many')`);
    database.close();
    await act({ folder, query: (...args) => run(folder, args) });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

interface Result {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

async function run(folder: string, args: readonly string[], env: Record<string, string> = {}): Promise<Result> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", "--no-prompt", main, "query", ...args],
    cwd: folder,
    env: { NO_COLOR: "1", ...env },
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), error: decoder.decode(stderr) };
}

Deno.test("query prints a table and says that there is more", () =>
  withDatabase(async ({ query }) => {
    const { code, out } = await query("--connection", "sqlite:calls.db", "--limit", "2", "SELECT * FROM calls");
    assertEquals(code, 0);
    assertMatch(out, /^queueidentifier {2}queuename {4}timestamp {12}answered$/m);
    assertMatch(out, /^2 {16}NULL {9}2026-03-02 08:20:00 {2}0$/m);
    assertMatch(out, /the first 2 rows/);
  }));

Deno.test("query says which file is missing, and does not speak of an integration", () =>
  withDatabase(async ({ query }) => {
    const { code, error } = await query("--connection", "sqlite:nope.db", "SELECT 1");
    assertEquals(code, 1);
    assertMatch(error, /Cannot open ".*nope\.db": there is no such file\. Check the name$/m);
  }));

Deno.test("query writes CSV, plain and compressed, with the same content", () =>
  withDatabase(async ({ folder, query }) => {
    const contents: string[] = [];
    for (
      const [name, unpack] of [
        ["o.csv", (bytes: Uint8Array) => bytes],
        ["o.csv.zst", (bytes: Uint8Array) => zstdDecompressSync(bytes)],
        ["o.csv.gz", (bytes: Uint8Array) => gunzipSync(bytes)],
      ] as const
    ) {
      const { code, out } = await query("--connection", "sqlite:calls.db", "--output", name, "SELECT * FROM calls");
      assertEquals(code, 0);
      assertMatch(out, /^4 rows in .* rows\/s/);
      contents.push(new TextDecoder().decode(unpack(await Deno.readFile(join(folder, name)))));
    }
    assertMatch(contents[0] ?? "", /^1,"Störung ""A""",2026-03-02 08:15:00,1\r\n2,,2026-03-02 08:20:00,0\r\n/m);
    assertEquals(new Set(contents).size, 1);
  }));

Deno.test("query with a type reads the window in the database's time zone and says which rows cannot be imported", () =>
  withDatabase(async ({ query }) => {
    const { code, out } = await query(
      ...["--connection", "sqlite:calls.db", "--type", "contact", "--time-zone", "Europe/Berlin"],
      ...["--from", "2026-03-02T08:00", "--to", "2026-03-02T07:00:00-02:00", "SELECT * FROM calls; -- all"],
    );
    assertEquals(code, 0);
    assertMatch(out, /^3 rows from 2026-03-02T07:00:00\.000Z to 2026-03-02T09:00:00\.000Z/m);
    assertMatch(out, /^1 rows cannot be imported:\n.*answered.*many/m);
  }));

Deno.test("query writes each row once when a value is longer than its column was declared", () =>
  withDatabase(async ({ folder, query }) => {
    const database = new DatabaseSync(join(folder, "calls.db"));
    database.exec(`CREATE TABLE long (queueidentifier varchar(10), queuename varchar(10), timestamp varchar(30),
        answered integer, note varchar(10));
      WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 60000)
      INSERT INTO long SELECT i, 'Q', '2026-03-02 08:15:00', 1, iif(i = 60000, printf('%.*c', 500, 'x'), 'n') FROM c`);
    database.close();
    const connection = ["--connection", `DRIVER=SQLite3;DATABASE=${folder}/calls.db`];
    const asImport = ["--type", "contact", "--time-zone", "UTC", "--from", "2026-03-02", "--to", "2026-03-03"];
    for (const narrowed of [[], asImport]) {
      for (
        const [name, unpack] of [
          ["l.csv", (bytes: Uint8Array) => bytes],
          ["l.csv.zst", (bytes: Uint8Array) => zstdDecompressSync(bytes)],
          ["l.csv.gz", (bytes: Uint8Array) => gunzipSync(bytes)],
        ] as const
      ) {
        const { code, error } = await query(...connection, ...narrowed, "--output", name, "SELECT * FROM long");
        assertEquals(code, 0, error);
        const lines = new TextDecoder().decode(unpack(await Deno.readFile(join(folder, name)))).split("\r\n");
        assertEquals([lines.length, new Set(lines).size], [60_002, 60_002], `${name} ${narrowed.join(" ")}`);
      }
    }
  }));

Deno.test("query writes as many rows as the limit says, with a type and without", () =>
  withDatabase(async ({ folder, query }) => {
    const database = new DatabaseSync(join(folder, "calls.db"));
    database.exec("UPDATE calls SET answered = 'many' WHERE queueidentifier = '1'");
    database.close();
    const asImport = ["--type", "contact", "--time-zone", "UTC", "--from", "2026-03-02", "--to", "2026-03-03"];
    for (const narrowed of [[], asImport]) {
      const { code, out } = await query(
        ...["--connection", "sqlite:calls.db", ...narrowed, "--limit", "2", "--output", "o.csv"],
        "SELECT * FROM calls",
      );
      assertEquals(code, 0);
      const lines = (await Deno.readTextFile(join(folder, "o.csv"))).split("\r\n");
      // The first row cannot be imported.
      const due = narrowed.length > 0 ? ["2"] : ["1", "2"];
      assertEquals(lines.slice(1, -1).map((line) => line.split(",")[0]), due);
      assertMatch(out, new RegExp(`^${due.length} rows in `, "m"));
      if (narrowed.length > 0) assertMatch(out, /^2 rows from .*\n1 rows cannot be imported:\n.*many/m);
    }
  }));

Deno.test("query says how many characters were replaced", () =>
  withDatabase(async ({ folder, query }) => {
    const database = new DatabaseSync(join(folder, "calls.db"));
    database.exec("UPDATE calls SET queuename = CAST(x'4bf66c6e' AS TEXT) WHERE queueidentifier < '3'");
    database.close();
    const asImport = ["--type", "contact", "--time-zone", "UTC", "--from", "2026-03-02", "--to", "2026-03-03"];
    for (const narrowed of [[], asImport]) {
      const { code, error } = await query("--connection", "sqlite:calls.db", ...narrowed, "SELECT * FROM calls");
      assertEquals(code, 0);
      assertMatch(error, /^Characters that became "\ufffd": 2\. /m);
    }
  }));

Deno.test("query that fails says why, leaves no file and does not end with 0", () =>
  withDatabase(async ({ folder, query }) => {
    const bad = await query("--connection", "sqlite:calls.db", "--output", "o.csv", "SELECT nope FROM calls");
    assertEquals(bad.code, 1);
    assertMatch(bad.error, /nope/);
    assertEquals((await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name), ["calls.db"]);
    const columns = await query("--connection", "sqlite:calls.db", "--type", "contact", "SELECT queuename FROM calls");
    assertMatch(columns.error, /lacks the columns queueidentifier, timestamp, answered/);
    assert((await query("SELECT 1")).error.includes("--connection"));
    const window = await query("--connection", "sqlite:calls.db", "--from", "2026-03-02", "SELECT * FROM calls");
    assertMatch(window.error, /--from and --to need --type/);
    const toml = join(folder, "parts.toml");
    await Deno.writeTextFile(toml, '[database]\nhost = "db.example"\ndatabase = "calls"\n');
    assertMatch(
      (await query("--config", toml, "SELECT 1")).error,
      /not what kind of database is there. Add \[database\] type/,
    );
  }));

Deno.test("query replaces only files: no folder, link, device or pipe", () =>
  withDatabase(async ({ folder, query }) => {
    await Deno.mkdir(join(folder, "folder"));
    await Deno.writeTextFile(join(folder, "file.csv"), "old");
    await Deno.symlink("file.csv", join(folder, "link.csv"));
    await new Deno.Command("mkfifo", { args: [join(folder, "pipe.csv")] }).output();
    const names = async () => (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).toSorted();
    const before = await names();
    for (const [name, kind] of [["folder", "folder"], ["link.csv", "link"], ["pipe.csv", "device, pipe or socket"]]) {
      const { code, error } = await query("--connection", "sqlite:calls.db", "--output", `${name}`, "SELECT 1 AS x");
      assertEquals([code, await names()], [1, before]);
      assertMatch(error, new RegExp(`Cannot write "${name}": there is a ${kind} of that name\\. Give --output`));
    }
    assertEquals(await Deno.readTextFile(join(folder, "file.csv")), "old");
    const { code } = await query("--connection", "sqlite:calls.db", "--output", "file.csv", "SELECT 1 AS x");
    assertEquals([code, await Deno.readTextFile(join(folder, "link.csv"))], [0, "x\r\n1\r\n"]);
    assertEquals(await names(), before);
  }));

Deno.test("query ends with 2 when its command line is wrong", () =>
  withDatabase(async ({ query }) => {
    const asImport = ["--connection", "sqlite:calls.db", "--type", "contact"];
    for (
      const [args, message] of [
        [[], /Cannot run a query: give one/],
        [["--from", "2026-03-02", "SELECT 1"], /--from and --to need --type/],
        [[...asImport, "--time-zone", "Mars/Base", "SELECT 1"], /Cannot use the time zone "Mars\/Base"/],
        [[...asImport, "--to", "yesterday", "SELECT 1"], /Cannot use the time "yesterday"/],
        [["--connection", "DSN=acd;PWD=x", "SELECT 1"], /Cannot accept a password as an argument/],
      ] as const
    ) {
      const { code, error } = await query(...args);
      assertEquals(code, 2, error);
      assertMatch(error, message);
    }
  }));

Deno.test("query names the way out when its file cannot be written", () =>
  withDatabase(async ({ query }) => {
    const { code, error } = await query("--connection", "sqlite:calls.db", "--output", "calls.db/o.csv", "SELECT 1");
    assertEquals(code, 1);
    assertMatch(error, /Cannot write "calls\.db\/o\.csv": .*\. Give --output a file in another folder/);
  }));

Deno.test("query whose file's disk is full names the file, leaves nothing of it and says where else to write", () =>
  withDatabase(async ({ folder }) => {
    await using shim = await compileShim();
    const durable = { root: join(folder, "none"), copy: join(folder, "none") };
    const disk = await Shim.make(join(folder, "block"), { library: shim.library, durable });
    disk.fail({ error: "ENOSPC", operations: ["writes"], pathPart: ".part" });
    for (const name of ["o.csv", "o.csv.gz"]) {
      const args = ["--connection", "sqlite:calls.db", "--output", name, "SELECT * FROM calls"];
      const { code, error } = await run(folder, args, disk.environment);
      assertEquals([code, error.split("\n").at(-2)], [
        1,
        `Cannot write "${name}": No space left on device (os error 28). Give --output a file on another disk`,
      ]);
    }
    const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
    assertEquals(names.toSorted(), ["block", "calls.db"]);
  }));

Deno.test("query takes no password as an argument, but by standard input", () =>
  withDatabase(async ({ folder, query }) => {
    for (const key of ["PWD", "Password"]) {
      const { code, error, out } = await query("--connection", `DSN=acd;UID=u;${key}={str1ng;secret}`, "SELECT 1");
      assertEquals([code === 0, out], [false, ""]);
      assertMatch(error, /Cannot accept a password as an argument/);
      assert(!error.includes("str1ng"), error);
    }
    for (const connection of [`DRIVER=SQLite3;Database=${folder}/calls.db;PWD=str1ng`, `sqlite:${folder}/calls.db`]) {
      const child = new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "--quiet",
          "--allow-all",
          "--no-prompt",
          main,
          "query",
          "--connection",
          "-",
          "SELECT * FROM calls",
        ],
        cwd: folder,
        env: { NO_COLOR: "1" },
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const input = child.stdin.getWriter();
      await input.write(new TextEncoder().encode(`${connection}\n`));
      await input.close();
      const { code, stdout, stderr } = await child.output();
      assertEquals(code, 0, new TextDecoder().decode(stderr));
      assertMatch(new TextDecoder().decode(stdout), /^queueidentifier {2}queuename/m);
    }
  }));
