/** The load on the hub of a year of history: how fast its rows are in their table, and what others feel of it. */
import { openAccounts } from "../../../src/hub/access/open_accounts.ts";
import { HubClient } from "../../hub/hub_client.ts";
import { startHubProcess } from "../../hub/hub_process.ts";
import { contentBatch, linkedDatabase, loaded } from "../../hub/rows/query_batch.ts";
import type { TestAgent } from "../../hub/test_agent.ts";
import type { Measurement } from "../measurement.ts";
import { memoryOf } from "../process_usage.ts";

/** Rows of one window, as the agent sends them at most. */
const rowsPerBatch = 1_000_000;
/** Queues of a large contact centre: with the 35,040 quarters of a year, ten million rows. */
const queues = 285;
const quarterMs = 900_000;
const firstMs = Date.UTC(2025, 0, 1);
const probeEveryMs = 20;
const columns = ["queueidentifier", "queuename", "timestamp", "offered", "answered", "handlingtime", "channel"];

/** Delivers `rows` rows of intervals to a hub of their own. */
export async function benchHistory({ rows }: { rows: number }): Promise<Measurement[]> {
  const dataDirectory = await Deno.makeTempDir({ prefix: "hub-history-" });
  try {
    await using hub = await startHubProcess(dataDirectory);
    const token = await addToken(dataDirectory);
    const admin = new HubClient({ url: hub.url, token });
    const { id, agent } = await linkedDatabase(admin, { dataType: "interval", timeZone: "UTC" });
    // Made before, so that this process has next to nothing to do while it measures.
    const batches = [...history(agent, rows)];
    const end = new AbortController();
    const probing = probe(admin, { id, signal: end.signal });
    const startedMs = performance.now();
    for (const batch of batches) await agent.deliver(batch);
    const deliveredMs = performance.now() - startedMs;
    const windows = await loaded(admin, id);
    const loadedMs = performance.now() - startedMs;
    end.abort();
    const latencies = (await probing).sort((a, b) => a - b);
    if (windows.items.some(({ agrees }) => !agrees)) throw new Error("The ledger does not agree.");
    const { peak } = await memoryOf(hub.pid);
    const { size } = await Deno.stat(`${dataDirectory}/rows/rows.db`);
    const measurement = (what: string, value: number, unit: string, note = ""): Measurement => (
      { part: "history", what, value, unit, note }
    );
    const total = windows.rows;
    return [
      measurement("rows into their table", Math.round(total / loadedMs * 1000), "rows/s", `${total} rows`),
      measurement("delivered with receipt", Math.round(total / deliveredMs * 1000), "rows/s"),
      measurement("memory of the hub, peak", Math.round(peak / 2 ** 20), "MiB"),
      measurement("a request meanwhile, median", quantile(latencies, 0.5), "ms", `${latencies.length} requests`),
      measurement("a request meanwhile, 99 of 100", quantile(latencies, 0.99), "ms"),
      measurement("a request meanwhile, slowest", quantile(latencies, 1), "ms"),
      measurement("size of a row on disk", Math.round(size / total), "bytes"),
    ];
  } finally {
    await Deno.remove(dataDirectory, { recursive: true });
  }
}

function* history(agent: TestAgent, rows: number) {
  const encoder = new TextEncoder();
  for (let quarter = 0, sequence = 1; quarter * queues < rows; sequence++) {
    const lines = [columns.join(",")];
    const from = quarter;
    for (; lines.length <= rowsPerBatch && quarter * queues < rows; quarter++) {
      const time = new Date(firstMs + quarter * quarterMs).toISOString().slice(0, 19).replace("T", " ");
      for (let queue = 0; queue < queues; queue++) {
        const offered = (quarter * 31 + queue * 17) % 23;
        lines.push(`${1000 + queue},Hotline ${queue},${time},${offered},${offered >> 1},${offered * 97},calls`);
      }
    }
    yield contentBatch(agent, {
      dataType: "interval",
      timeZone: "UTC",
      from: new Date(firstMs + from * quarterMs).toISOString(),
      to: new Date(firstMs + quarter * quarterMs).toISOString(),
      sequence,
      lane: "history",
      columns,
      content: encoder.encode(`${lines.join("\r\n")}\r\n`),
      declaredRows: lines.length - 1,
    });
  }
}

/** How long each request took, in ms. */
async function probe(admin: HubClient, { id, signal }: { id: string; signal: AbortSignal }): Promise<number[]> {
  const latencies: number[] = [];
  while (!signal.aborted) {
    const startedMs = performance.now();
    await admin.integration(id);
    latencies.push(performance.now() - startedMs);
    await new Promise((resolve) => setTimeout(resolve, probeEveryMs));
  }
  return latencies;
}

function quantile(sorted: readonly number[], share: number): number {
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
  return Math.round(value * 10) / 10;
}

async function addToken(dataDirectory: string): Promise<string> {
  await using data = await openAccounts(dataDirectory);
  return await data.accounts.addToken(await data.accounts.ensureAccount(), { name: "bench", role: "administrator" });
}
