import fc from "fast-check";
import { DatabaseSync } from "node:sqlite";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { quoted } from "../../src/database/identifier.ts";
import { checkQuery } from "../../src/source/query_check.ts";
import { describingQuery, windowQuery } from "../../src/source/query_text.ts";
import type { Dialect } from "../../src/source/sql_tokens.ts";

const quote = (name: string) => quoted(name, '"');
const dialects: readonly Dialect[] = ["postgresql", "mysql", "mssql", "sqlite", "generic"];

function body(sql: string, dialect: Dialect = "generic"): string {
  const check = checkQuery(sql, dialect);
  assert(check.ok, check.ok ? "" : check.reason);
  return check.query.body;
}

function refusal(sql: string, dialect: Dialect = "generic"): string {
  const check = checkQuery(sql, dialect);
  assert(!check.ok, `"${sql}" was not refused`);
  return check.reason;
}

Deno.test("a query is wrapped with delimited names, its column as the database has it", () => {
  const check = checkQuery("SELECT * FROM calls;", "postgresql");
  assert(check.ok);
  assertEquals(
    windowQuery(check.query, { quote, timeColumn: 'Time"Stamp' }),
    'SELECT * FROM (\nSELECT * FROM calls\n) "w" WHERE "w"."Time""Stamp" >= ? AND "w"."Time""Stamp" < ?',
  );
  assertEquals(describingQuery(check.query, quote), 'SELECT * FROM (\nSELECT * FROM calls\n) "w" WHERE 1 = 0');
  assertEquals(quoted("a]b", "["), "[a]]b]");
  assertEquals(quoted("a", " "), "a");
});

Deno.test("what may stand at the end of a query is taken off", () => {
  for (const dialect of dialects) {
    for (
      const end of [
        ";",
        " ; ;\n",
        " -- all of them",
        "\n/* done */",
        "; -- a ; b\n /* c */ ;",
        " ORDER BY a",
        " order /**/ by a DESC;",
      ]
    ) {
      assertEquals(body(`SELECT a FROM t${end}`, dialect), "SELECT a FROM t");
    }
  }
  assertEquals(body("SELECT a FROM t # all", "mysql"), "SELECT a FROM t");
  assertEquals(body("SELECT a FROM t /* a /* b */ ; */", "postgresql"), "SELECT a FROM t");
  assertEquals(
    body(";WITH x AS (SELECT 1 AS a) SELECT a FROM x", "sqlite"),
    "WITH x AS (SELECT 1 AS a) SELECT a FROM x",
  );
});

Deno.test("what only looks like an end is kept", () => {
  const kept: [Dialect, string][] = [
    ["generic", "SELECT ';' FROM t"],
    ["generic", "SELECT '--' , 'it''s; /*' FROM t"],
    ["generic", 'SELECT ";" FROM t'],
    ["mysql", "SELECT 'a\\'; b', `;`, \"x\\\";\" FROM t"],
    ["mysql", "SELECT 5--1 FROM t"],
    ["mssql", "SELECT [a;]]b] FROM [#t]"],
    ["sqlite", "SELECT [a;b], `c;` FROM t"],
    ["postgresql", "SELECT $$ ; ' $$, $x$ $$ ; $x$, E'\\';', a[1:2] FROM t"],
    ["generic", "SELECT rank() OVER (ORDER BY a) FROM t"],
    ["generic", "SELECT a FROM (SELECT a FROM t ORDER BY a LIMIT 5) x"],
    ["postgresql", "SELECT DISTINCT ON (a) a, b FROM t ORDER BY a, b"],
    ["mssql", "SELECT TOP 100 PERCENT a FROM t"],
    ["mssql", "SELECT TOP (100) PERCENT a FROM t"],
    ["mysql", "SELECT replace(a, 'x', 'y'), insert(a, 1, 2, 'b') FROM t"],
    ["generic", "SELECT limit, t.offset, into_count FROM t"],
    ["generic", "(SELECT a FROM t) UNION ALL (SELECT a FROM u)"],
  ];
  for (const [dialect, sql] of kept) assertEquals(body(sql, dialect), sql);
});

Deno.test("what cannot be read window by window is refused with the reason", () => {
  assertMatch(refusal("  -- nothing"), /empty/);
  assertMatch(refusal("SELECT 1; SELECT 2"), /several statements/);
  assertMatch(refusal("EXEC sp_calls", "mssql"), /begins with "EXEC".*view/);
  assertMatch(refusal("DELETE FROM t"), /begins with "DELETE"/);
  assertMatch(refusal("SELECT a FROM t WHERE b = ?"), /parameter/);
  assertMatch(refusal("SELECT a FROM t) x; DROP TABLE t; --"), /"\)" too many/);
  assertMatch(refusal("SELECT (a FROM t"), /without its "\)"/);
  assertMatch(refusal("SELECT 'a FROM t"), /quote is not closed \(line 1/);
  assertMatch(refusal("SELECT a /* FROM t"), /comment is not closed/);
  assertMatch(refusal("SELECT a /*! INTO OUTFILE 'x' */ FROM t", "mysql"), /MySQL executes/);
  assertMatch(refusal("SELECT a INTO b FROM t", "mssql"), /INTO/);
  assertMatch(refusal("SELECT a FROM t FOR UPDATE"), /locks/);
  assertMatch(refusal("(SELECT a FROM t FOR UPDATE)"), /locks/);
  assertMatch(refusal("SELECT a FROM t FOR XML PATH", "mssql"), /document/);
  assertMatch(refusal("SELECT a FROM t OPTION (RECOMPILE)", "mssql"), /OPTION/);
  assertMatch(refusal("WITH x AS (DELETE FROM t RETURNING a) SELECT a FROM x", "postgresql"), /change data/);
  assertMatch(refusal("WITH x AS (SELECT 1) DELETE FROM t", "postgresql"), /change data/);
  for (
    const sql of [
      "SELECT a FROM t LIMIT 10",
      "SELECT a FROM t ORDER BY a OFFSET 5 ROWS",
      "SELECT a FROM t FETCH FIRST 5 ROWS ONLY",
    ]
  ) {
    assertMatch(refusal(sql), /limits its rows/);
  }
  assertMatch(refusal("SELECT TOP 10 a FROM t", "mssql"), /limits its rows \(TOP\)/);
  assertMatch(refusal("SELECT DISTINCT TOP (10) a FROM t", "mssql"), /limits its rows \(TOP\)/);
  assertMatch(refusal("SELECT a\0 FROM t"), /NUL/);
  assertMatch(refusal("SELECT a \ud800'a' FROM t) w --'", "mssql"), /surrogate/);
});

Deno.test("whatever limits the rows is refused, and a column that is called so is not", () => {
  const limits: [Dialect, string][] = [
    ["generic", "SELECT FIRST 100 * FROM t"],
    ["generic", "SELECT SKIP 5 FIRST 100 * FROM t"],
    ["generic", "SELECT FIRST (10) a FROM t"],
    ["generic", "SELECT * FROM t WHERE ROWNUM <= 100"],
    ["generic", "SELECT * FROM t WHERE a > 1 AND 100 >= ROWNUM"],
    ["mssql", "SELECT a FROM t ORDER BY a OFFSET @x ROWS"],
    ["postgresql", "SELECT a FROM t LIMIT x"],
    ["postgresql", "SELECT a FROM t WHERE b LIMIT least(5, 6)"],
    ["postgresql", "SELECT a FROM t ORDER BY a DESC LIMIT 'x'"],
    ["postgresql", "SELECT a FROM t LIMIT CAST(5 AS int)"],
    ["mysql", "SELECT a FROM (SELECT 1 AS a) x LIMIT ALL"],
    ["mysql", "(SELECT a FROM t ORDER BY a LIMIT 10)"],
    ["mysql", "((SELECT a FROM t) UNION DISTINCT (SELECT a FROM u LIMIT 10))"],
    ["postgresql", "SELECT a FROM t UNION ALL ((SELECT a FROM u FETCH FIRST 5 ROWS ONLY))"],
    ["mssql", "(SELECT TOP 10 a FROM t)"],
    ["mssql", "SELECT TOP (SELECT 5) a FROM t"],
    ["generic", "SELECT TOP (10) a FROM t"],
    ["generic", "SELECT * FROM t WHERE (ROWNUM <= 100)"],
    ["generic", "SELECT * FROM t WHERE (b = 1 AND (c = 2 OR ROWNUM <= 100))"],
    ["generic", "SELECT * FROM t WHERE ((SELECT max(a) FROM u) = a AND ROWNUM <= 100)"],
    ["generic", "(SELECT a FROM t) MINUS (SELECT a FROM u WHERE ROWNUM = 1)"],
  ];
  for (const [dialect, sql] of limits) assertMatch(refusal(sql, dialect), /limits its rows/, sql);
  const columns: [Dialect, string][] = [
    ["generic", "SELECT first, skip FROM t"],
    ["generic", "SELECT FIRST(a) FROM t"],
    ["generic", "SELECT a, ROWNUM AS n FROM t"],
    ["generic", "SELECT a FROM t WHERE limit > 5 AND offset BETWEEN 1 AND 2"],
    ["generic", "SELECT a limit FROM limit l JOIN offset o ON l.limit = o.offset WHERE l.a = 1 OR limit IN (1)"],
    ["mssql", "SELECT a FROM (SELECT a, 1 AS rownum FROM t) x WHERE rownum = 1"],
    ["postgresql", "SELECT top, a FROM t"],
    ["mysql", "SELECT top FROM t"],
    ["generic", "SELECT top, a FROM t"],
    ["generic", "SELECT DISTINCT top FROM t"],
    ["mysql", "SELECT a FROM t WHERE a > ALL (SELECT b FROM u LIMIT 5) AND c = (SELECT d FROM u LIMIT 1)"],
    ["postgresql", "(SELECT a FROM ((SELECT a FROM t LIMIT 5) x JOIN u ON (a = b)))"],
    ["generic", "SELECT a FROM t WHERE a IN (SELECT b FROM u WHERE (ROWNUM <= 5))"],
    ["generic", "WITH x AS (SELECT a FROM t WHERE ROWNUM <= 5) SELECT a FROM x"],
  ];
  for (const [dialect, sql] of columns) assertEquals(body(sql, dialect), sql);
});

Deno.test("a query for a database that nobody knows is refused only if it is however it is read", () => {
  const texts = [
    "SELECT [agent's name] FROM t",
    "SELECT 'it\\'s' FROM t",
    "SELECT a /* x */ FROM t # don't",
    "SELECT $$it's$$ FROM t",
    "SELECT 'it''s; fine' FROM t",
  ];
  for (const sql of texts) assert(checkQuery(sql, "unknown").ok, sql);
  const refused = (sql: string) => {
    const check = checkQuery(sql, "unknown");
    return check.ok ? "" : check.reason;
  };
  assertMatch(refused("SELECT 'a FROM t"), /quote is not closed/);
  assertMatch(refused("SELECT 'it\\'s' FROM t WHERE ROWNUM < 5"), /limits its rows \(ROWNUM\)/);
  assertMatch(refused("SELECT 1; DELETE FROM t"), /several statements/);
  // Whoever knows the database reads it in one way.
  assertMatch(refusal("SELECT 'a\\'; DELETE FROM t; -- '", "mssql"), /several statements/);
});

Deno.test("in MySQL's strings a backslash is read as the text can be meant", () => {
  assertEquals(body("SELECT 'a\\' AS x FROM t;", "mysql"), "SELECT 'a\\' AS x FROM t");
  assertEquals(body("SELECT 'a\\'; b' AS x FROM t", "mysql"), "SELECT 'a\\'; b' AS x FROM t");
  assertMatch(refusal("SELECT 'a\\\\' FROM t; DELETE FROM t", "mysql"), /several statements/);
  // With a connection it is known how it is meant.
  const out = "SELECT '\\'' ) w UNION SELECT (1) -- '";
  assert(checkQuery(out, "mysql").ok);
  assert(!checkQuery(out, { dialect: "mysql", backslashEscapes: true }).ok);
  assert(checkQuery(out, { dialect: "mysql", backslashEscapes: false }).ok);
  const quoted = 'SELECT "\\"" ) w UNION SELECT (1) -- "';
  assert(!checkQuery(quoted, { dialect: "mysql" }).ok);
  assert(checkQuery(quoted, { dialect: "mysql", ansiQuotes: true }).ok);
});

Deno.test("comments are not sent, except hints, and white space is plain", () => {
  const sent: [Dialect, string, string][] = [
    ["generic", "SELECT a, -- don't\r\n\u00a0b /* ( */FROM t", "SELECT a,\nb FROM t"],
    ["generic", "SELECT a/* one\ntwo */FROM t", "SELECT a\nFROM t"],
    ["mssql", "SELECT a /* it's /* nested */ */ FROM t", "SELECT a FROM t"],
    ["sqlite", "SELECT a --x\rFROM t", "SELECT a FROM t"],
    ["mysql", "SELECT a FROM t#don't\nWHERE b = 1 --\x01don't", "SELECT a FROM t\nWHERE b = 1"],
    ["generic", 'SELECT /*+ INDEX(t "I") */ a FROM t', 'SELECT /*+ INDEX(t "I") */ a FROM t'],
    ["mysql", "SELECT /*+ it's */ a FROM t", "SELECT a FROM t"],
  ];
  for (const [dialect, sql, text] of sent) assertEquals(body(sql, dialect), text);
  assertMatch(refusal("SELECT 5--/**/1 FROM t", "mysql"), /means something else without it/);
});

Deno.test("a text that its database reads in another way than others is read as there", () => {
  const way = ") w; DROP TABLE t; SELECT * FROM (SELECT 1";
  const texts: [Dialect, string][] = [
    ["postgresql", `SELECT 1 WHERE a <@$$'$$ ${way} --'`],
    ["postgresql", `SELECT E'a'\n'\\'' ${way} --'`],
    ["postgresql", `SELECT E'a' -- '\n'\\'' ${way} --'`],
    ["postgresql", `SELECT 1$$'$$ ${way} --'`],
    ["postgresql", `SELECT 1E'\\'' ${way} --'`],
    ["postgresql", `SELECT $é$'$é$ ${way} --'`],
    ["mysql", `SELECT 1 --\x7f'\n${way} --\x7f'`],
    ["mysql", `SELECT ['] ${way} -- ']`],
    ["mysql", `SELECT $$'$$ ${way} -- '`],
    ["sqlite", `SELECT $a(') ${way} --')`],
    ["generic", `SELECT q'[']' ${way} --'`],
    ["generic", `SELECT NQ'{'}' ${way} --'`],
    ["generic", `SELECT '\\'' ${way} --'`],
    ["generic", `SELECT ['] ${way} --']`],
    ["generic", `SELECT \`${way} --\``],
    ["generic", `SELECT $$'$$ ${way} --'`],
    ["generic", `SELECT 1 {'} ${way} {'}`],
    ["generic", `SELECT 1 //'\n${way} //'`],
    ["generic", `SELECT 1 %'\n${way} %'`],
    ["mssql", `SELECT {fn -} -'\n${way} --'`],
  ];
  for (const [dialect, sql] of texts) assert(!checkQuery(sql, dialect).ok, `${dialect}: ${sql}`);
  const kept: [Dialect, string][] = [
    ["postgresql", "SELECT a$$, 'b' 'c', N'd', U&'\\0061' FROM é$ WHERE a <@ $$it's$$ AND b = E'it\\'s'"],
    ["mysql", "SELECT N'it\\'s', _utf8'a', @'a''b', `it's`, a$b FROM t"],
    ["sqlite", "SELECT [it's], `it's`, a$ FROM t"],
    ["mssql", "SELECT [a]]'b], N'it''s', @x, $action FROM #t"],
    ["generic", "SELECT [a b], `c-d`, v$session.serial#, N'it''s', {ts '2026-01-01 00:00:00'}, 'C:\\x' FROM t"],
  ];
  for (const [dialect, sql] of kept) assertEquals(body(sql, dialect), sql);
});

Deno.test("what DB2 has at the end of a statement only goes to the end", () => {
  for (const end of ["WITH UR", "FOR READ ONLY", "FOR FETCH ONLY WITH UR"]) {
    const check = checkQuery(`SELECT a FROM t ORDER BY a ${end};`, "generic");
    assert(check.ok);
    assertEquals(describingQuery(check.query, quote), `SELECT * FROM (\nSELECT a FROM t\n) "w" WHERE 1 = 0 ${end}`);
  }
});

Deno.test("SQL Server's WITH goes before the wrapping SELECT", () => {
  const check = checkQuery(
    "WITH x (a) AS (SELECT 1), y AS (SELECT a FROM x) SELECT a AS timestamp FROM y ORDER BY a",
    "mssql",
  );
  assert(check.ok);
  assertEquals(
    windowQuery(check.query, { quote: (name) => quoted(name, "["), timeColumn: "timestamp" }),
    "WITH x (a) AS (SELECT 1), y AS (SELECT a FROM x)\nSELECT * FROM (\nSELECT a AS timestamp FROM y\n) [w] " +
      "WHERE [w].[timestamp] >= ? AND [w].[timestamp] < ?",
  );
});

Deno.test("a wrapped query returns exactly the rows of the window, whatever is in it", () => {
  using database = new DatabaseSync(":memory:");
  database.exec(`CREATE TABLE "t;" (id INTEGER, ts TEXT, "a ""b"" -- c" TEXT)`);
  const insert = database.prepare(`INSERT INTO "t;" VALUES (?, ?, ?)`);
  for (let id = 0; id < 40; id++) {
    insert.run(id, `2026-10-25 0${id % 10}:00:00`, [`;`, `'`, `--`, `/*`, `)`][id % 5] ?? "");
  }
  const texts = [`';'`, `'it''s'`, `'--'`, `'/*'`, `')'`, `"a ""b"" -- c"`, `[a "b" -- c]`, '`a "b" -- c`', `'('`];
  const gaps = [" ", "\n", " -- ; ) '\n", ' /* ; ( " */ ', "\t/**/"];
  const ends = ["", ";", " ;; ", " -- end", "\n/* end */;", " ORDER BY id;", " ORDER BY 1, (2) -- end"];
  fc.assert(
    fc.property(
      fc.constantFrom(...texts),
      fc.constantFrom(...texts),
      fc.array(fc.constantFrom(...gaps), { minLength: 4, maxLength: 4 }),
      fc.constantFrom(...ends),
      fc.constantFrom("plain", "with", "union"),
      fc.integer({ min: 0, max: 9 }),
      fc.integer({ min: 0, max: 9 }),
      (left, right, [g1, g2, g3, g4], end, shape, from, to) => {
        const select =
          `SELECT${g1}id,${g2}ts AS "timestamp", ${left} AS x${g3}FROM "t;" WHERE${g4}"a ""b"" -- c" <> ${right}`;
        const sql = shape === "with"
          ? `WITH${g1}c AS (${select})${g2}SELECT * FROM c`
          : shape === "union"
          ? `${select} UNION ALL ${select}`
          : select;
        const check = checkQuery(sql + end, "sqlite");
        assert(check.ok, check.ok ? "" : `${check.reason}\n${sql + end}`);
        const wrapped = windowQuery(check.query, { quote, timeColumn: "timestamp" });
        const times = [`2026-10-25 0${from}:00`, `2026-10-25 0${to}:00`] as const;
        const all = database.prepare(sql).all() as { id: number; timestamp: string }[];
        const expected = all.filter((row) => row.timestamp >= times[0] && row.timestamp < times[1]);
        const key = (row: Record<string, unknown>) => JSON.stringify(row);
        assertEquals(database.prepare(wrapped).all(...times).map(key).sort(), expected.map(key).sort());
      },
    ),
    { numRuns: 400 },
  );
});

Deno.test("whatever is not refused is one statement: nothing gets out of the parentheses", () => {
  const piece = fc.constantFrom(
    "SELECT",
    "1",
    "AS",
    "a",
    "FROM",
    "t",
    "(",
    ")",
    ";",
    "'",
    '"',
    "--",
    "/*",
    "*/",
    "\n",
    ",",
    "WHERE",
    "ORDER",
    "BY",
    "DROP TABLE t",
    "''",
    "WITH",
    "x",
    "UNION",
    " ",
    "[",
    "]",
    "`",
  );
  using database = new DatabaseSync(":memory:");
  database.exec("CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1)");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
      const check = checkQuery(`SELECT ${pieces.join(" ")}`, "sqlite");
      if (!check.ok) return;
      const wrapped = describingQuery(check.query, quote);
      try {
        // exec runs every statement there is in the text.
        database.exec(wrapped);
      } catch {
        // Not SQL: the database says so when the query is tested.
      }
      assertEquals(database.prepare("SELECT count(*) AS n FROM t").get(), Object.assign(Object.create(null), { n: 1 }));
      try {
        assertEquals(database.prepare(wrapped).all(), []);
      } catch (error) {
        assertMatch(
          String(error),
          /syntax error|no such|unrecognized token|incomplete|columns|aggregate|must|ORDER BY|duplicate|GROUP/i,
        );
      }
    }),
    { numRuns: 3000 },
  );
});
