/** What an error says, for log lines and messages. */

/** The message of an error; anything else thrown, as text. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Why this user cannot read a file that the message around it names. */
export function unreadableReason(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "it does not exist";
  if (error instanceof Deno.errors.PermissionDenied) return "this user may not read it";
  return withoutPath(errorText(error));
}

/** The system's part of a file error: Deno adds `: open '/path'`. */
export function withoutPath(message: string): string {
  return message.replace(/: \w+ '.*'$/s, "");
}

/**
 * The text in one line, for the log.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(oneLine("There are two problems:\n  one\n  two"), "There are two problems: one two");
 * ```
 */
export function oneLine(text: string): string {
  return text.split("\n").map((line) => line.trim()).join(" ");
}

/**
 * The text as a complete sentence: with one full stop, unless it ends in another punctuation mark. Error messages come
 * with and without one; log lines that continue after a message use this.
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
