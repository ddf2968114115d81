/** Tells of files that keep changing and so are never read: their writer never closes them, or something touches them. */
import { getLogger } from "@logtape/logtape";
import type { Clock } from "../runtime/clock.ts";
import type { CsvCandidates } from "./csv_candidates.ts";

const log = getLogger(["cloud-link", "csv"]);

/** How much longer than files settle one may keep changing before that is told, in ms. */
const patienceMs = 10 * 60_000;
/** How many files are named at a time. */
const namedMax = 5;

/** Logs which files have become restless. `settleMs`: how long a file settles at most. */
export function tellRestless(candidates: CsvCandidates, { clock, settleMs }: { clock: Clock; settleMs: number }): void {
  const nowMs = clock.monotonicMs();
  const reasonOf = (sinceMs: number) =>
    `it has kept changing since ${minute(clock.now() - (nowMs - sinceMs))}; ` +
    "its writer must close it, or give it this name once it is complete";
  const restless = candidates.takeRestless(nowMs - settleMs - patienceMs, reasonOf);
  for (const [file, reason] of restless.slice(0, namedMax)) {
    log.warn("{file} is not imported yet: {reason}.", { file, reason });
  }
  const count = restless.length - namedMax;
  if (count > 0) log.warn("{count} more files are not imported yet for the same reason.", { count });
}

function minute(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
