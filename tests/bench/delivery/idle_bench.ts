/** What agent and hub take while nothing happens. */
import type { Measurement } from "../measurement.ts";
import { memoryOf, processorSeconds } from "../process_usage.ts";
import type { Site } from "./site.ts";

const part = "idle";
const mb = 1_000_000;

/** @param options.seconds how long nothing happens */
export async function benchIdle(site: Site, { seconds }: { seconds: number }): Promise<Measurement[]> {
  const pids = { agent: site.agent.pid, hub: site.hub.pid };
  const before = { agent: await processorSeconds(pids.agent), hub: await processorSeconds(pids.hub) };
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const results: Measurement[] = [];
  for (const who of ["agent", "hub"] as const) {
    const { resident, anonymous } = await memoryOf(pids[who]);
    const used = await processorSeconds(pids[who]) - before[who];
    const note = `of it ${Math.round(anonymous / mb)} MB its own, the rest mapped from the executable`;
    results.push(
      { part, what: `memory of the ${who}`, value: resident / mb, unit: "MB", note },
      { part, what: `processor time of the ${who}`, value: used, unit: "s", note: `in ${seconds} s` },
    );
  }
  return results;
}
