/** Repeatable random numbers: whatever the demo and the tests leave to chance is the same on every machine. */

/**
 * Numbers in [0, 1), the same for the same seed (mulberry32). Good enough for shuffling and sizes, not for secrets.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * const [one, other] = [seededRandom(7), seededRandom(7)];
 * assertEquals([one(), one()], [other(), other()]);
 * ```
 */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
