/**
 * Detects two computers that share one installation's identity: a cloned machine, or a folder copied in a way that the
 * agent itself cannot notice. Each run of an agent reports under its own id; a restart replaces one id by another for
 * good, so two runs that report alternately are two computers. Pure.
 */

/** One process of an agent, as known from its reports. */
export interface AgentRun {
  readonly id: string;
  readonly firstAt: number;
  readonly lastAt: number;
}

/** A run that has not reported for this long has ended, in ms: agents report once a minute. */
const endedAfterMs = 3 * 60_000;
/** How late a previous run's last report may arrive, in ms. */
const lateMs = 10_000;
/** How many runs are remembered. */
const runsMax = 8;

/** The known runs after a report. */
export function afterReport(
  runs: readonly AgentRun[],
  { run, nowMs }: { run: string; nowMs: number },
): readonly AgentRun[] {
  const known = runs.find(({ id }) => id === run) ?? { id: run, firstAt: nowMs };
  const others = runs.filter(({ id, lastAt }) => id !== run && nowMs - lastAt < endedAfterMs);
  return [...others, { ...known, lastAt: nowMs }].toSorted((a, b) => a.firstAt - b.firstAt).slice(-runsMax);
}

/**
 * Whether two of them are active at the same time: one still reported after another had begun.
 *
 * @example
 * ```ts
 * import { assert } from "../../../tests/assert.ts";
 * const minutes = (count: number) => count * 60_000;
 * let runs = afterReport([], { run: "a", nowMs: 0 });
 * runs = afterReport(runs, { run: "b", nowMs: minutes(1) });
 * assert(!haveTwins(runs, minutes(1)));
 * runs = afterReport(runs, { run: "a", nowMs: minutes(2) });
 * assert(haveTwins(runs, minutes(2)));
 * assert(!haveTwins(runs, minutes(5)));
 * ```
 */
export function haveTwins(runs: readonly AgentRun[], nowMs: number): boolean {
  const alive = runs.filter(({ lastAt }) => nowMs - lastAt < endedAfterMs);
  return alive.some((older) => alive.some(({ firstAt }) => firstAt > older.firstAt && older.lastAt > firstAt + lateMs));
}
