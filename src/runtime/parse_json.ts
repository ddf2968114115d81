/** JSON from elsewhere, for a schema to judge. */

/**
 * The value, or `undefined` if the text is not JSON: no schema accepts that.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(parseJson('{"a":1}'), { a: 1 });
 * assertEquals(parseJson("<html>"), undefined);
 * ```
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
