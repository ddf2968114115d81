/** Clocks that jump, there and back. */
import { pause } from "./traffic.ts";
import type { Fault } from "./world.ts";

/** The agent looks at its clock within this time, in ms. */
const watchMs = 2500;
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
  async inject(world) {
    const sites = [world.csv, world.database];
    for (const { shim } of sites) shim.setClockOffset(ms);
    await pause(watchMs);
    await world.hold();
    for (const { shim } of sites) shim.setClockOffset(0);
    await pause(watchMs);
    // There and back.
    return { explained: { by: world.anyAgent(), line: /WARN +clock: The clock (is ahead|was set back) by/, most: 2 } };
  },
}));
