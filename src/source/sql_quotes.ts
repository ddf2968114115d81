/**
 * Quoted strings and identifiers in an SQL text, as each dialect writes them.
 *
 * What one database takes for a quote is code to another: whoever misreads it once takes everything that follows the
 * wrong way round. So what a driver may rewrite, and what databases of the same dialect read differently, is refused.
 */
import { SqlTokenError } from "./sql_token_error.ts";
import type { Dialect, Reading } from "./sql_tokens.ts";

/** A quoted text; `to` is exclusive. */
export interface Quoted {
  readonly kind: "string" | "identifier";
  readonly to: number;
}

/** An offset into a text. */
export interface Place {
  readonly sql: string;
  readonly at: number;
}

/**
 * The quoted text that begins at an offset, if one does.
 *
 * @throws {@linkcode SqlTokenError} if it does not end, or if it is not certain to be read like this.
 */
export function quotedAt(place: Place, reading: Reading): Quoted | undefined {
  return byDialect[reading.dialect](place, reading) ?? standardQuoted(place);
}

/** What matches a sticky pattern at a place. */
export function matchAt(pattern: RegExp, { sql, at }: Place): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(sql)?.[0];
}

const byDialect: Readonly<Record<Dialect, (place: Place, reading: Reading) => Quoted | undefined>> = {
  postgresql: postgresqlQuoted,
  mysql: mysqlQuoted,
  mssql: (place) => place.sql[place.at] === "[" ? identifier(quotedEnd(place, { quote: "]" })) : undefined,
  sqlite: sqliteQuoted,
  generic: genericQuoted,
};

/** ODBC's literals for dates and times. */
const timeLiteral = /\{ *(?:d|ts?) *'[\d :.-]*' *\}/iy;

function standardQuoted(place: Place): Quoted | undefined {
  const { sql, at } = place;
  if (sql[at] === "'") return string(quotedEnd(place, { quote: "'" }));
  if (sql[at] === '"') return identifier(quotedEnd(place, { quote: '"' }));
  if (sql[at] !== "{") return undefined;
  const literal = matchAt(timeLiteral, place);
  // ODBC drivers rewrite what is in braces, and not only where a token begins; to Informix it is a comment.
  if (!literal) throw new SqlTokenError("drivers rewrite what is in braces: write it as the database has it", place);
  return string(at + literal.length);
}

const dollarQuote = /\$(?:[A-Za-z_[^\p{ASCII}\s]][\w[^\p{ASCII}\s]]*)?\$/vy;

function postgresqlQuoted(place: Place, { backslashEscapes = false }: Reading): Quoted | undefined {
  const { sql, at } = place;
  const [, prefix] = /^(e?)'/i.exec(sql.slice(at, at + 2)) ?? [];
  if (prefix !== undefined) {
    const escapes = backslashEscapes || prefix !== "";
    const to = quotedEnd({ sql, at: at + prefix.length }, { quote: "'", escapes });
    // In the next line it would continue, escapes included.
    if (escapes && matchAt(/\s*'/y, { sql, at: to })) {
      throw new SqlTokenError("a string with escapes is continued: write it as a single one", place);
    }
    return string(to);
  }
  const tag = matchAt(dollarQuote, place);
  return tag === undefined ? undefined : string(endOf(place, { text: tag, from: at + tag.length }));
}

function mysqlQuoted(
  place: Place,
  { backslashEscapes: escapes = true, ansiQuotes = false }: Reading,
): Quoted | undefined {
  switch (place.sql[place.at]) {
    case "'":
      return string(quotedEnd(place, { quote: "'", escapes }));
    case '"':
      return ansiQuotes ? undefined : string(quotedEnd(place, { quote: '"', escapes }));
    case "`":
      return identifier(quotedEnd(place, { quote: "`" }));
    case "[":
      throw new SqlTokenError("whether this is a quote depends on the server: write `…` instead", place);
    case "$":
      throw new SqlTokenError("whether this is a quote depends on the server: put such a name in `…`", place);
    default:
      return undefined;
  }
}

function sqliteQuoted(place: Place): Quoted | undefined {
  const { sql, at } = place;
  if (sql[at] === "`") return identifier(quotedEnd(place, { quote: "`" }));
  // Unlike SQL Server's, its brackets cannot be doubled.
  return sql[at] === "[" ? identifier(endOf(place, { text: "]", from: at + 1 })) : undefined;
}

/** Whether or not these are quotes, what is between them means nothing. */
const harmlessQuoted = /`(?:-?[\p{L}\p{N}_ .$])*`|\[(?:-?[\p{L}\p{N}_ .$])*\]/uy;

function genericQuoted(place: Place): Quoted | undefined {
  const { sql, at } = place;
  const quote = sql[at] ?? "";
  const unsure = (instead: string) => new SqlTokenError(`not every database reads this alike: ${instead}`, place);
  // SQL Anywhere's comments.
  if (quote === "%") throw unsure("use MOD(…)");
  if (sql.startsWith("//", at)) throw unsure("write a comment as /* … */");
  // Oracle: q'[it's]'
  if (/^n?q'/i.test(sql.slice(at, at + 3))) throw unsure("write '…' and double each quote in it");
  if (quote === "$") throw unsure('put a name that begins so in "…"');
  if (quote === "`" || quote === "[") {
    const found = matchAt(harmlessQuoted, place);
    if (found === undefined) throw unsure('write "…" instead');
    return identifier(at + found.length);
  }
  const found = standardQuoted(place);
  if (found && sql.slice(at, found.to).includes(`\\${quote}`)) {
    throw unsure("no backslash before a quote; LIKE can have another ESCAPE '!'");
  }
  return found;
}

function string(to: number): Quoted {
  return { kind: "string", to };
}

function identifier(to: number): Quoted {
  return { kind: "identifier", to };
}

/** The end of a quoted text, in which a closing quote is escaped by doubling it. */
function quotedEnd(place: Place, { quote, escapes = false }: { quote: string; escapes?: boolean }): number {
  const { sql, at } = place;
  for (let i = at + 1; i < sql.length; i++) {
    if (escapes && sql[i] === "\\") i++;
    else if (sql[i] === quote) {
      if (sql[i + 1] !== quote) return i + 1;
      i++;
    }
  }
  throw notClosed(place);
}

function endOf(place: Place, { text, from }: { text: string; from: number }): number {
  const end = place.sql.indexOf(text, from);
  if (end < 0) throw notClosed(place);
  return end + text.length;
}

function notClosed(place: Place): SqlTokenError {
  return new SqlTokenError("a quote is not closed", place);
}
