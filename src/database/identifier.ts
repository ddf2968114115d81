/** Names in SQL. */

/**
 * An identifier, quoted with what the driver reports for SQL_IDENTIFIER_QUOTE_CHAR; a blank means that there is no
 * quoting.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(quoted('a"b', '"'), '"a""b"');
 * ```
 */
export function quoted(identifier: string, quote: string): string {
  const open = quote.trim();
  if (open === "") return identifier;
  const close = open === "[" ? "]" : open;
  return open + identifier.replaceAll(close, close + close) + close;
}
