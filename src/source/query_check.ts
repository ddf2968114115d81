/**
 * Is a query one SELECT that can be narrowed by wrapping it (see query_text.ts)? What cannot stand inside parentheses is
 * taken off where that changes nothing (a final `;`, comments at the end, an ORDER BY of its own), put in front (WITH, on
 * SQL Server), or refused with the reason.
 */
import { type Dialect, SqlTokenError, type Token, tokenize } from "./sql_tokens.ts";

/** A query that can be narrowed. */
export interface CheckedQuery {
  readonly dialect: Dialect;
  /** What goes before the SELECT: SQL Server's WITH clause, or nothing. */
  readonly prefix: string;
  /** What goes into the parentheses. */
  readonly body: string;
}

/** The query as it can be wrapped, or why it cannot, in words for whoever wrote it. */
export type QueryCheck =
  | { readonly ok: true; readonly query: CheckedQuery }
  | { readonly ok: false; readonly reason: string };

const statementWords = new Set(["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "VALUES", "TABLE"]);
const changingWords = new Set(["INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE"]);

/**
 * Checks that a query is one SELECT that can be wrapped, and takes off what must not be inside.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * const check = checkQuery("SELECT a FROM t ORDER BY a; -- all", "mssql");
 * assertEquals(check.ok && check.query.body, "SELECT a FROM t");
 * ```
 */
export function checkQuery(sql: string, dialect: Dialect): QueryCheck {
  try {
    return { ok: true, query: check(sql, dialect) };
  } catch (error) {
    if (error instanceof RefusedQueryError) return { ok: false, reason: error.message };
    if (error instanceof SqlTokenError) return { ok: false, reason: `The query cannot be read: ${error.message}.` };
    throw error;
  }
}

class RefusedQueryError extends Error {
  override readonly name = "RefusedQueryError";
}

function check(sql: string, dialect: Dialect): CheckedQuery {
  if (sql.includes("\0")) throw new RefusedQueryError("The query contains a NUL character: remove it.");
  const all = tokenize(sql, dialect);
  if (dialect === "mysql" && all.some((token) => token.kind === "comment" && /^\/\*M?!/.test(token.text))) {
    throw new RefusedQueryError("The query contains a comment that MySQL executes (/*! … */): remove it.");
  }
  const code = all.filter((token) => token.kind !== "comment");
  while (code.at(-1)?.kind === "semicolon") code.pop();
  // ";WITH" is how many write it for SQL Server.
  while (code[0]?.kind === "semicolon") code.shift();
  refuseOtherStatements(code);
  const top = code.filter((token) => token.depth === 0 && token.kind === "word");
  refuseUnsafeClauses(top, code, dialect);
  const main = mainSelect(code, top);

  const last = code.at(-1);
  const orderBy = topLevelOrderBy(code);
  const to = orderBy ? previous(code, orderBy)?.to : last?.to;
  const from = code[0]?.from ?? 0;
  // SQL Server knows no WITH inside parentheses, but a statement's own WITH is seen inside them.
  const split = dialect === "mssql" && code[0]?.text === "WITH" ? main.from : from;
  return { dialect, prefix: sql.slice(from, split).trimEnd(), body: sql.slice(split, to) };
}

function refuseOtherStatements(code: readonly Token[]): void {
  const first = code[0];
  if (!first) throw new RefusedQueryError("The query is empty: enter one SELECT statement.");
  if (code.some((token) => token.kind === "semicolon")) {
    throw new RefusedQueryError(
      "The query consists of several statements: only one SELECT can be read window by window.",
    );
  }
  if (code.some((token) => token.kind === "marker")) {
    throw new RefusedQueryError(
      'The query contains "?", which ODBC takes for a parameter: write the value itself, or another operator.',
    );
  }
  if (first.kind !== "open" && !["SELECT", "WITH"].includes(first.text)) {
    throw new RefusedQueryError(
      `The query begins with "${first.text}": only a SELECT (or WITH … SELECT) can be read window by window. ` +
        "A stored procedure can be replaced by a view or a table function.",
    );
  }
}

function refuseUnsafeClauses(top: readonly Token[], code: readonly Token[], dialect: Dialect): void {
  const changing = code.find((token, index) =>
    token.kind === "word" && changingWords.has(token.text) && startsStatement(code, index)
  );
  if (changing) throw new RefusedQueryError(`The query would change data (${changing.text}): it may only read.`);
  if (top.some((token) => token.text === "INTO")) {
    throw new RefusedQueryError("The query writes its result somewhere (INTO): it may only read.");
  }
  const followed = (word: string, by: readonly string[]) =>
    top.some((token, index) => token.text === word && by.includes(top[index + 1]?.text ?? ""));
  if (followed("FOR", ["UPDATE", "SHARE", "NO", "KEY"])) {
    throw new RefusedQueryError("The query locks rows (FOR UPDATE): it may only read.");
  }
  if (followed("FOR", ["XML", "JSON", "BROWSE"]) && dialect === "mssql") {
    throw new RefusedQueryError("The query returns a document (FOR XML or FOR JSON): it must return rows and columns.");
  }
  if (dialect === "mssql" && top.some((token) => token.text === "OPTION")) {
    throw new RefusedQueryError("The query ends in an OPTION clause, which cannot be narrowed to a window: remove it.");
  }
  const limit = limiting(top, code);
  if (limit) {
    throw new RefusedQueryError(
      `The query limits its rows (${limit}), so rows would be missing: remove that, the agent reads window by window.`,
    );
  }
}

/** The clause that lets a query return only some of its rows. */
function limiting(top: readonly Token[], code: readonly Token[]): string | undefined {
  for (const [index, token] of top.entries()) {
    const next = top[index + 1]?.text ?? "";
    const before = top[index - 1]?.text ?? "";
    if (token.text === "TOP" && ["SELECT", "DISTINCT", "ALL"].includes(before) && !isAllPercent(code, token)) {
      return "TOP";
    }
    if (["LIMIT", "OFFSET"].includes(token.text) && isClause(code, token)) return token.text;
    if (token.text === "FETCH" && ["FIRST", "NEXT"].includes(next)) return "FETCH FIRST";
  }
  return undefined;
}

/** A number, a parenthesis or ALL follows: not a column that happens to have the clause's name. */
function isClause(code: readonly Token[], token: Token): boolean {
  const index = code.indexOf(token);
  if (index > 0 && /^[.,]$/.test(code[index - 1]?.text ?? "")) return false;
  const next = code[index + 1];
  return next !== undefined && (next.kind === "open" || next.text === "ALL" || /^[\d@:$]/.test(next.text));
}

/** TOP 100 PERCENT cuts nothing; it is written to be allowed an ORDER BY. */
function isAllPercent(code: readonly Token[], top: Token): boolean {
  const index = code.indexOf(top);
  return /^TOP\(?100\)?PERCENT/.test(code.slice(index, index + 5).map((token) => token.text).join(""));
}

/** The SELECT that the statement is, after its WITH clause. */
function mainSelect(code: readonly Token[], top: readonly Token[]): Token {
  const first = code[0];
  if (first && first.text !== "WITH") return first;
  const main = code.find((token, index) =>
    token.depth === 0 &&
    (token.kind === "word" && statementWords.has(token.text) && code[index - 1]?.kind === "close")
  ) ?? top.find((token) => token.text === "SELECT");
  if (!main || main.text !== "SELECT") {
    throw new RefusedQueryError("The query's WITH clause is not followed by a SELECT at its end.");
  }
  return main;
}

/** At the beginning, after "(", or after the ")" of a WITH clause's last query. */
function startsStatement(code: readonly Token[], index: number): boolean {
  const before = code[index - 1];
  // REPLACE(…) and INSERT(…) are functions, too.
  if (code[index + 1]?.kind === "open") return false;
  return before === undefined || before.kind === "open" || (before.kind === "close" && code[0]?.text === "WITH");
}

/** The query's own ORDER BY, unless it decides which rows there are. */
function topLevelOrderBy(code: readonly Token[]): Token | undefined {
  const decides = code.some((token, index) =>
    token.depth === 0 && token.text === "DISTINCT" && code[index + 1]?.text === "ON"
  );
  if (decides) return undefined;
  return code.findLast((token, index) =>
    token.depth === 0 && token.kind === "word" && token.text === "ORDER" && code[index + 1]?.text === "BY"
  );
}

function previous(code: readonly Token[], token: Token): Token | undefined {
  return code[code.indexOf(token) - 1];
}
