/**
 * Splits an SQL text into tokens, far enough to find where a statement ends, what is a comment, and which words are at
 * the top level. Strings, identifiers and comments differ by database, so the dialect decides.
 */

/** The SQL dialect; `generic` follows the standard. */
export type Dialect = "postgresql" | "mysql" | "mssql" | "sqlite" | "generic";

/** How to interpret a text. */
export interface Reading {
  readonly dialect: Dialect;
  /** In MySQL strings a backslash escapes the next character. @default true */
  readonly backslashEscapes?: boolean;
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

/** The text ends inside a string, identifier or comment, or its parentheses do not match. */
export class SqlTokenError extends Error {
  override readonly name = "SqlTokenError";
}

const wordPattern = /[\p{L}_@#$][\p{L}\p{N}_@#$]*/uy;
const numberPattern = /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?[\p{L}\p{N}_]*/uy;
const dollarPattern = /\$(?:[\p{L}_][\p{L}\p{N}_]*)?\$/uy;
const spacePattern = /\s+/uy;

/**
 * The tokens of an SQL text, without white space.
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
    const space = matchAt(spacePattern, sql, at);
    if (space) {
      at += space.length;
      continue;
    }
    const { kind, to } = tokenAt(sql, at, reading);
    if (kind === "close" && --depth < 0) {
      throw new SqlTokenError(`there is a ")" too many${where(sql, at)}`);
    }
    const text = sql.slice(at, to);
    tokens.push({ kind, from: at, to, depth, text: kind === "word" ? text.toUpperCase() : text });
    if (kind === "open") depth++;
    at = to;
  }
  if (depth > 0) throw new SqlTokenError(`${depth} "(" without its ")"`);
  return tokens;
}

function tokenAt(sql: string, at: number, reading: Reading): { kind: Token["kind"]; to: number } {
  const { dialect, backslashEscapes = true } = reading;
  const char = sql[at] ?? "";
  const next = sql[at + 1] ?? "";
  if (startsLineComment(sql, at, dialect)) return { kind: "comment", to: lineEnd(sql, at) };
  if (char === "/" && next === "*") return { kind: "comment", to: blockCommentEnd(sql, at, dialect) };
  if (char === "'") {
    const escapes = (dialect === "mysql" && backslashEscapes) || (dialect === "postgresql" && isEscapeString(sql, at));
    return { kind: "string", to: quotedEnd(sql, at, { quote: "'", escapes }) };
  }
  if (char === '"') {
    // In MySQL, unless ANSI_QUOTES is set, this is a string: parse it with escapes, since only they can hide an end.
    const isString = dialect === "mysql";
    const escapes = isString && backslashEscapes;
    return { kind: isString ? "string" : "identifier", to: quotedEnd(sql, at, { quote: '"', escapes }) };
  }
  if (char === "`" && (dialect === "mysql" || dialect === "sqlite" || dialect === "generic")) {
    return { kind: "identifier", to: quotedEnd(sql, at, { quote: "`", escapes: false }) };
  }
  if (char === "[" && (dialect === "mssql" || dialect === "sqlite")) {
    return { kind: "identifier", to: quotedEnd(sql, at, { quote: "]", escapes: false }) };
  }
  if (char === "$" && dialect === "postgresql") {
    const tag = matchAt(dollarPattern, sql, at);
    if (tag) return { kind: "string", to: endOf(sql, { text: tag, after: at + tag.length, opened: at }) };
  }
  if (char === ";") return { kind: "semicolon", to: at + 1 };
  if (char === "(") return { kind: "open", to: at + 1 };
  if (char === ")") return { kind: "close", to: at + 1 };
  if (char === "?") return { kind: "marker", to: at + 1 };
  const number = matchAt(numberPattern, sql, at);
  if (number) return { kind: "other", to: at + number.length };
  const word = matchAt(wordPattern, sql, at);
  if (word) return { kind: "word", to: at + word.length };
  return { kind: "other", to: at + (char >= "\ud800" && char <= "\udbff" ? 2 : 1) };
}

function startsLineComment(sql: string, at: number, dialect: Dialect): boolean {
  if (sql[at] === "#") return dialect === "mysql";
  if (sql[at] !== "-" || sql[at + 1] !== "-") return false;
  // MySQL requires a space or the end of the line after the dashes: "5--1" is a subtraction there.
  return dialect !== "mysql" || /^(\s|$)/.test(sql.slice(at + 2, at + 3));
}

function lineEnd(sql: string, at: number): number {
  const end = sql.slice(at).search(/[\r\n]/);
  return end < 0 ? sql.length : at + end;
}

function blockCommentEnd(sql: string, at: number, dialect: Dialect): number {
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
  throw new SqlTokenError(`a comment is not closed${where(sql, at)}`);
}

function isEscapeString(sql: string, at: number): boolean {
  return /(?:^|[^\p{L}\p{N}_$])[eE]$/u.test(sql.slice(Math.max(0, at - 3), at));
}

/** The end of a quoted text, in which a closing quote is escaped by doubling it. */
function quotedEnd(sql: string, at: number, options: { quote: string; escapes: boolean }): number {
  for (let i = at + 1; i < sql.length; i++) {
    if (options.escapes && sql[i] === "\\") i++;
    else if (sql[i] === options.quote) {
      if (sql[i + 1] !== options.quote) return i + 1;
      i++;
    }
  }
  throw new SqlTokenError(`a quote is not closed${where(sql, at)}`);
}

function endOf(sql: string, options: { text: string; after: number; opened: number }): number {
  const end = sql.indexOf(options.text, options.after);
  if (end < 0) throw new SqlTokenError(`a quote is not closed${where(sql, options.opened)}`);
  return end + options.text.length;
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

function where(sql: string, at: number): string {
  return ` (line ${sql.slice(0, at).split("\n").length}: ${sql.slice(at, at + 20).split("\n")[0]})`;
}
