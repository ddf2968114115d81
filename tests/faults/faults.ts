/** All kinds of faults, and runs of them. */
import { seededRandom } from "../../src/runtime/seeded_random.ts";
import { clocks } from "./clocks.ts";
import { cloned } from "./clone.ts";
import { disks } from "./disks.ts";
import { outage, restored } from "./hubs.ts";
import { kills } from "./kills.ts";
import { power } from "./power.ts";
import { states } from "./states.ts";
import { pause } from "./traffic.ts";
import { type Fault, idleMs, type Round, World, type WorldOptions } from "./world.ts";

/** Those that are over in seconds. */
export const quickFaults: readonly Fault[] = [...kills, ...power, ...disks, ...clocks, ...states, restored];

/** Those that take minutes. */
export function slowFaults({ batches }: { batches: number }): readonly Fault[] {
  return [cloned, outage({ batches })];
}

/** Those of them that no process ends by. */
export const enduredFaults: readonly Fault[] = quickFaults.filter(({ endured }) => endured);

/** The endured faults are injected so often, after a first time to warm up: more often than what may be left behind. */
const enduredTimes = 3;

/** What a run has come to. */
export interface Run {
  readonly rounds: readonly Round[];
  readonly files: number;
  readonly rows: number;
  /** What the endured faults have left behind. */
  readonly leaks: readonly string[];
}

/** Which faults in which order, each followed by a comparison of everything. */
export interface Plan {
  readonly faults: readonly Fault[];
  /**
   * Then these, which no process ends by, time and again: in the end agents and hub may hold no more than before. Absent:
   * what they hold is not looked at.
   */
  readonly endured?: readonly Fault[];
  /** Waits before that count until idle connections are closed. @default false */
  readonly idle?: boolean;
}

/** What to do, and what of it is told. */
export interface RunOptions extends Omit<WorldOptions, "random"> {
  readonly seed: number;
  /** By the run's own random numbers. */
  readonly plan: (random: () => number) => Plan;
  readonly onRound?: (round: Round) => Promise<void>;
  /** Ends the run early. */
  readonly until?: (round: Round) => boolean;
}

/** Injects faults, one after the other. */
export async function runFaults(options: RunOptions): Promise<Run> {
  const { seed, onRound = () => Promise.resolve(), until = () => false } = options;
  const { faults, endured, idle = false } = options.plan(seededRandom(seed));
  await using world = await World.make({ ...options, random: seededRandom(seed) });
  // Everything has been done once before anything fails.
  await Promise.all([world.files.drop(), world.rows.insert()]);
  await world.settle();
  const rounds: Round[] = [];
  const play = async (some: readonly Fault[]) => {
    for (const fault of some) {
      const round = await world.round(fault);
      rounds.push(round);
      await onRound(round);
      if (until(round)) break;
    }
  };
  await play(faults);
  const leaks = endured === undefined ? [] : await leftBehind(world, { play: () => play(endured), idle });
  return { rounds, files: world.files.dropped, rows: world.rows.inserted, leaks };
}

/** What agents and hub hold after faults that they did not before. */
async function leftBehind(
  world: World,
  { play, idle }: { play: () => Promise<void>; idle: boolean },
): Promise<readonly string[]> {
  await play();
  if (idle) await pause(idleMs);
  const before = await world.holdings();
  for (let time = 0; time < enduredTimes; time++) await play();
  return await world.rest(before);
}

/** In an order by chance. */
export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items.map((item) => ({ item, by: random() })).toSorted((a, b) => a.by - b.by).map(({ item }) => item);
}

/** Whether anything was not as it should be. */
export function isRed({ lost, doubled, changed, complaints }: Round): boolean {
  return [lost, doubled, changed, complaints].some(({ length }) => length > 0);
}
