/** Clocks that jump, there and back. */
import type { AgentSite } from "./site.ts";
import { pause } from "./traffic.ts";
import type { Fault } from "./world.ts";

/** The agent looks at its clock this often, in ms, and a little more. */
const watchMs = 2500;
/** On a busy machine it has looked within this time, in ms. */
const seenMs = 30_000;
const lookMs = 20;
const told = /WARN +clock: The clock (jumped ahead|was set back) by/;
const hourMs = 3_600_000;
const jumps = [
  ["an hour ahead", hourMs],
  ["an hour back", -hourMs],
  ["a year ahead", 365 * 24 * hourMs],
  ["a year back", -365 * 24 * hourMs],
] as const;

/** All faults of this kind: the clocks of both agents jump, and back after a while. */
export const clocks: readonly Fault[] = jumps.map(([name, ms]) => ({
  name: `the clock ${name}`,
  endured: true,
  async inject(world) {
    const sites = [world.csv, world.database];
    const before = new Map(sites.map((site) => [site, site.printed.length]));
    for (const { shim } of sites) shim.setClockOffset(ms);
    const deadline = performance.now() + seenMs;
    const isTold = (site: AgentSite) => told.test(site.printed.slice(before.get(site)));
    while (!sites.every(isTold)) {
      if (performance.now() > deadline) throw new Error("An agent has not noticed that its clock jumped");
      await pause(lookMs);
    }
    await world.hold();
    for (const { shim } of sites) shim.setClockOffset(0);
    await pause(watchMs);
    // There and back.
    return { explained: { by: world.anyAgent(), line: told, most: 2 } };
  },
}));
