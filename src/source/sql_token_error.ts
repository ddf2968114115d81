/** Why an SQL text cannot be split into tokens. */

/**
 * The text ends inside a string, identifier or comment, its parentheses do not match, or it can be read in several ways.
 */
export class SqlTokenError extends Error {
  override readonly name = "SqlTokenError";

  /** `place`: where in the text. */
  constructor(why: string, place?: { readonly sql: string; readonly at: number }) {
    super(place ? `${why} (${placeText(place)})` : why);
  }
}

function placeText({ sql, at }: { readonly sql: string; readonly at: number }): string {
  return `line ${sql.slice(0, at).split("\n").length}: ${sql.slice(at, at + 20).split("\n")[0]}`;
}
