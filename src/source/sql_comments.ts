/**
 * Takes the comments out of an SQL text. Where a comment begins and ends is what databases agree on least (nested or not,
 * at which character a line ends, which white space has to follow the dashes), so none is sent to them.
 */
import type { Token } from "./sql_tokens.ts";

/** Ends at the same place for every database. */
const hint = /^\/\*\+(?:[^'"`*/\\?{;]|"[^'"`*/\\?{;]*")*\*\/$/;

/** Whether a comment tells the database how to run the query, as Oracle's and MySQL's do: `/*+ INDEX(t) *\/`. */
export function isHint(token: Token): boolean {
  return token.kind === "comment" && hint.test(token.text);
}

/**
 * The text of `tokens` with plain white space in place of comments and of all other white space, and with the same
 * number of lines.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * import { tokenize } from "./sql_tokens.ts";
 * const sql = "SELECT a, -- don't\r\n\u00a0b";
 * assertEquals(withoutComments(sql, tokenize(sql, { dialect: "generic" })), "SELECT a,\nb");
 * ```
 */
export function withoutComments(sql: string, tokens: readonly Token[]): string {
  let text = "";
  let end = 0;
  for (const token of tokens) {
    if (token.kind === "comment" && !isHint(token)) continue;
    const gap = sql.slice(end, token.from);
    text += gap.replace(/[^\n]+/g, "") || (gap === "" ? "" : " ");
    text += sql.slice(token.from, token.to);
    end = token.to;
  }
  return text;
}
