/**
 * Narrowing a query to a window: what passes the check stays inside the parentheses that are put around it, and SQLite
 * itself agrees.
 */
import { DatabaseSync } from "node:sqlite";
import { quoted } from "../../../src/database/identifier.ts";
import { type CheckedQuery, checkQuery } from "../../../src/source/query_check.ts";
import { describingQuery, windowQuery } from "../../../src/source/query_text.ts";
import { type Dialect, tokenize } from "../../../src/source/sql_tokens.ts";
import type { Random } from "../random.ts";
import { require, requireMessage, type Target } from "../target.ts";

const dialects: readonly Dialect[] = ["postgresql", "mysql", "mssql", "sqlite", "generic"];
const quotes: Readonly<Record<Dialect, string>> = {
  postgresql: '"',
  mysql: "`",
  mssql: "[",
  sqlite: '"',
  generic: '"',
};

const words: readonly string[] = [
  "SELECT ",
  "timestamp ",
  "FROM t ",
  "* ",
  "WHERE a = 1 ",
  "WITH c AS (SELECT * FROM t) ",
  "ORDER BY a ",
  "UNION ALL ",
  "LIMIT 5 ",
  "WITH UR ",
  "FOR READ ONLY ",
  "TOP 100 PERCENT ",
  "FETCH FIRST 1 ROW ONLY ",
  "INTO x ",
  "FOR UPDATE ",
  "OPTION (RECOMPILE) ",
  "DELETE FROM t ",
  "-- x\n",
  "/* x */ ",
  "/*! x */ ",
  "# x\n",
  "(",
  ") ",
  "'it''s' ",
  "E'\\'' ",
  '"a""b" ',
  "[a]] ",
  "`a` ",
  "$$x$$ ",
  "$a$x$a$ ",
  ";",
  "? ",
  ", ",
  "'",
  '"',
  "--",
  "/*",
  "*/",
  "\\",
];

/** Makes the target. */
export function makeTarget(): Promise<Target> {
  const database = new DatabaseSync(":memory:");
  database.exec("CREATE TABLE t (a, timestamp, b); INSERT INTO t VALUES (1, '2026-01-01 00:00', 2)");
  return Promise.resolve({
    form: "text",
    words,
    generate: (random: Random) =>
      random.pick(["SELECT ", "WITH ", ""]) + random.many(14, () => random.pick(words)).join(""),
    run: (input: string) => run(input, database),
    [Symbol.asyncDispose]: () => Promise.resolve(database.close()),
  });
}

function run(input: string, database: DatabaseSync): void {
  for (const dialect of dialects) {
    const checked = checkQuery(input, dialect);
    if (!checked.ok) {
      requireMessage(checked.reason, input);
      continue;
    }
    const { query } = checked;
    const quote = (identifier: string) => quoted(identifier, quotes[dialect]);
    const wrapped = windowQuery(query, { quote, timeColumn: "timestamp" });
    requireInside(wrapped, { dialect, query });
    if (dialect === "sqlite") {
      requireSqliteAgrees(input, { body: query.body, describing: describingQuery(query, quote), database });
    }
  }
}

/** Behind the prefix come SELECT, * and FROM; what follows is one pair of parentheses, and the window. */
function requireInside(wrapped: string, { dialect, query }: { dialect: Dialect; query: CheckedQuery }): void {
  const { prefix, reading, suffix } = query;
  const tokens = tokenize(wrapped, reading).filter(({ kind, from }) => kind !== "comment" && from >= prefix.length);
  const outside = tokens.filter(({ depth }) => depth === 0).map(({ text }) => text);
  const shape = outside.slice(0, 3).join(" ");
  require(shape.startsWith("SELECT * FROM"), () => `${dialect}: begins with ${shape}: ${wrapped}`);
  const parentheses = outside.filter((text) => text === "(" || text === ")").length;
  require(parentheses === 2, () => `${dialect}: ${parentheses} parentheses at the top: ${wrapped}`);
  require(tokens.every(({ kind }) => kind !== "semicolon"), () => `${dialect}: two statements: ${wrapped}`);
  const markers = tokens.filter(({ kind }) => kind === "marker").length;
  require(markers === 2, () => `${dialect}: ${markers} parameters: ${wrapped}`);
  const narrowed = suffix === "" ? wrapped : wrapped.slice(0, -suffix.length - 1);
  require(/\?\s*AND [^?]*\?$/.test(narrowed), () => `${dialect}: does not end in the window: ${wrapped}`);
}

/** Where SQLite can read the query as it stands, it can read it narrowed; it is one statement and changes nothing. */
function requireSqliteAgrees(
  input: string,
  { body, describing, database }: { body: string; describing: string; database: DatabaseSync },
): void {
  const alone = columnsOf(body, database);
  if (alone === undefined) return;
  const inside = columnsOf(describing, database);
  require(inside !== undefined, () => `SQLite reads the query but not narrowed: ${describing}`);
  require(inside.length === alone.length, () => `${inside.length} columns instead of ${alone.length}: ${input}`);
  const before = database.prepare("SELECT total_changes() AS n, count(*) AS c FROM t").get();
  database.prepare(describing).all();
  const after = database.prepare("SELECT total_changes() AS n, count(*) AS c FROM t").get();
  require(JSON.stringify(before) === JSON.stringify(after), () => `It changes something: ${describing}`);
}

function columnsOf(sql: string, database: DatabaseSync): readonly unknown[] | undefined {
  try {
    return database.prepare(sql).columns();
  } catch {
    return undefined;
  }
}
