/**
 * How large the next part is, adapted to the line. A part should take a few seconds, so that a line that breaks loses
 * little and a fast one is not slowed by round trips.
 */
import { partBytesMin } from "../protocol/delivery.ts";

/** How large parts are, and how long they should take. */
export interface PartSize {
  /** Size of the next part. */
  readonly bytes: number;
  /**
   * How long a part should take: less on a line that breaks often, since what was sent of an interrupted part is lost.
   */
  readonly targetMs: number;
}

/**
 * Largest part, in bytes; the protocol allows more. While a part is sent, memory holds several copies of it: 2 MiB
 * would take 8 MB more and be no faster on loopback. On a line with a round trip of 50 ms, 1 MiB allows up to 20 MB/s.
 */
export const partBytesLargest = 1024 * 1024;
/** How long a part should take, in ms: on a line that never breaks, and on one that keeps breaking. */
const targetMs = { most: 4000, least: 250 };
/** Factor by which that time grows after each part that got through. */
const targetGrowth = 1.05;
/** Sizes are multiples of this, in bytes. */
const partBytesStep = 64 * 1024;

/** The size of the first part: small enough for a thin line, and a fast line grows it within a few parts. */
export const partSizeFirst: PartSize = { bytes: 256 * 1024, targetMs: targetMs.most };

/**
 * The size after a part of `bytes` that took `ms`: scaled so that the next takes as long as it should, by a factor
 * between a half and two.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * const size = { bytes: 1048576, targetMs: 4000 };
 * assertEquals(partSizeAfter({ ...size, bytes: 524288 }, { bytes: 524288, ms: 10 }).bytes, 1048576);
 * assertEquals(partSizeAfter(size, { bytes: 1048576, ms: 5000 }).bytes, 786432);
 * ```
 */
export function partSizeAfter(size: PartSize, sent: { bytes: number; ms: number }): PartSize {
  const ideal = (sent.bytes / Math.max(sent.ms, 1)) * size.targetMs;
  // The last part of a batch is short and says little about larger ones.
  const most = sent.bytes < size.bytes / 2 ? size.bytes : size.bytes * 2;
  return {
    bytes: bounded(Math.min(most, Math.max(size.bytes / 2, ideal))),
    targetMs: Math.min(targetMs.most, size.targetMs * targetGrowth),
  };
}

/**
 * The size after a part that did not get through. On a line that breaks again and again, halving here and growing
 * slowly on success settles where about ten parts get through between two breaks.
 */
export function partSizeAfterFailure(size: PartSize): PartSize {
  return { bytes: bounded(size.bytes / 2), targetMs: Math.max(targetMs.least, size.targetMs / 2) };
}

/** The largest part under a bandwidth limit: within a part, bytes go at the line's full speed. */
export function partBytesMaxAt(bytesPerSecondMax: number | undefined): number {
  return bounded((bytesPerSecondMax ?? Infinity) * (targetMs.most / 1000));
}

function bounded(bytes: number): number {
  const steps = Math.floor(bytes / partBytesStep) * partBytesStep;
  return Math.min(partBytesLargest, Math.max(partBytesMin, steps));
}
