/**
 * Which batch owns which time range: for every instant the one of the highest rank. An older batch that arrives later gets
 * only what no newer one has. Pure.
 */

/** From inclusive, to exclusive, in ms since the epoch. */
export interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * Later links win over earlier ones (a new installation starts from 1 again), then the agent's sequence number. Below all
 * of them: long windows of history without rows.
 */
export interface Rank {
  /** Of the link (`linking/linking.ts`). */
  readonly epoch: number;
  readonly sequence: number;
}

/** A time range and its owner. */
export interface Segment extends TimeRange, Rank {
  readonly load: number;
  readonly rows: number;
}

/** Whether `a` wins over `b`. */
export function outranks(a: Rank, b: Rank): boolean {
  return a.epoch === b.epoch ? a.sequence > b.sequence : a.epoch > b.epoch;
}

/**
 * The parts of `window` that a batch of this rank takes: all but those owned by higher ranks. `segments` are those that
 * overlap the window, in chronological order.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../../tests/assert.ts";
 * const newer = { fromMs: 10, toMs: 20, epoch: 1, sequence: 7, load: 1, rows: 0 };
 * assertEquals(freeRanges([newer], { window: { fromMs: 0, toMs: 15 }, rank: { epoch: 1, sequence: 6 } }), [
 *   { fromMs: 0, toMs: 10 },
 * ]);
 * ```
 */
export function freeRanges(
  segments: readonly Segment[],
  { window, rank }: { window: TimeRange; rank: Rank },
): readonly TimeRange[] {
  const free: TimeRange[] = [];
  let fromMs = window.fromMs;
  for (const segment of segments) {
    if (!outranks(segment, rank)) continue;
    if (segment.fromMs > fromMs) free.push({ fromMs, toMs: Math.min(segment.fromMs, window.toMs) });
    fromMs = Math.max(fromMs, segment.toMs);
  }
  if (fromMs < window.toMs) free.push({ fromMs, toMs: window.toMs });
  return free.filter((range) => range.fromMs < range.toMs);
}

/** What an overtaken segment keeps outside the window: nothing, one piece or two. */
export function piecesOutside(segment: TimeRange, window: TimeRange): readonly TimeRange[] {
  return [
    { fromMs: segment.fromMs, toMs: Math.min(segment.toMs, window.fromMs) },
    { fromMs: Math.max(segment.fromMs, window.toMs), toMs: segment.toMs },
  ].filter((piece) => piece.fromMs < piece.toMs);
}

/** The gaps between disjoint ranges in chronological order. */
export function gapsBetween(ranges: readonly TimeRange[]): readonly TimeRange[] {
  return ranges.slice(1).flatMap((range, index) => {
    const before = ranges[index];
    return before === undefined || before.toMs >= range.fromMs ? [] : [{ fromMs: before.toMs, toMs: range.fromMs }];
  });
}
