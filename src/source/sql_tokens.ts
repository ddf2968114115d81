/**
 * Splits an SQL text into tokens, far enough to find where a statement ends, what is a comment, and which words are at
 * the top level. Strings, identifiers and comments differ by database, so the dialect decides.
 */
import { matchAt, type Place, quotedAt } from "./sql_quotes.ts";
import { SqlTokenError } from "./sql_token_error.ts";

/** The SQL dialect; `generic` follows the standard. */
export type Dialect = "postgresql" | "mysql" | "mssql" | "sqlite" | "generic";

/** How to interpret a text. */
export interface Reading {
  readonly dialect: Dialect;
  /**
   * In plain strings a backslash escapes the next character. MySQL: not with NO_BACKSLASH_ESCAPES; PostgreSQL: only
   * without standard_conforming_strings.
   *
   * @default only MySQL
   */
  readonly backslashEscapes?: boolean;
  /** In MySQL double quotes are for identifiers, in which a backslash escapes nothing: ANSI_QUOTES. @default false */
  readonly ansiQuotes?: boolean;
}

/** A piece of the text. All tokens together leave out only white space. */
export interface Token {
  readonly kind: "word" | "identifier" | "string" | "comment" | "semicolon" | "open" | "close" | "marker" | "other";
  /** Offsets into the text: from inclusive, to exclusive. */
  readonly from: number;
  readonly to: number;
  /** How many parentheses are open around it. */
  readonly depth: number;
  /** Words in upper case, for comparison; otherwise the text itself. */
  readonly text: string;
}

/** To these databases whatever is not ASCII is a letter (white space is not sent as such: sql_comments.ts). */
const wordOfAnyLetters = /[A-Za-z_[^\p{ASCII}\s]][\w$[^\p{ASCII}\s]]*/vy;
/** A word must end where it ends in the database: what follows may be a quote to one of them only. */
const wordPatterns: Readonly<Record<Dialect, RegExp>> = {
  postgresql: wordOfAnyLetters,
  mysql: wordOfAnyLetters,
  sqlite: wordOfAnyLetters,
  mssql: /[\p{L}_@#$][\p{L}\p{N}_@#$]*/uy,
  generic: /[\p{L}_][\p{L}\p{N}_$]*/uy,
};
const numberPattern = /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y;
const spacePattern = /\s+/uy;
const lineCommentPattern = /--[^\r\n]*/y;
/** "5--1" is a subtraction; but a space, a control character or a foreign letter after the dashes begins a comment. */
const mysqlLineCommentPattern = /(?:#|--(?![!-~]))[^\r\n]*/y;

/**
 * The tokens of an SQL text, without white space.
 *
 * @throws {@linkcode SqlTokenError}
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * const kinds = tokenize("SELECT ';' -- done", { dialect: "generic" }).map((token) => token.kind);
 * assertEquals(kinds, ["word", "string", "comment"]);
 * ```
 */
export function tokenize(sql: string, reading: Reading): Token[] {
  const tokens: Token[] = [];
  let depth = 0;
  let at = 0;
  while (at < sql.length) {
    const space = matchAt(spacePattern, { sql, at });
    if (space) {
      at += space.length;
      continue;
    }
    const { kind, to } = tokenAt({ sql, at }, reading);
    if (kind === "close" && --depth < 0) throw new SqlTokenError('there is a ")" too many', { sql, at });
    const text = sql.slice(at, to);
    tokens.push({ kind, from: at, to, depth, text: kind === "word" ? text.toUpperCase() : text });
    if (kind === "open") depth++;
    at = to;
  }
  if (depth > 0) throw new SqlTokenError(`${depth} "(" without its ")"`);
  return tokens;
}

function tokenAt(place: Place, reading: Reading): { kind: Token["kind"]; to: number } {
  const { sql, at } = place;
  const { dialect } = reading;
  const char = sql[at] ?? "";
  const comment = matchAt(dialect === "mysql" ? mysqlLineCommentPattern : lineCommentPattern, place);
  if (comment) return { kind: "comment", to: at + comment.length };
  if (sql.startsWith("/*", at)) return { kind: "comment", to: blockCommentEnd(place, dialect) };
  const quoted = quotedAt(place, reading);
  if (quoted) return quoted;
  if (char === ";") return { kind: "semicolon", to: at + 1 };
  if (char === "(") return { kind: "open", to: at + 1 };
  if (char === ")") return { kind: "close", to: at + 1 };
  if (char === "?" || (dialect === "sqlite" && "$@:#".includes(char))) return { kind: "marker", to: at + 1 };
  const number = matchAt(numberPattern, place);
  if (number) return { kind: "other", to: at + number.length };
  const word = matchAt(wordPatterns[dialect], place);
  if (word) return { kind: "word", to: at + word.length };
  return { kind: "other", to: at + (char >= "\ud800" && char <= "\udbff" ? 2 : 1) };
}

function blockCommentEnd({ sql, at }: Place, dialect: Dialect): number {
  const nests = dialect === "postgresql" || dialect === "mssql";
  let open = 1;
  for (let i = at + 2; i < sql.length - 1; i++) {
    const pair = sql.slice(i, i + 2);
    if (pair === "*/") {
      if (--open === 0) return i + 2;
      i++;
    } else if (nests && pair === "/*") {
      open++;
      i++;
    }
  }
  throw new SqlTokenError("a comment is not closed", { sql, at });
}
