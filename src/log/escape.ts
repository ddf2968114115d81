/** Keeps every record on a single line, whatever it contains: a file name must not be able to forge a line. */

/** Longer lines are cut, in characters. Enough for ten rows of a query in verbose mode. */
export const lineCharactersMax = 16_384;

/**
 * C0 and C1 controls (newlines, terminal escapes), line and paragraph separators, bidirectional marks, and lone
 * surrogates.
 */
// deno-lint-ignore no-control-regex -- control characters are what it looks for
const unsafe = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]|\p{Surrogate}/gu;

const shortForms: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/**
 * Escapes non-text characters as `\n`, `\t`, `\u{1b}`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(escapeControls("a\nb\u001b[31m"), "a\\nb\\u{1b}[31m");
 * ```
 */
export function escapeControls(text: string): string {
  return text.replace(unsafe, (character) => {
    return shortForms[character] ?? `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  });
}

/** Cuts a line that is too long, with a mark that says how much is missing. */
export function cut(line: string, charactersMax: number = lineCharactersMax): string {
  if (line.length <= charactersMax) return line;
  return `${line.slice(0, charactersMax)}… (${line.length - charactersMax} more characters)`;
}
