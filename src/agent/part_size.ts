/**
 * How large the next part is: by how the line does. A part should take some seconds, so that a line that breaks loses
 * little and a fast one is not slowed by round trips.
 */
import { partBytesMin } from "../protocol/delivery.ts";

/** Size of the first part, in bytes. */
export const partBytesFirst = 1024 * 1024;
/**
 * Largest part, in bytes; the protocol allows more. While a part is sent, several copies of it are in memory: larger ones
 * take tens of MB more and are no faster.
 */
export const partBytesLargest = 2 * 1024 * 1024;
/** How long a part should take, in ms. */
const partTargetMs = 4000;
/** Sizes are multiples of this, in bytes. */
const partBytesStep = 64 * 1024;

/**
 * The size of the part after one of `bytes` that took `ms`: what would have taken four seconds, at most twice and at
 * least half of what it was.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(partBytesAfter(1048576, { bytes: 1048576, ms: 10 }), 2097152);
 * assertEquals(partBytesAfter(1048576, { bytes: 1048576, ms: 5000 }), 786432);
 * ```
 */
export function partBytesAfter(partBytes: number, sent: { bytes: number; ms: number }): number {
  const ideal = (sent.bytes / Math.max(sent.ms, 1)) * partTargetMs;
  // The last part of a batch is short: it says little of larger ones.
  const most = sent.bytes < partBytes / 2 ? partBytes : partBytes * 2;
  return bounded(Math.min(most, Math.max(partBytes / 2, ideal)));
}

/** The size of the next part after one that did not get through. */
export function partBytesAfterFailure(partBytes: number): number {
  return bounded(partBytes / 2);
}

/** The largest part when payloads may take so many bytes a second: a part goes at the line's full speed. */
export function partBytesMaxAt(bytesPerSecondMax: number | undefined): number {
  return bounded((bytesPerSecondMax ?? Infinity) * (partTargetMs / 1000));
}

function bounded(bytes: number): number {
  const steps = Math.floor(bytes / partBytesStep) * partBytesStep;
  return Math.min(partBytesLargest, Math.max(partBytesMin, steps));
}
