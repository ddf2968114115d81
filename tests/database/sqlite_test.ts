import { DatabaseSync } from "node:sqlite";
import { openSqlite } from "../../src/database/sqlite.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { csvOf } from "../odbc/open.ts";

async function withFile(sql: string, use: (file: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    const source = new DatabaseSync(`${directory}/records.sqlite`);
    source.exec(sql);
    source.close();
    await use(`${directory}/records.sqlite`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const table = `
  create table t (a integer, b text, c real, d blob, at timestamp);
  insert into t values (9223372036854775807, 'Grüße 😀', 0.1, x'00ff10', '2024-03-31 02:30:00.123');
  insert into t values (-9223372036854775808, '', 1e300, x'', '2024-03-31T02:30:00');
  insert into t values (null, null, null, null, null);
  insert into t values ('42', 'a,"b"', 3.0, 'text', '2024-03-31 02:30:00+01:00');
`;

Deno.test("SQLite files give every value exactly", async () => {
  await withFile(table, async (file) => {
    await using database = openSqlite({ file });
    const { lines } = await csvOf(database, "select a, b, c, d, at, a as a from t");
    assertEquals(lines, [
      "a,b,c,d,at,a",
      "9223372036854775807,Grüße 😀,0.1,AP8Q,2024-03-31 02:30:00.123,9223372036854775807",
      '-9223372036854775808,"",1e+300,"",2024-03-31T02:30:00,-9223372036854775808',
      ",,,,,",
      '42,"a,""b""",3,text,2024-03-31 02:30:00+01:00,42',
    ]);
    await using rows = await database.query("select a, at, b from t", { signal: AbortSignal.timeout(60_000) });
    assertEquals(rows.columns.map(({ kind }) => kind), ["integer", "timestamp", "text"]);
    for await (const block of rows.blocks()) {
      assertEquals([0, 1, 2, 3].map((row) => block.integer(0, row)), [NaN, NaN, NaN, 42]);
      const wall = Date.UTC(2024, 2, 31, 2, 30);
      assertEquals([0, 1, 2, 3].map((row) => block.timeMs(1, row)), [wall + 123, wall, NaN, NaN]);
      assertEquals([block.text(2, 1), block.text(2, 2), block.isNull(2, 2)], ["", null, true]);
    }
  });
});

Deno.test("a window is read by parameters, in many blocks and small chunks", async () => {
  const many = "create table n (i integer, at text); with recursive c(i) as (select 1 union all select i + 1 from c " +
    "where i < 5000) insert into n select i, datetime(i, 'unixepoch') from c;";
  await withFile(many, async (file) => {
    await using database = openSqlite({ file });
    const { lines, result } = await csvOf(database, "select i from n where at >= ? and at < ? order by i", {
      chunkBytes: 512,
      parameters: [{ type: "timestamp", wallClockMs: 1_000_000 }, { type: "timestamp", wallClockMs: 4_000_000 }],
      check: (block, refused) => {
        for (let row = 0; row < block.rows; row++) if (block.integer(0, row) % 2 === 0) refused[row] = 1;
      },
    });
    assertEquals([result.rows, result.rowsWritten, lines.length], [3000, 1500, 1501]);
    assertEquals(lines.slice(0, 3), ["i", "1001", "1003"]);
  });
});

Deno.test("an SQLite file is opened for reading only, and only for queries", async () => {
  await withFile(table, async (file) => {
    await using database = openSqlite({ file });
    for (
      const sql of [
        "delete from t returning a",
        "insert into t (a) values (1)",
        "attach 'x.sqlite' as x",
        "drop table t",
      ]
    ) {
      await assertRejects(() => csvOf(database, sql), /syntax error|returns none/);
    }
    // An error after the first rows, which the runtime's iterator takes for the end.
    const halfway = "select abs(a) from (select 1 as a union all select -9223372036854775808)";
    await assertRejects(() => csvOf(database, halfway), /Cannot run the query: SQLite stopped before the last row/);
    await assertRejects(() => csvOf(database, "select json('x') from t"), /malformed JSON/);
    for (const end of ["", "; ", "; -- all", " -- all;", ";; /* a * b */ ; -- c", ";\n/* open"]) {
      assertEquals((await csvOf(database, `select 'a;b' as one, 2 as two${end}`)).lines, ["one,two", "a;b,2"], end);
    }
    await assertRejects(() => csvOf(database, "select 1 as one; select 2 as two"), /several statements/);
    for (const none of ["", " ; ", "-- all", "/* open", "/**/ ".repeat(50)]) {
      await assertRejects(() => csvOf(database, none), /there is none/);
    }
    await assertRejects(() => csvOf(database, "select nonsense from t"), /no such column: nonsense/);
    assertEquals((await csvOf(database, "select count(*) as n from t")).lines, ["n", "4"]);
    await assertRejects(() => openSqlite({ file: `${file}.missing` }), /Cannot open the SQLite file/);
    await Deno.writeTextFile(`${file}.txt`, "this is no database, whatever its name says".repeat(100));
    await assertRejects(() => openSqlite({ file: `${file}.txt` }), /not a database/);
  });
});

Deno.test("an abort ends a query between its blocks", async () => {
  await withFile("create table t (i);", async (file) => {
    await using database = openSqlite({ file });
    const controller = new AbortController();
    const endless = "with recursive c(i) as (select 1 union all select i + 1 from c) select i from c";
    let blocks = 0;
    const reading = csvOf(database, endless, {
      signal: controller.signal,
      onProgress: () => {
        if (++blocks === 3) controller.abort(new Error("enough"));
      },
    });
    await assertRejects(() => reading, /enough/);
    assert(blocks < 10);
  });
});
