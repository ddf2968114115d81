/** All kinds of faults, and runs of them. */
import { seededRandom } from "../../src/runtime/seeded_random.ts";
import { clocks } from "./clocks.ts";
import { cloned } from "./clone.ts";
import { disks } from "./disks.ts";
import { outage, restored } from "./hubs.ts";
import { kills } from "./kills.ts";
import { power } from "./power.ts";
import { states } from "./states.ts";
import { type Fault, type Round, World, type WorldOptions } from "./world.ts";

/** Those that are over in seconds. */
export const quickFaults: readonly Fault[] = [...kills, ...power, ...disks, ...clocks, ...states, restored];

/** Those that take minutes. */
export function slowFaults({ batches }: { batches: number }): readonly Fault[] {
  return [cloned, outage({ batches })];
}

/** What a run has come to. */
export interface Run {
  readonly rounds: readonly Round[];
  readonly files: number;
  readonly rows: number;
  /** What was held in the end and not in the beginning. */
  readonly leaks: readonly string[];
}

/** Which faults in which order, each followed by a comparison of everything. */
export interface RunOptions extends Omit<WorldOptions, "random"> {
  readonly seed: number;
  /** Picks them, by the run's own random numbers. */
  readonly choose: (random: () => number) => readonly Fault[];
  readonly onRound?: (round: Round) => Promise<void>;
  /** Whether it is waited until agents and hub hold no more than in the beginning. */
  readonly rest: boolean;
  /** Ends the run early. */
  readonly until?: (round: Round) => boolean;
}

/** Injects faults, one after the other. */
export async function runFaults(options: RunOptions): Promise<Run> {
  const { seed, choose, onRound = () => Promise.resolve(), until = () => false } = options;
  const random = seededRandom(seed);
  await using world = await World.make({ ...options, random });
  // Something of everything has been done once before the descriptors are counted.
  await Promise.all([world.files.drop(), world.rows.insert()]);
  await world.settle();
  const before = await world.holdings();
  const rounds: Round[] = [];
  for (const fault of choose(seededRandom(seed))) {
    const round = await world.round(fault);
    rounds.push(round);
    await onRound(round);
    if (until(round)) break;
  }
  const leaks = options.rest ? await world.rest(before) : [];
  return { rounds, files: world.files.dropped, rows: world.rows.inserted, leaks };
}

/** In an order by chance. */
export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items.map((item) => ({ item, by: random() })).toSorted((a, b) => a.by - b.by).map(({ item }) => item);
}

/** Whether anything was not as it should be. */
export function isRed({ lost, doubled, changed, complaints }: Round): boolean {
  return [lost, doubled, changed, complaints].some(({ length }) => length > 0);
}
