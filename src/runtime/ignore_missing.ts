/** For operations on files whose aim is reached when there is no such file. */

/**
 * Returns for an error that says that a file or process is missing, and throws any other: `.catch(ignoreMissing)`.
 *
 * @example
 * ```ts
 * import { assertEquals, assertRejects } from "../../tests/assert.ts";
 * assertEquals(ignoreMissing(new Deno.errors.NotFound()), undefined);
 * await assertRejects(() => ignoreMissing(new Deno.errors.PermissionDenied("no")), /no/);
 * ```
 */
export function ignoreMissing(error: unknown): undefined {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
