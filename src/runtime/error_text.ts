/** What an error says, for log lines and messages. */

/** The message of an error, or whatever else was thrown as text. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * The text as a sentence of its own: with one full stop, unless it ends in another mark. Messages of errors come with and
 * without; log lines that go on after them take them by this.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(sentence("there is no such file"), "there is no such file.");
 * assertEquals(sentence("There is no such file. "), "There is no such file.");
 * ```
 */
export function sentence(text: string): string {
  const trimmed = text.trimEnd();
  return /[.!?…]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}
