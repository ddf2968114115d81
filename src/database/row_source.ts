/**
 * Rows of a query, block by block, the same for every kind of database. A block is read in place: checks look at single
 * values, and the rest is converted to CSV without ever becoming a JavaScript value.
 */
import type { CsvBuffer } from "./csv_buffer.ts";

/** One connection. It runs at most one query at a time. Disposing disconnects, whatever is in progress. */
export interface Database extends AsyncDisposable {
  readonly info: DatabaseInfo;
  /**
   * Starts a query and describes its columns.
   *
   * @throws with the reason and the remedy; the signal's reason when aborted.
   */
  query(sql: string, options: QueryOptions): Promise<RowSource>;
}

/** What is known about the connected database. */
export interface DatabaseInfo {
  /** For messages: "PostgreSQL 15.0 (psqlodbcw.so 13.02)". */
  readonly description: string;
  /** Quotes a name as this database requires, so that it is taken literally. */
  quote(name: string): string;
  /**
   * For drivers that return `column`'s times as the session's wall clock although the database has their offset (so
   * that the repeated hour in autumn is ambiguous): SQL that returns `expression` as text with the offset.
   */
  offsetText(column: Column, expression: string): string | undefined;
  /**
   * Whether the session's time zone is the requested one, to which zoned values and the database's own clock then
   * refer.
   */
  readonly sessionTimeZone: "set" | "as-is";
  /** The driver reads a whole result into memory before it returns the first row: ask for less at once. */
  readonly holdsResults: boolean;
  /** What could not be set up as intended, for the log. */
  readonly remarks: readonly string[];
}

/**
 * How to run one query. `longColumns` is for a second attempt: buffers are sized by what drivers declare, which may be
 * too short.
 */
export interface QueryOptions {
  readonly signal: AbortSignal;
  /** Values of the `?` in the query, in order. */
  readonly parameters?: readonly Parameter[];
  /** Time limit in the database, if it supports one. @default none */
  readonly timeoutSeconds?: number;
  /**
   * Text columns whose values are times with an offset, because the query asked for them that way ({@linkcode
   * DatabaseInfo.offsetText}): their kind becomes `timestamp-with-zone`.
   */
  readonly zonedColumns?: ReadonlySet<string>;
  /** Columns whose values may be of any length, from an earlier {@linkcode LongValueError}. */
  readonly longColumns?: ReadonlySet<string>;
}

/** A value bound to a `?`. */
export type Parameter =
  /** Wall-clock time, as ms since 1970-01-01T00:00 on that same wall clock. */
  | { readonly type: "timestamp"; readonly wallClockMs: number }
  /** A point in time, in ms since the epoch, for comparison with a column that has a zone. */
  | { readonly type: "instant"; readonly epochMs: number }
  | { readonly type: "integer"; readonly value: bigint }
  | { readonly type: "text"; readonly value: string };

/** A running query. Disposing it ends the query. */
export interface RowSource extends AsyncDisposable {
  readonly columns: readonly Column[];
  /** The rows, only once. A block is valid until the next one is requested. */
  blocks(): AsyncIterableIterator<Block>;
}

/** A column of a result, in the order returned by the query. */
export interface Column {
  /** As in the database: case and spaces are preserved. */
  readonly name: string;
  readonly kind: ColumnKind;
  /** The database's own name for the type, for people. */
  readonly typeName: string;
}

/** What is known about a value from its column alone. Determines its checks and its CSV text. */
export type ColumnKind =
  | "integer"
  | "decimal"
  | "float"
  | "boolean"
  | "text"
  | "date"
  | "time"
  | "timestamp"
  /** A timestamp whose text has an offset. */
  | "timestamp-with-zone"
  | "binary"
  /** The database does not say (SQLite's expressions). */
  | "unknown";

/** Some rows, numbered from 0 within the block. */
export interface Block {
  readonly rows: number;
  isNull(column: number, row: number): boolean;
  /** The value as in CSV, without quotes; `null` for NULL. */
  text(column: number, row: number): string | null;
  /** Whether {@linkcode text} has more UTF-16 code units than `charactersMax`; costs next to nothing if not. */
  isLonger(column: number, row: number, charactersMax: number): boolean;
  /** An integer, also from a decimal, float or text with an integer value; NaN for anything else and for NULL. */
  integer(column: number, row: number): number;
  /**
   * A time in ms. Without a zone: of the wall clock, as if that were UTC (`2024-03-31 02:30` is the same number
   * wherever the database is). With an offset: since the epoch. NaN for NULL and for anything that is not a time.
   */
  timeMs(column: number, row: number): number;
  /**
   * Appends rows to `csv` starting at `from`, skipping those where `refused` is not 0, until the block ends or `csv`
   * has no room for another row, whose size is then in its `roomWanted`. Returns the next row.
   */
  encode(csv: CsvBuffer, options: { from: number; refused?: Uint8Array | undefined }): number;
}

/**
 * A value is longer than its column's declared length, and the driver can no longer return the rest. Nothing was
 * truncated: run the query again with these columns (and earlier ones) in `longColumns`, into a fresh batch.
 */
export class LongValueError extends Error {
  override readonly name = "LongValueError";
  readonly columns: readonly string[];
  constructor(columns: readonly string[]) {
    super(`Cannot read ${columns.map((name) => `"${name}"`).join(", ")} in blocks: a value is longer than declared`);
    this.columns = columns;
  }
}
