/** How long one cycle of agent status in real time takes, from the beginning of its query to the hub's receipt. */
import { startPostgresql, type TestServer } from "../../databases/postgresql.ts";
import type { Measurement } from "../measurement.ts";
import { median, quantile } from "../statistics.ts";
import { DatabaseSite } from "./database_site.ts";

const part = "real-time";
const goalMs = 1000;
/** Agents of the contact centre, each with a new status every two minutes. */
const agents = 200;
const statusSeconds = 120;
/** How long before the present statuses begin: more than a cycle reads. */
const pastMinutes = 60;
/** How often new statuses are written, in seconds. */
const writeEverySeconds = 2;
/** A receipt later than this is another cycle's, in ms. */
const cycleMsMax = 9000;

/** @param options.cycles how many are measured */
export async function benchRealTime({ cycles }: { cycles: number }): Promise<Measurement[]> {
  await using server = await startPostgresql();
  await server.sql(`create table status (agent text, started timestamp, activity text);
    create index on status (started);
    insert into status select 'agent ' || a, localtimestamp(0) - (s * ${statusSeconds} + a) * interval '1 second',
      (array['ready', 'call', 'wrap-up', 'break'])[1 + (a + s) % 4]
    from generate_series(1, ${agents}) a, generate_series(0, ${pastMinutes * 60 / statusSeconds}) s`);
  await using site = await DatabaseSite.start(server, {
    databaseType: "postgresql",
    dataType: "agent-status",
    realTime: true,
    reconciliation: false,
    history: null,
    query: "SELECT agent AS agentidentifier, started AS starttime, activity FROM status",
  }, { toml: "[app]\nverbose = true" });
  const times = await cyclesOf(site, { server, cycles });
  const what = `one cycle, ${agents} agents`;
  const note = `${times.length} cycles; from the beginning of the query to the hub's receipt`;
  return [
    { part, what, value: median(times), unit: "ms", goal: { below: goalMs }, note },
    { part, what: `${what}, slowest`, value: quantile(times, 1), unit: "ms", note },
  ];
}

/** Writes new statuses until so many cycles are seen. The first one is not measured: it connects. */
async function cyclesOf(
  site: DatabaseSite,
  { server, cycles }: { server: TestServer; cycles: number },
): Promise<number[]> {
  for (let round = 0;; round++) {
    await server.sql(
      `insert into status select 'agent ' || (1 + (${round} * 7 + n) % ${agents}), localtimestamp(0), 'ready'
      from generate_series(1, ${Math.ceil(agents * writeEverySeconds / statusSeconds)}) n`,
    );
    await new Promise((resolve) => setTimeout(resolve, writeEverySeconds * 1000));
    const { items } = await site.hub.ask("GET", `/api/v1/integrations/${site.integration}/windows`);
    const receipts = items.map(({ receivedAt }: { receivedAt: string }) => Date.parse(receivedAt)).sort((
      a: number,
      b: number,
    ) => a - b);
    const times = queries(site.agent.printed).slice(1).flatMap(({ startedMs, endedMs }) => {
      const receiptMs = receipts.find((ms: number) => ms >= endedMs - 1 && ms < endedMs + cycleMsMax);
      return receiptMs === undefined ? [] : [receiptMs - startedMs];
    });
    if (times.length >= cycles) return times;
  }
}

/** Each query's beginning and end, in ms since the epoch, by the agent's log. */
function queries(log: string): { startedMs: number; endedMs: number }[] {
  return [...log.matchAll(/^(\S+) .*Read \d+ rows of .* in (\d+) ms\./gm)].map(([, time = "", took]) => {
    const endedMs = Date.parse(time);
    return { startedMs: endedMs - Number(took), endedMs };
  });
}
