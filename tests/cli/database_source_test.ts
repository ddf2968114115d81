/** What an installation lets the hub read from the connection that it keeps. */
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { DatabaseSources } from "../../src/cli/run/database_source.ts";
import { loadConfig } from "../../src/config/load.ts";
import { realFileSystem } from "../../src/durable/real_file_system.ts";
import { spawnProcess } from "../../src/extractor/process.ts";
import type { DatabaseSource } from "../../src/protocol/database.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { queryFingerprint } from "../../src/source/query_approval.ts";
import { openSpool } from "../../src/spool/disk_spool.ts";
import { integrationKey } from "../../src/state/integration.ts";
import { openStateDatabase } from "../../src/state/state_database.ts";
import { acceptQuery } from "../../src/state/window_ledger.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { childCommand } from "../extractor/harness.ts";

const link = (integrationId: string) => ({
  id: `link-of-${integrationId}`,
  account: { id: "account", name: "Account" },
  integration: { id: integrationId, name: "ACD" },
});

const source: DatabaseSource = {
  type: "database",
  databaseType: "sqlite",
  connection: { by: "kept" },
  dataType: "contact",
  timeZone: "UTC",
  query: "SELECT q AS queueidentifier, q AS queuename, t AS timestamp, 1 AS answered FROM calls",
  everyMinutes: 15,
  historyFrom: null,
  reconciliation: false,
  realTime: false,
};

/** The sources of an installation that keeps its connection and allows no other query. */
async function installation() {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  const file = join(folder, "calls.db");
  const database = new DatabaseSync(file);
  database.exec("CREATE TABLE calls (q TEXT, t TEXT); CREATE TABLE payroll (q TEXT, t TEXT)");
  database.close();
  const toml = join(folder, "injixo-cloud-link.toml");
  await Deno.writeTextFile(toml, `[database]\nfile = "calls.db"\nallowQueryChanges = false\n`);
  await Deno.mkdir(join(folder, "state"));
  const state = openStateDatabase(join(folder, "state", "state.db"));
  const config = loadConfig(toml);
  const spool = await openSpool({
    folder: join(folder, "state", "spool"),
    setAsideFolder: join(folder, "state", "aside"),
    fs: realFileSystem,
    database: state,
    clock: systemClock,
    limits: config.spool,
    onLost: () => {},
  });
  const kept = config.database.kept;
  assert(kept !== undefined);
  const sources = new DatabaseSources({
    config,
    kept: { by: "file", file },
    state: { folder: join(folder, "state"), setAsideFolder: join(folder, "aside"), database: state } as never,
    spool,
    spawn: () => spawnProcess(childCommand()),
    clock: systemClock,
    random: () => 0,
  });
  return {
    sources,
    state,
    /** Runs a source until it has begun, and says what keeps it from reading. */
    async problemOf(integration: string, wanted: DatabaseSource): Promise<string | null> {
      const runner = sources.runner(wanted, link(integration));
      const stop = new AbortController();
      const running = runner.run(stop.signal).catch((error: unknown) => {
        if (!stop.signal.aborted) throw error;
      });
      const { problem } = runner;
      stop.abort(new Error("stopped"));
      await running;
      return problem;
    },
    async [Symbol.asyncDispose]() {
      await spool[Symbol.asyncDispose]();
      state[Symbol.dispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

Deno.test("with allowQueryChanges = false neither a test nor a link to another integration reads another query", async () => {
  await using test = await installation();
  const { signal } = new AbortController();
  const other = { ...source, query: source.query.replace("calls", "payroll") };
  assertEquals(await test.problemOf("first", source), null);

  const answer = await test.sources.test(other, signal);
  assertEquals([answer.ok, answer.preview], [false, undefined]);
  assertMatch(answer.message, /allowQueryChanges is false.*--accept [0-9a-f]{16}/);
  // The hub ends the link and makes another, which needs nobody on the premises.
  assertMatch(await test.problemOf("second", other) ?? "", /allowQueryChanges is false/);
  assertEquals(await test.problemOf("second", source), null);
  assertEquals((await test.sources.test(source, signal)).ok, true);

  acceptQuery(
    test.state,
    integrationKey(test.state, { accountId: "account", integrationId: "third" }),
    queryFingerprint(other),
  );
  assertEquals(await test.problemOf("third", other), null);
  assertEquals((await test.sources.test(other, signal)).ok, true);
});

Deno.test("a time zone that is none is a problem of the integration, and takes nothing else down", async () => {
  await using test = await installation();
  for (const timeZone of ["'; DROP TABLE calls; --", "Europe/Nowhere", "+01:00", "\\'"]) {
    assertMatch(await test.problemOf("first", { ...source, timeZone }) ?? "", /is not known: choose another/);
  }
});
