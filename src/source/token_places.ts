/** Tells the query itself, which is read as a whole, from its expressions and subqueries. */
import type { Token } from "./sql_tokens.ts";

/**
 * Where a token is: in the query itself or one of its parts, `(SELECT …) UNION (SELECT …)`; in parentheses of an
 * expression; or in a subquery, with all that is in there.
 */
export type TokenPlace = "query" | "expression" | "subquery";

const setOperators = new Set(["UNION", "EXCEPT", "INTERSECT", "MINUS"]);

/** The place of each token of a query without comments. */
export function placesIn(code: readonly Token[]): TokenPlace[] {
  const around: TokenPlace[] = [];
  return code.map((token, index) => {
    if (token.kind === "close") around.pop();
    const place = around.at(-1) ?? "query";
    if (token.kind === "open") around.push(placeInside(code, { index, place }));
    return place;
  });
}

/** The place of what is in the parentheses that open at `index`. */
function placeInside(code: readonly Token[], { index, place }: { index: number; place: TokenPlace }): TokenPlace {
  if (place === "query" && beginsPart(code, index)) return "query";
  if (place === "subquery" || ["SELECT", "WITH"].includes(code[index + 1]?.text ?? "")) return "subquery";
  return "expression";
}

/** At the beginning, or where a part begins after UNION [ALL]. */
function beginsPart(code: readonly Token[], index: number): boolean {
  const before = code[index - 1];
  if (before === undefined || before.kind === "open") return true;
  const follows = ["ALL", "DISTINCT"].includes(before.text) ? code[index - 2] : before;
  return follows !== undefined && setOperators.has(follows.text);
}
