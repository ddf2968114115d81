/** Time from closing a file of 1 MB to the hub's receipt in the agent's hands. */
import type { Measurement } from "../measurement.ts";
import { median, quantile } from "../statistics.ts";
import { csvContent } from "./csv_content.ts";
import type { Site } from "./site.ts";

const part = "latency";
const fileBytes = 1_000_000;
const goalMs = 300;

/** @param options.rounds files that are measured, after one that is not */
export async function benchLatency(site: Site, { rounds }: { rounds: number }): Promise<Measurement[]> {
  const times: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const name = `latency-${round}.csv`;
    const content = csvContent(fileBytes, { seed: 1000 + round });
    const ms = await deliver(site, { name, content });
    if (round > 0) times.push(ms);
  }
  const what = "1 MB file closed → receipt";
  const note = `${rounds} files, one after the other; seen in the agent's log`;
  return [
    { part, what, value: median(times), unit: "ms", goal: { below: goalMs }, note },
    { part, what: `${what}, 95 of 100`, value: quantile(times, 0.95), unit: "ms", note },
  ];
}

async function deliver(
  site: Site,
  { name, content }: { name: string; content: Uint8Array<ArrayBuffer> },
): Promise<number> {
  const from = await site.logEnd();
  await Deno.writeFile(site.importPath(name), content);
  const closedAt = performance.now();
  await site.untilDelivered(1, { from });
  return performance.now() - closedAt;
}
