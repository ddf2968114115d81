/** Windows read from real servers by the extractor, around changes of the clock. */
import { join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import { parse } from "csv-parse/sync";
import { assert, assertEquals, assertMatch, assertRejects } from "../assert.ts";
import { parseTime } from "../../src/database/parse_time.ts";
import { formatConnectionString } from "../../src/odbc/connection_string.ts";
import type { Extractor } from "../../src/extractor/extractor.ts";
import { ExtractError } from "../../src/extractor/watch.ts";
import type { ExtractJob } from "../../src/extractor/messages.ts";
import { edgeAtOrBefore, wallOfInstant, wallText } from "../../src/source/time_zone.ts";
import type { Window } from "../../src/source/read_state.ts";
import { startMariadb } from "../databases/mariadb.ts";
import { startPostgresql, type TestServer } from "../databases/postgresql.ts";
import { run } from "../databases/process.ts";
import { attributesFor } from "../odbc/open.ts";
import { HubModel } from "../source/hub_model.ts";
import { extractor, job } from "./harness.ts";

const minuteMs = 60_000;
const changes: readonly (readonly [zone: string, around: number])[] = [
  ["Europe/Berlin", Date.UTC(2026, 9, 25, 1)],
  ["Europe/Berlin", Date.UTC(2026, 2, 29, 1)],
  ["America/New_York", Date.UTC(2026, 10, 1, 6)],
  ["Australia/Lord_Howe", Date.UTC(2026, 3, 4, 15)],
  ["Australia/Lord_Howe", Date.UTC(2026, 9, 3, 15, 30)],
  ["Africa/Casablanca", Date.UTC(2026, 1, 15, 2)],
  ["Asia/Kolkata", Date.UTC(2026, 2, 29, 1)],
];

/** A row every 13 minutes for 30 hours around the change. */
function instants(aroundMs: number): number[] {
  return Array.from({ length: 140 }, (_, index) => aroundMs + (index - 70) * 13 * minuteMs);
}

/** Windows of some hours, cut wherever they fall. */
function cuts(aroundMs: number, timeZone: string): Window[] {
  const edges = Array.from(
    { length: 24 },
    (_, index) => edgeAtOrBefore(aroundMs + (index - 12) * 95 * minuteMs, { timeZone, minutes: 15 }),
  );
  return edges.flatMap((toMs, index) => {
    const fromMs = edges[index - 1];
    return fromMs === undefined || fromMs === toMs ? [] : [{ fromMs, toMs }];
  });
}

async function rowsOf(
  live: Extractor,
  folder: string,
  changed: Partial<ExtractJob>,
): Promise<{ id: string; time: string }[]> {
  const path = join(folder, crypto.randomUUID());
  const result = await live.run(job({ ...changed, output: { path, bytesMax: 1e8 } }), {
    signal: AbortSignal.timeout(60_000),
  });
  assertEquals(result.refused, { rows: 0, reasons: [] });
  assert(result.file);
  const text = zstdDecompressSync((await Deno.readFile(path)).subarray(0, result.file.payloadBytes)).toString();
  const rows = parse(text, { columns: (names: string[]) => names.map((name) => name.toLowerCase()) }) as Record<
    string,
    string
  >[];
  assertEquals(rows.length, result.rows);
  return rows.map((row) => ({ id: row["queueidentifier"] ?? "", time: row["timestamp"] ?? "" }));
}

function at(server: TestServer): Extract<ExtractJob["connection"], { by: "parts" }> {
  const { host, port, database, user, password } = server;
  return { by: "parts", host, port, database, user, password };
}

async function eachRowOnce(
  options: {
    server: TestServer;
    live: Extractor;
    folder: string;
    job: Partial<ExtractJob>;
    zoned: boolean;
    utcSuffix?: string;
  },
): Promise<void> {
  const { live, folder, zoned } = options;
  for (const [timeZone, aroundMs] of changes) {
    const all = instants(aroundMs);
    await options.server.sql(
      `delete from calls; insert into calls values ${
        all.map((ms, id) =>
          `('${id}', '${wallText(wallOfInstant(ms, timeZone))}', '${wallText(ms)}${options.utcSuffix ?? ""}')`
        ).join(",")
      };`,
    );
    const hub = new HubModel(timeZone);
    const found: string[] = [];
    const windows = cuts(aroundMs, timeZone);
    for (const window of windows) {
      const rows = await rowsOf(live, folder, { ...options.job, timeZone, window });
      if (zoned) {
        for (const row of rows) {
          const time = parseTime(row.time);
          assert(time?.hasOffset, `${row.time} has no offset`);
          assertEquals(time.ms, all[Number(row.id)], `${timeZone} ${row.id}`);
          found.push(row.id);
        }
      } else {
        hub.replace(window, rows.map((row) => ({ id: row.id, wallMs: Date.parse(`${row.time.replace(" ", "T")}Z`) })));
      }
    }
    const [first, last] = [windows[0]?.fromMs ?? 0, windows.at(-1)?.toMs ?? 0];
    const due = all.flatMap((ms, id) => ms >= first && ms < last ? [`${id}`] : []).sort();
    assert(due.length > 100);
    assertEquals(zoned ? found.sort() : hub.ids(), due, timeZone);
  }
}

Deno.test("PostgreSQL: around changes of the clock every row is read exactly once, without and with a zone", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await using server = await startPostgresql();
    await server.sql("create table calls (id text, wall timestamp, zoned timestamptz)");
    await using live = extractor();
    const query = (column: string) =>
      `-- calls\nwith x as (select id as queueidentifier, 'Q' as queuename, ${column} as "TimeStamp", 1 as answered from calls)` +
      " select * from x order by 1;";
    const base = { databaseType: "postgresql" as const, connection: at(server) };
    await eachRowOnce({ server, live, folder, job: { ...base, query: query("wall") }, zoned: false, utcSuffix: "+00" });
    await eachRowOnce({ server, live, folder, job: { ...base, query: query("zoned") }, zoned: true, utcSuffix: "+00" });
    const { signal } = new AbortController();
    const failing = (changed: Partial<ExtractJob>, message: RegExp) =>
      assertRejects(() => live.run(job({ ...base, query: query("wall"), ...changed }), { signal }), message);
    await failing({ query: "select * from nowhere" }, /42P01/);
    await failing({ connection: { ...at(server), password: "wrong-password" } }, /28P01|password/);
    const hidden = await failing({ connection: { ...at(server), password: "wrong-password" } }, /./);
    assert(!hidden.message.includes("wrong-password"));
    await failing({
      query:
        "select pg_sleep(30)::text as queueidentifier, 'q' as queuename, localtimestamp as timestamp, 1 as answered from generate_series(1, 3)",
      timeoutSeconds: 1,
      window: { fromMs: Date.now() - 2 * 86_400_000, toMs: Date.now() + 2 * 86_400_000 },
    }, /took longer than 1 seconds/);
    await failing(
      { query: "select id as queueidentifier, 'Q' as queuename, zoned as timestamp, 1 as answered, id, id from calls" },
      /returns "id" more than once: give each/,
    );
    // The server's own limit, long before ours.
    await server.sql("alter role bench set statement_timeout = '300ms'");
    await using limited = extractor();
    const error = await assertRejects(() =>
      limited.run(
        job({
          ...base,
          query:
            "select pg_sleep(5)::text as queueidentifier, 'q' as queuename, wall as timestamp, 1 as answered from calls",
          window: { fromMs: 0, toMs: Date.now() * 2 },
        }),
        { signal },
      ), /statement timeout/);
    assert(error instanceof ExtractError);
    assertEquals(error.failure, "timeout");
    await server.sql("alter role bench reset statement_timeout");
    await failing({ query: "with x as (insert into calls values ('x') returning id) select * from x" }, /change data/);
    assertMatch(await server.sql("select count(*) from calls"), /140/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("MariaDB: around changes of the clock every row is read exactly once", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await using server = await startMariadb();
    await server.sql("create table calls (id varchar(20), wall datetime(3), zoned timestamp(3))");
    for (const zone of new Set(changes.map(([zone]) => zone))) {
      const tables = await run(["mariadb-tzinfo-to-sql", `/usr/share/zoneinfo/${zone}`, zone]);
      await server.sql(`use mysql; ${tables}`);
    }
    await using live = extractor();
    const query =
      'select id as QUEUEIDENTIFIER, "Q;" as queuename, wall as `timestamp`, 1 as answered from calls order by id; # all';
    const base = { databaseType: "mysql" as const, connection: at(server) };
    await eachRowOnce({ server, live, folder, job: { ...base, query }, zoned: false });
    // Kept as instants, shown by the session's clock.
    const kept = query.replace("wall as", "zoned as");
    await eachRowOnce({ server, live, folder, job: { ...base, query: kept }, zoned: false });
    // Where a backslash hides nothing, neither does it in the query.
    await server.sql("set global sql_mode = 'NO_BACKSLASH_ESCAPES'");
    await using other = extractor();
    const plain = "select id as queueidentifier, 'a\\' as queuename, wall as timestamp, 1 as answered from calls";
    const { preview } = await other.run(
      job({ ...base, query: plain, window: { fromMs: 0, toMs: 4e12 }, previewRows: 1 }),
      {
        signal: AbortSignal.timeout(60_000),
      },
    );
    assertEquals(preview[0]?.[1], "a\\");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

const always = { timeZone: "UTC", window: { fromMs: 0, toMs: 4e12 } };

/** How many rows a query of the hub gives; `undefined` if it is refused or fails. */
async function rowsGiven(live: Extractor, changed: Partial<ExtractJob>): Promise<number | undefined> {
  try {
    return (await live.run(job({ ...always, ...changed }), { signal: AbortSignal.timeout(60_000) })).rows;
  } catch (error) {
    assert(error instanceof ExtractError, `${error}`);
    return undefined;
  }
}

const columns = "id AS queueidentifier, 'Q' AS queuename, wall AS timestamp, 1 AS answered";

Deno.test("PostgreSQL: a query is one SELECT, however it is written", async () => {
  await using server = await startPostgresql();
  await server.sql(
    `create table calls (id int, wall timestamp); insert into calls values (1, now());
     create table victim (id int); insert into victim values (1);`,
  );
  const base = { databaseType: "postgresql" as const, connection: at(server) };
  const connectionString = formatConnectionString(attributesFor("PostgreSQL Unicode", server));
  const otherwise = {
    databaseType: "mssql" as const,
    connection: { by: "connectionString" as const, connectionString },
  };
  const out =
    ") w; COMMIT; BEGIN READ WRITE; DELETE FROM victim; COMMIT; SELECT * FROM (SELECT 1 AS queueidentifier, " +
    "chr(81) AS queuename, localtimestamp AS timestamp, 1 AS answered --'";
  const attempt = async (condition: string, changed: Partial<ExtractJob> = base) => {
    await rowsGiven(live, { ...changed, query: `SELECT ${columns} FROM calls WHERE ${condition} ${out}` });
    assertMatch(await server.sql("select count(*) from victim"), /^1$/m, condition);
  };
  await using live = extractor();
  await attempt("array['x'] <@$${'}$$");
  await attempt("'x' <> E'a'\n'\\' '");
  await attempt("'x' <> E'a' -- b\n'\\' '");
  await server.sql("alter role bench set standard_conforming_strings = off");
  // Another connection, for what the hub says about the database is not what it is.
  await attempt("'x' <> $$'$$", otherwise);
  await attempt("'x' <> '\\''", otherwise);
  await server.sql("alter role bench reset standard_conforming_strings");

  const read = [
    `SELECT ${columns} -- don't; why?\r\nFROM calls /* it's /* nested */; */`,
    `SELECT ${columns}, $$it's; ?$$, E'it\\'s;', 'a'\n'b', 'back\\', U&'\\0061' AS "what's?" FROM calls`,
    `SELECT\u00a0${columns} FROM calls WHERE wall > {ts '2000-01-01 00:00:00'}`,
  ];
  for (const query of read) assertEquals(await rowsGiven(live, { ...base, query }), 1, query);
  const setting =
    "SELECT id AS queueidentifier, set_config('standard_conforming_strings', 'off', false) AS queuename, " +
    "wall AS timestamp, 1 AS answered FROM calls";
  assertEquals(await rowsGiven(live, { ...base, query: setting }), 1);
  assertEquals(await rowsGiven(live, { ...base, query: `SELECT ${columns}, 'back\\' AS b FROM calls` }), 1);
});

Deno.test("MariaDB: a query is one SELECT, however it is written", async () => {
  await using server = await startMariadb();
  await server.sql(
    "create table calls (id int, wall datetime, `\\` int, `'` int); insert into calls values (1, now(), 1, 1)",
  );
  const base = { databaseType: "mysql" as const, connection: at(server) };
  const out = ") w UNION ALL SELECT 7, 8, now(), 1 FROM (SELECT now() AS timestamp";
  const attempts: Record<string, string[]> = {
    "": [
      `#'\n${out} #'`,
      ` -- \r'\n${out} -- \r'`,
      ` --\x01'\n${out} #'`,
      ` WHERE '\\'' = 1 ${out} -- '`,
    ],
    NO_BACKSLASH_ESCAPES: [` WHERE '\\' = 'x' ${out} -- '`],
    ANSI_QUOTES: [` WHERE "\\" = '"' ${out} -- '`],
    MSSQL: [` WHERE ['] = 1 ${out} -- ']`],
  };
  for (const [mode, queries] of Object.entries(attempts)) {
    await server.sql(`set global sql_mode = '${mode}'`);
    await using live = extractor();
    for (const query of queries) {
      const rows = await rowsGiven(live, { ...base, query: `SELECT ${columns} FROM calls${query}` });
      assert(!rows, `${mode}: ${query}`);
    }
  }
  await server.sql("set global sql_mode = ''");
  await using live = extractor();
  const read = [
    `SELECT ${columns} FROM calls#don't`,
    `SELECT ${columns}, 5--1 AS six -- don't; why?\nFROM calls /* it's; */`,
    `SELECT ${columns}, 'it\\'s;' AS a, "it's ""?""" AS b, N'it''s' AS c, _utf8mb4'\\'' AS d FROM calls`,
  ];
  for (const query of read) assertEquals(await rowsGiven(live, { ...base, query }), 1, query);
});
