/**
 * Texts of all that quotes, escapes and comments, around what would leave the parentheses that are put around a query.
 * Each text that passes the check is given to the database itself: if it reads the text differently, there is a column
 * `got_out`.
 */
import fc from "fast-check";
import { DatabaseSync } from "node:sqlite";
import { assert } from "../assert.ts";
import { quoted } from "../../src/database/identifier.ts";
import type { Database } from "../../src/database/row_source.ts";
import { checkQuery } from "../../src/source/query_check.ts";
import { describingQuery } from "../../src/source/query_text.ts";
import type { Dialect, Reading } from "../../src/source/sql_tokens.ts";
import { startMariadb } from "../databases/mariadb.ts";
import { startPostgresql, type TestServer } from "../databases/postgresql.ts";
import { attributesFor, withDatabase } from "../odbc/open.ts";

const table = 'CREATE TABLE t (a TEXT, "a\'" TEXT, "\\" TEXT)';
const way = ") v CROSS JOIN (SELECT 1 AS got_out";
const starts = ["SELECT 1 AS a", "SELECT a FROM t", "SELECT a FROM t WHERE a", "SELECT a FROM t WHERE 'x' <> "];
const glue = ["", " ", "\n", "\r", "\v", "\u00a0", "||", "<>", "-", "^@", "@", "#", ",", "é"];
const fragments = [
  ...["a", "'x'", "''''", "'\\'", "'\\''", "N'\\''", '"a"', '"a\'"', '"\\"', "{d '2026-01-01'}", "{'}"],
  ...["-- '\n", "--'\n", "--\r'\n", "-- \r'\n", "--\x01'\n", "/* ' */", "/* /* */ ' */", "/*+ ' */"],
];
const ownFragments: Readonly<Record<Exclude<Dialect, "mssql" | "generic">, readonly string[]>> = {
  sqlite: ["$a(')", ":a(')", "`a'`", "[a']", "[a]]"],
  postgresql: ["E'\\''", "'\\''", "E'a'\n", "e'a' -- '\n", "U&'\\'", "$$'$$", "$a$'$a$", "$é$'$é$", "a$$", "1"],
  mysql: ["#'\n", "`a'`", "[a']", "_utf8'\\''", "@'a'", '"\\""', "$a$", "/*!'*/", "/*M!'*/"],
};
const ends = ["'", "--'", "-- '", "--')", '-- "', "#'", "/*'*/"];

type Tested = Reading & { readonly dialect: keyof typeof ownFragments };

function texts({ dialect }: Tested): fc.Arbitrary<string> {
  const fragment = fc.oneof(fc.constantFrom(...fragments), fc.constantFrom(...ownFragments[dialect]));
  const middle = fc.array(fc.tuple(fc.constantFrom(...glue), fragment), { minLength: 1, maxLength: 3 });
  return fc.tuple(fc.constantFrom(...starts), middle, fc.constantFrom(...ends))
    .map(([start, parts, end]) => start + parts.flat().join("") + way + end);
}

async function nothingGetsOut(
  reading: Tested,
  options: { quote: string; columnsOf(sql: string): Promise<readonly string[]> },
): Promise<void> {
  let passed = 0;
  await fc.assert(
    fc.asyncProperty(texts(reading), async (text) => {
      const check = checkQuery(text, reading);
      if (!check.ok) return;
      passed++;
      const sql = describingQuery(check.query, (name) => quoted(name, options.quote));
      const columns = await options.columnsOf(sql);
      assert(!columns.includes("got_out"), sql);
    }),
    { numRuns: 10_000 },
  );
  assert(passed > 500, `only ${passed} texts passed the check`);
}

/** None for a text that the database refuses. */
async function columnsOf(database: Database, sql: string): Promise<string[]> {
  try {
    await using rows = await database.query(sql, { signal: AbortSignal.timeout(60_000) });
    return rows.columns.map(({ name }) => name);
  } catch {
    return [];
  }
}

function overOdbc(server: TestServer, options: { driver: string; reading: Tested; quote: string }): Promise<void> {
  const { driver, reading, quote } = options;
  return withDatabase(
    attributesFor(driver, server),
    (database) => nothingGetsOut(reading, { quote, columnsOf: (sql) => columnsOf(database, sql) }),
  );
}

Deno.test("nothing gets out of the parentheses in SQLite", async () => {
  using database = new DatabaseSync(":memory:");
  database.exec(table);
  const columnsOf = (sql: string) => {
    try {
      return Promise.resolve(database.prepare(sql).columns().map(({ name }) => name));
    } catch {
      return Promise.resolve([]);
    }
  };
  await nothingGetsOut({ dialect: "sqlite" }, { quote: '"', columnsOf });
});

Deno.test("nothing gets out of the parentheses in PostgreSQL", async () => {
  await using server = await startPostgresql();
  await server.sql(table);
  const shared = { driver: "PostgreSQL Unicode", quote: '"' };
  await overOdbc(server, { ...shared, reading: { dialect: "postgresql" } });
  await server.sql("alter role bench set standard_conforming_strings = off");
  await overOdbc(server, { ...shared, reading: { dialect: "postgresql", backslashEscapes: true } });
});

Deno.test("nothing gets out of the parentheses in MariaDB", async () => {
  await using server = await startMariadb();
  await server.sql(`set sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'; ${table}`);
  const modes: Readonly<Record<string, Omit<Reading, "dialect">>> = {
    "": {},
    NO_BACKSLASH_ESCAPES: { backslashEscapes: false },
    ANSI_QUOTES: { ansiQuotes: true },
    MSSQL: { ansiQuotes: true },
  };
  for (const [mode, settings] of Object.entries(modes)) {
    await server.sql(`set global sql_mode = '${mode}'`);
    const reading = { dialect: "mysql", ...settings } as const;
    await overOdbc(server, { driver: "MariaDB Unicode", reading, quote: "`" });
  }
});
