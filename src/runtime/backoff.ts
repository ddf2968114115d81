/** The steps in which waits grow while something fails again and again. */

/**
 * The wait after so many failures in a row: `firstMs` after the first one, then twice as long each time, `mostMs` at most.
 *
 * @param failures From 1.
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * const steps = { firstMs: 1000, mostMs: 300_000 };
 * assertEquals([1, 2, 3, 9, 10, 5000].map((failures) => backoffMs(failures, steps)), [
 *   ...[1000, 2000, 4000],
 *   ...[256_000, 300_000, 300_000],
 * ]);
 * ```
 */
export function backoffMs(failures: number, { firstMs, mostMs }: { firstMs: number; mostMs: number }): number {
  return Math.min(mostMs, firstMs * 2 ** (failures - 1));
}
