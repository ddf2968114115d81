/**
 * Finds a clause that makes a query return only some of its rows: read window by window, the others would be missing.
 */
import type { Dialect, Token } from "./sql_tokens.ts";
import { placesIn } from "./token_places.ts";

/** The name of the clause in the query itself; `undefined` if there is none. `code` has no comments. */
export function rowLimit(code: readonly Token[], dialect: Dialect): string | undefined {
  const places = placesIn(code);
  for (const [index, token] of code.entries()) {
    if (token.kind !== "word" || places[index] === "subquery") continue;
    const neighbours = { before: code[index - 1], next: code[index + 1] };
    if (token.text === "ROWNUM" && dialect === "generic" && isCompared(neighbours)) return "ROWNUM";
    if (places[index] === "expression") continue;
    const { before, next } = neighbours;
    const starts = ["SELECT", "DISTINCT", "ALL"].includes(before?.text ?? "");
    const counts = starts && isNumber(next, code[index + 2]);
    // A column's name, except to SQL Server and where a number follows.
    const isTop = dialect === "mssql" ? starts : dialect === "generic" && counts;
    if (token.text === "TOP" && isTop && !isAllPercent(code, index)) return "TOP";
    // Informix and Firebird: SELECT SKIP 5 FIRST 10 …
    if (["FIRST", "SKIP", "LIMIT"].includes(token.text) && counts) return token.text;
    if (["LIMIT", "OFFSET"].includes(token.text) && isClause(neighbours)) return token.text;
    if (token.text === "FETCH" && ["FIRST", "NEXT"].includes(next?.text ?? "")) return "FETCH FIRST";
  }
  return undefined;
}

interface Neighbours {
  readonly before: Token | undefined;
  readonly next: Token | undefined;
}

/** TOP 100 PERCENT limits nothing; it is written to permit an ORDER BY. */
function isAllPercent(code: readonly Token[], top: number): boolean {
  return /^TOP\(?100\)?PERCENT/.test(code.slice(top, top + 5).map((token) => token.text).join(""));
}

/** Possibly in parentheses; FIRST(a) is a function of Access. */
function isNumber(next: Token | undefined, afterNext: Token | undefined): boolean {
  return /^[\d:@]/.test((next?.kind === "open" ? afterNext : next)?.text ?? "");
}

/** What precedes these words when they are not a clause but the name of a column or table. */
const beforeName = new Set(
  ("SELECT DISTINCT ALL WHERE AND OR NOT ON BY AS HAVING CASE WHEN THEN ELSE IN LIKE BETWEEN IS FROM JOIN USING ANY SOME " +
    "EXISTS ESCAPE").split(" "),
);
/** What follows them when they are the name of a column or table. */
const afterName = new Set(
  ("FROM AS AND OR IS IN LIKE BETWEEN NOT ASC DESC NULLS THEN ELSE END WHEN WHERE GROUP ORDER HAVING UNION EXCEPT MINUS " +
    "INTERSECT JOIN INNER LEFT RIGHT FULL CROSS NATURAL ON USING WINDOW LIMIT OFFSET FETCH FOR COLLATE ESCAPE").split(
      " ",
    ),
);

/** Something ends before the word and a value follows. That is never so for a column or table of this name. */
function isClause({ before, next }: Neighbours): boolean {
  if (before === undefined || next === undefined) return false;
  const ends = before.kind === "word"
    ? !beforeName.has(before.text)
    : ["identifier", "string", "close"].includes(before.kind) || /^\.?\d/.test(before.text);
  const follows = next.kind === "word"
    ? !afterName.has(next.text)
    : ["identifier", "string", "open"].includes(next.kind) || /^[\d@:$]/.test(next.text);
  return ends && follows;
}

/** Oracle numbers rows as it returns them: `ROWNUM <= 100`, `100 > ROWNUM`. */
function isCompared({ before, next }: Neighbours): boolean {
  return ["<", "=", "BETWEEN", "IN"].includes(next?.text ?? "") || [">", "="].includes(before?.text ?? "");
}
