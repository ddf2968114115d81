/** ODBC against SQLite by libsqliteodbc, whose columns hold whatever was put into them; and FreeTDS up to its errors. */
import { DatabaseSync } from "node:sqlite";
import { LongValueError } from "../../src/database/row_source.ts";
import { OdbcError } from "../../src/odbc/diagnostics.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../assert.ts";
import { csvOf, withDatabase } from "./open.ts";

Deno.test("SQLite by ODBC: a value longer than declared is never cut", async (t) => {
  const directory = await Deno.makeTempDir();
  const file = `${directory}/test.sqlite`;
  const source = new DatabaseSync(file);
  source.exec(`
    create table t (a integer, b varchar(5), d double, at timestamp, x blob);
    insert into t values (9007199254740993, 'länger als fünf Zeichen 😀', 0.1, '2024-01-01 10:00:00.5', x'0102');
    insert into t values (null, null, null, null, null);
    insert into t values ('no number', '', 2.5, '', x'');
    create table long (n integer, body text);
    insert into long values (1, '${"ü😀".repeat(100_000)}'), (2, null), (3, '');
  `);
  source.close();
  const attributes = [{ key: "DRIVER", value: "SQLite3" }, { key: "DATABASE", value: file }];
  try {
    await t.step("a bound column fails whole, and comes whole when it is known to be long", async () => {
      await withDatabase(attributes, async (database) => {
        const error = await assertRejects(() => csvOf(database, "select a, b from t"));
        assert(error instanceof LongValueError);
        assertEquals(error.columns, ["b"]);
        const { lines } = await csvOf(database, "select a, b, d, at from t", { longColumns: new Set(error.columns) });
        assertEquals(lines, [
          "a,b,d,at",
          "9007199254740993,länger als fünf Zeichen 😀,0.1,2024-01-01 10:00:00.5",
          ",,,",
          'no number,"",2.5,""',
        ]);
      });
    });
    await t.step("long texts in pieces", async () => {
      await withDatabase(attributes, async (database) => {
        const { lines } = await csvOf(database, "select n, body from long");
        assertEquals(lines, ["n,body", `1,${"ü😀".repeat(100_000)}`, "2,", '3,""']);
      });
    });
    await t.step("a query with characters of every length", async () => {
      await withDatabase(attributes, async (database) => {
        const { lines } = await csvOf(database, "select 'ü€😀' as größe, b from t where b like 'länger als%😀'", {
          longColumns: new Set(["b"]),
        });
        assertEquals(lines, ["größe,b", "ü€😀,länger als fünf Zeichen 😀"]);
      });
    });
    await t.step("read-only", async () => {
      await withDatabase(attributes, async (database) => {
        await assertRejects(() => csvOf(database, "insert into long values (4, '') returning n"));
      });
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("FreeTDS says that the server does not answer", async () => {
  const attributes = [
    { key: "DRIVER", value: "FreeTDS" },
    { key: "SERVER", value: "127.0.0.1" },
    { key: "PORT", value: "1" },
    { key: "DATABASE", value: "x" },
    { key: "UID", value: "u" },
    { key: "PWD", value: "very-secret" },
  ];
  const error = await assertRejects(() => withDatabase(attributes, () => Promise.resolve()));
  assert(error instanceof OdbcError);
  assertEquals(error.kind, "unreachable", error.message);
  assertMatch(error.message, /\[08001\]|\[08S01\]/);
  assert(!error.message.includes("very-secret"));
});
