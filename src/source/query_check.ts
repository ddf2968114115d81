/**
 * Checks that a query is one SELECT that can be narrowed by wrapping it (see query_text.ts). What cannot stay inside
 * parentheses is removed if that changes nothing (a final `;`, comments, an ORDER BY of its own), moved to the
 * front (WITH, on SQL Server), or refused with the reason.
 */
import { rowLimit } from "./row_limits.ts";
import { isHint, withoutComments } from "./sql_comments.ts";
import { SqlTokenError } from "./sql_token_error.ts";
import { type Dialect, type Reading, type Token, tokenize } from "./sql_tokens.ts";
import { placesIn } from "./token_places.ts";

/** A query that can be narrowed. */
export interface CheckedQuery {
  /** How its text was interpreted. */
  readonly reading: Reading;
  /** What precedes the SELECT: SQL Server's WITH clause, or nothing. */
  readonly prefix: string;
  /** What goes into the parentheses. */
  readonly body: string;
  /** What goes at the very end: DB2's locking clause, or nothing. */
  readonly suffix: string;
}

/** The query in a form that can be wrapped, or why there is none, in words for its author. */
export type QueryCheck =
  | { readonly ok: true; readonly query: CheckedQuery }
  | {
    readonly ok: false;
    readonly reason: string;
    /** Not even its strings, comments and parentheses could be told apart. */
    readonly unreadable: boolean;
  };

/** The possible interpretations of a text, the likeliest first. */
const readings: Readonly<Record<Dialect | "unknown", readonly Reading[]>> = {
  postgresql: [{ dialect: "postgresql" }],
  mysql: [
    { dialect: "mysql" },
    { dialect: "mysql", backslashEscapes: false },
    { dialect: "mysql", ansiQuotes: true },
  ],
  mssql: [{ dialect: "mssql" }],
  sqlite: [{ dialect: "sqlite" }],
  generic: [{ dialect: "generic" }],
  unknown: [
    { dialect: "generic" },
    { dialect: "mssql" },
    { dialect: "mysql" },
    { dialect: "postgresql" },
  ],
};

const statementWords = new Set(["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "VALUES", "TABLE"]);
const changingWords = new Set(["INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE"]);

/**
 * Checks that a query is one SELECT that can be wrapped, and removes what must not be inside.
 *
 * Only the database's own reading says what the query does there. Whoever has no connection gives a dialect or `unknown`:
 * then a query is refused only if every interpretation refuses it, and whoever has the connection checks again.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * const check = checkQuery("SELECT a FROM t ORDER BY a; -- all", "mssql");
 * assertEquals(check.ok && check.query.body, "SELECT a FROM t");
 * ```
 */
export function checkQuery(sql: string, as: Reading | Dialect | "unknown"): QueryCheck {
  const refusals: Extract<QueryCheck, { ok: false }>[] = [];
  for (const reading of typeof as === "string" ? readings[as] : [as]) {
    const result = checkReading(sql, { reading, rules: as === "unknown" ? "generic" : reading.dialect });
    if (result.ok) return result;
    refusals.push(result);
    // A query that is understood and refused might pass under another interpretation: try that only if the dialect is
    // unknown.
    if (as !== "unknown" && !result.unreadable) break;
  }
  return refusals.find((refusal) => !refusal.unreadable) ?? refusals[0] ?? unreadable("it is not one");
}

function checkReading(sql: string, options: { reading: Reading; rules: Dialect }): QueryCheck {
  try {
    return { ok: true, query: check(sql, options) };
  } catch (error) {
    if (error instanceof RefusedQueryError) return { ok: false, reason: error.message, unreadable: false };
    if (error instanceof SqlTokenError) return unreadable(error.message);
    throw error;
  }
}

function unreadable(why: string): Extract<QueryCheck, { ok: false }> {
  return { ok: false, reason: `The query cannot be read: ${why}.`, unreadable: true };
}

class RefusedQueryError extends Error {
  override readonly name = "RefusedQueryError";
}

function check(text: string, { reading, rules: dialect }: { reading: Reading; rules: Dialect }): CheckedQuery {
  if (text.includes("\0") || !text.isWellFormed()) {
    throw new RefusedQueryError("The query contains a NUL character, or half of a surrogate pair: remove it.");
  }
  const sql = uncommented(text, reading);
  const code = tokenize(sql, reading).filter((token) => !isHint(token));
  if (code.some((token) => token.kind === "comment")) {
    throw new SqlTokenError("a comment stands where the text means something else without it");
  }
  while (code.at(-1)?.kind === "semicolon") code.pop();
  // A common way to write it for SQL Server: ";WITH".
  while (code[0]?.kind === "semicolon") code.shift();
  refuseOtherStatements(code);
  const suffix = dialect === "generic" ? takeSuffix(code).map(({ from, to }) => sql.slice(from, to)).join(" ") : "";
  const top = code.filter((token) => token.depth === 0 && token.kind === "word");
  refuseUnsafeClauses(code, dialect);
  const main = mainSelect(code, top);

  const last = code.at(-1);
  const orderBy = topLevelOrderBy(code);
  const to = orderBy ? previous(code, orderBy)?.to : last?.to;
  const from = code[0]?.from ?? 0;
  // SQL Server does not allow WITH inside parentheses, but the statement's own WITH is visible inside them.
  const split = dialect === "mssql" && code[0]?.text === "WITH" ? main.from : from;
  return { reading, prefix: sql.slice(from, split).trimEnd(), body: sql.slice(split, to), suffix };
}

/** The text that is sent, if the rest of the check permits it. */
function uncommented(text: string, reading: Reading): string {
  const tokens = tokenize(text, reading);
  if (reading.dialect === "mysql" && tokens.some(({ kind, text }) => kind === "comment" && /^\/\*M?!/.test(text))) {
    throw new RefusedQueryError("The query contains a comment that MySQL executes (/*! … */): remove it.");
  }
  return withoutComments(text, tokens);
}

/** DB2 allows WITH UR and FOR FETCH ONLY only at the end of a statement. */
function takeSuffix(code: Token[]): Token[] {
  const words = code.map((token) => token.depth === 0 ? token.text : "").slice(-6).join(" ");
  const [found] = /(?:(?: |^)(?:FOR (?:FETCH|READ) ONLY|WITH (?:UR|CS|RS|RR)))+$/.exec(words) ?? [""];
  return found === "" ? [] : code.splice(-found.trim().split(" ").length);
}

function refuseOtherStatements(code: readonly Token[]): void {
  const first = code[0];
  if (!first) throw new RefusedQueryError("The query is empty: enter one SELECT statement.");
  if (code.some((token) => token.kind === "semicolon")) {
    throw new RefusedQueryError(
      "The query consists of several statements: only one SELECT can be read window by window.",
    );
  }
  const marker = code.find((token) => token.kind === "marker");
  if (marker) {
    throw new RefusedQueryError(
      `The query contains "${marker.text}", which is taken for a parameter: write the value itself, or another operator.`,
    );
  }
  if (first.kind !== "open" && !["SELECT", "WITH"].includes(first.text)) {
    throw new RefusedQueryError(
      `The query begins with "${first.text}": only a SELECT (or WITH … SELECT) can be read window by window. ` +
        "A stored procedure can be replaced by a view or a table function.",
    );
  }
}

function refuseUnsafeClauses(code: readonly Token[], dialect: Dialect): void {
  const changing = code.find((token, index) =>
    token.kind === "word" && changingWords.has(token.text) && startsStatement(code, index)
  );
  if (changing) throw new RefusedQueryError(`The query would change data (${changing.text}): it may only read.`);
  const places = placesIn(code);
  const own = code.filter((token, index) => places[index] === "query" && token.kind === "word");
  if (own.some((token) => token.text === "INTO")) {
    throw new RefusedQueryError("The query writes its result somewhere (INTO): it may only read.");
  }
  const followed = (word: string, by: readonly string[]) =>
    own.some((token, index) => token.text === word && by.includes(own[index + 1]?.text ?? ""));
  if (followed("FOR", ["UPDATE", "SHARE", "NO", "KEY"])) {
    throw new RefusedQueryError("The query locks rows (FOR UPDATE): it may only read.");
  }
  if (followed("FOR", ["XML", "JSON", "BROWSE"]) && dialect === "mssql") {
    throw new RefusedQueryError("The query returns a document (FOR XML or FOR JSON): it must return rows and columns.");
  }
  if (dialect === "mssql" && own.some((token) => token.text === "OPTION")) {
    throw new RefusedQueryError("The query ends in an OPTION clause, which cannot be narrowed to a window: remove it.");
  }
  const limit = rowLimit(code, dialect);
  if (limit) {
    throw new RefusedQueryError(
      `The query limits its rows (${limit}), so rows would be missing: remove that, the agent reads window by window.`,
    );
  }
}

/** The statement's main SELECT, after its WITH clause. */
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
  // REPLACE(…) and INSERT(…) are also functions.
  if (code[index + 1]?.kind === "open") return false;
  return before === undefined || before.kind === "open" || (before.kind === "close" && code[0]?.text === "WITH");
}

/** The query's own ORDER BY, unless it affects which rows are returned. */
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
