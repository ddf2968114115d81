import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { assert, assertEquals, assertMatch, assertRejects } from "../assert.ts";
import { testSource } from "../../src/agent/test_source.ts";
import { Extractor } from "../../src/extractor/extractor.ts";
import { remoteSpawn, serveExtractors } from "../../src/extractor/host.ts";
import { extractorEnvironment } from "../../src/extractor/process.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { childCommand, extractor, job, registerBadDriver } from "./harness.ts";

Deno.test("extractors run across a port, crash across it, and end when the host ends", async () => {
  const folder = await Deno.makeTempDir();
  try {
    {
      using database = new DatabaseSync(join(folder, "calls.db"));
      database.exec("CREATE TABLE contact (queueidentifier, queuename, timestamp, answered)");
    }
    const { port1, port2 } = new MessageChannel();
    const stop = new AbortController();
    const serving = serveExtractors(port1, {
      command: childCommand(await registerBadDriver(folder)),
      signal: stop.signal,
    });
    const spawn = remoteSpawn(port2);
    const limits = { startMs: 60_000 };
    await using live = new Extractor({ name: "live", spawn, clock: systemClock, limits });
    await using history = new Extractor({ name: "history", spawn, clock: systemClock, limits });
    const { signal } = new AbortController();
    const results = await Promise.all([
      live.run(job({ folder }), { signal }),
      history.run(job({ folder }), { signal }),
    ]);
    assertEquals(results.map((result) => result.rows), [0, 0]);
    const bad = (mode: string) =>
      job({
        databaseType: "odbc",
        connection: { by: "connectionString", connectionString: `DRIVER={Bad};MODE=${mode}` },
      });
    await assertRejects(() => history.run(bad("crash"), { signal }), /SIGSEGV/);
    assertEquals((await live.run(job({ folder }), { signal })).rows, 0);
    const hanging = live.run(bad("hang"), { signal, onProgress: () => stop.abort() });
    await assertRejects(() => hanging, /ended the process/);
    await serving;
    port2.close();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the child's environment has what drivers need, and no proxy or token", () => {
  const environment = extractorEnvironment((name) =>
    ({ https_proxy: "http://user:password@proxy", HUB_TOKEN: "x", ODBCINI: "/etc/odbc.ini", HOME: "/root" })[name]
  );
  assertEquals(environment, {
    LC_ALL: "C.UTF-8",
    NO_COLOR: "1",
    PGGSSENCMODE: "disable",
    PGREQUIREAUTH: "!gss,!sspi",
    ODBCINI: "/etc/odbc.ini",
    HOME: "/root",
  });
});

Deno.test("an administrator may let PostgreSQL's driver log on with the service's identity", () => {
  const environment = extractorEnvironment((name) => ({ PGREQUIREAUTH: "gss" })[name]);
  assertEquals(environment.PGREQUIREAUTH, "gss");
});

Deno.test("a test of the integration shows columns and rows, or the reason", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const nowMs = Date.UTC(2026, 9, 21, 10);
    {
      using database = new DatabaseSync(join(folder, "calls.db"));
      database.exec(`CREATE TABLE contact (queueidentifier, queuename, timestamp, answered);
        INSERT INTO contact VALUES (1, 'Töne', '2026-10-21 11:30:00', 1), (2, NULL, '2026-10-21 11:31:00', 'x'),
          (3, 'before', '2026-10-21 10:59:00', 1)`);
    }
    await using runner = extractor();
    const reach = {
      connection: { by: "file", file: "calls.db" },
      database: undefined,
      sqliteFolders: [folder],
      folder,
    } as const;
    const source = {
      type: "database" as const,
      databaseType: "sqlite" as const,
      connection: reach.connection,
      dataType: "contact" as const,
      timeZone: "Europe/Berlin",
      query: "SELECT * FROM contact ORDER BY 1",
      everyMinutes: 15 as const,
      historyFrom: null,
      reconciliation: true,
      realTime: false,
    };
    const answer = (changes: Partial<typeof source> = {}) =>
      testSource({ ...source, ...changes }, { reach, runner, nowMs, signal: AbortSignal.timeout(60_000) });
    const good = await answer();
    assert(good.ok);
    assertMatch(
      good.message,
      /2 rows for the last hour.*SQLite.*1 of them cannot be imported: Row \d: answered is "x"/,
    );
    assertEquals(good.preview?.columns, ["queueidentifier", "queuename", "timestamp", "answered"]);
    assertEquals(good.preview?.rows[0], ["1", "Töne", "2026-10-21 11:30:00", "1"]);
    assertEquals(await answer({ query: "DROP TABLE contact" }).then(({ ok }) => ok), false);
    assertMatch((await answer({ query: "SELECT 1 AS a" })).message, /lacks the columns/);
    assertMatch((await answer({ timeZone: "Europe/Nowhere" })).message, /not known: use a name like/);
    assert(!runner.isRunning);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
