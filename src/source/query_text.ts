/**
 * Narrows the user's query to a window by wrapping it:
 *
 * ```sql
 * SELECT * FROM (
 * <query>
 * ) "w" WHERE "w"."timestamp" >= ? AND "w"."timestamp" < ?
 * ```
 *
 * The window's parameters are the only ones. There is no AS before the alias, since Oracle wants none and the others need
 * none.
 */
import type { CheckedQuery } from "./query_check.ts";

const alias = "w";

/** A statement that describes the columns and returns no rows. */
export function describingQuery(query: CheckedQuery, quote: IdentifierQuote): string {
  return selectFrom(query, { quote, condition: "1 = 0" });
}

/** How many times are sampled to learn their format. */
const samplesMax = 20;

/**
 * A statement that returns some times as stored in the database, to learn their format (SQLite has no type for times).
 */
export function samplingQuery(query: CheckedQuery, options: { quote: IdentifierQuote; timeColumn: string }): string {
  const { quote } = options;
  const column = columnOf(options.timeColumn, quote);
  return `${selectFrom(query, { quote, list: column, condition: `${column} <> ''` })} LIMIT ${samplesMax}`;
}

/**
 * The statement for the rows of a window. Its parameters are those of the condition, by default two: from and to.
 *
 * `timeColumn` is the column's name exactly as the driver described it.
 */
export function windowQuery(
  query: CheckedQuery,
  options: {
    quote: IdentifierQuote;
    timeColumn: string;
    /**
     * The condition, built from the column, that a row is in the window.
     * @default at or after the first, before the second
     */
    condition?: (column: string) => string;
    /** All columns, each with the expression to select. @default `*` */
    select?: readonly { readonly name: string; expression(column: string): string }[];
  },
): string {
  const { quote, select } = options;
  const column = columnOf(options.timeColumn, quote);
  const condition = options.condition?.(column) ?? `${column} >= ? AND ${column} < ?`;
  const list = select?.map(({ name, expression }) => `${expression(columnOf(name, quote))} AS ${quote(name)}`).join(
    ", ",
  );
  return selectFrom(query, { quote, list, condition });
}

/** Quotes an identifier as the database requires. */
export type IdentifierQuote = (identifier: string) => string;

function columnOf(name: string, quote: IdentifierQuote): string {
  return `${quote(alias)}.${quote(name)}`;
}

function selectFrom(
  query: CheckedQuery,
  { quote, list = "*", condition }: { quote: IdentifierQuote; list?: string | undefined; condition: string },
): string {
  const { prefix, body, suffix } = query;
  const select = `SELECT ${list} FROM (\n${body}\n) ${quote(alias)} WHERE ${condition}`;
  return [prefix === "" ? select : `${prefix}\n${select}`, suffix].filter((part) => part !== "").join(" ");
}
