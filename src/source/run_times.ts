/** When the next query is due. */
import { limits } from "./read_state.ts";

const minuteMs = 60_000;

/**
 * When the next regular live run is due: at each multiple of `everyMinutes`, `offsetMs` later so that not all
 * installations ask at the same time; at once if a run was missed.
 */
export function nextRegularAt(
  options: { lastMs: number | null; everyMinutes: number; offsetMs: number; nowMs: number },
): number {
  const { lastMs, nowMs } = options;
  const everyMs = options.everyMinutes * minuteMs;
  const slot = Math.floor((nowMs - options.offsetMs) / everyMs) * everyMs + options.offsetMs;
  // A last run in the future means that the clock was set back.
  if (lastMs === null || lastMs > nowMs || lastMs < slot) return nowMs;
  return slot + everyMs;
}

/** How long history reading rests after a query: as long as it took, which leaves half of the time to the database. */
export function restAfterMs(durationMs: number): number {
  return Math.min(Math.max(durationMs, 50), 2 * limits.queryMsTarget);
}
