/**
 * The hub's coverage of time with replacement switched off: what has a range once keeps it. For the negative control of
 * the faults.
 */
import { freeRanges as real } from "../../src/hub/rows/coverage.ts";

export * from "../../src/hub/rows/coverage.ts";

/** Only what no batch has. */
export const freeRanges: typeof real = (segments, { window }) =>
  real(segments, { window, rank: { epoch: -Infinity, sequence: -Infinity } });
