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
 * ```
 */
export function noDataSince(data: LiveData, nowMs: number): number | undefined {
  const expectedMs = Math.max(data.linkedAt, data.activeSince ?? 0);
  const lateAfterMs = Math.max(data.everyMinutes * 60_000 * lateAfterRuns, lateAfterMsMin);
  return nowMs - Math.max(data.lastLiveAt ?? 0, expectedMs) > lateAfterMs ? data.lastLiveAt ?? expectedMs : undefined;
}
