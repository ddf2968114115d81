/** When a database integration is late with its data: pure. */
import { lateAfterMsMin, lateAfterRuns } from "./limits.ts";

/** What is known of an integration whose installation should read every `everyMinutes`. */
export interface LiveData {
  readonly everyMinutes: number;
  /** When the newest live batch that could be loaded arrived. */
  readonly lastLiveAt: number | null;
  readonly linkedAt: number;
  /** When it was last saved, resumed or given new settings. */
  readonly activeSince: number | null;
}

/**
 * Since when there has been no live data, in ms since the epoch; `undefined` while it is not late.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * const hourMs = 3_600_000;
 * const data = { everyMinutes: 30, lastLiveAt: 3 * hourMs, linkedAt: hourMs, activeSince: 2 * hourMs };
 * assertEquals(noDataSince(data, 4 * hourMs), undefined);
 * assertEquals(noDataSince(data, 5 * hourMs), 3 * hourMs);
 * assertEquals(noDataSince({ ...data, lastLiveAt: null }, 5 * hourMs), 2 * hourMs);
 * assertEquals(noDataSince({ ...data, lastLiveAt: 9 * hourMs }, 5 * hourMs), 2 * hourMs);
 * ```
 */
export function noDataSince(data: LiveData, nowMs: number): number | undefined {
  // A time still to come was stored while the clock was ahead.
  const lastLiveAt = data.lastLiveAt !== null && data.lastLiveAt <= nowMs ? data.lastLiveAt : null;
  const expectedMs = Math.max(data.linkedAt, data.activeSince ?? 0);
  const lateAfterMs = Math.max(data.everyMinutes * 60_000 * lateAfterRuns, lateAfterMsMin);
  return nowMs - Math.max(lastLiveAt ?? 0, expectedMs) > lateAfterMs ? lastLiveAt ?? expectedMs : undefined;
}
