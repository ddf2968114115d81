/**
 * Rows of a query, block by block, as every kind of database gives them. A block is read in place: checks look at single
 * values, and the rest goes to CSV without ever being a JavaScript value.
 */
import type { CsvBuffer } from "./csv_buffer.ts";

/** One connection. At most one query runs on it at a time. Disposing it disconnects, whatever is under way. */
export interface Database extends AsyncDisposable {
  readonly info: DatabaseInfo;
  /**
   * Starts a query and describes its columns.
   *
   * @throws with the reason and the remedy; the signal's reason when aborted.
   */
  query(sql: string, options: QueryOptions): Promise<RowSource>;
}

/** What is known of the database on the other side. */
export interface DatabaseInfo {
  /** For messages: "PostgreSQL 15.0 (psqlodbcw.so 13.02)". */
  readonly description: string;
  /** Puts a name in quotes as this database wants it, so that it is taken as it is. */
  quote(name: string): string;
  /**
   * Where the driver gives `column`'s times as the session's wall clock although the database has their offset (so that
   * the hour that comes twice in autumn cannot be told apart): SQL that gives `expression` as text with the offset.
   */
  offsetText(column: Column, expression: string): string | undefined;
  /** The session's time zone is the one asked for: values with a zone and the database's own clock are in it. */
  readonly sessionTimeZone: "set" | "as-is";
  /** The driver takes a whole result into memory before it gives its first row: less is to be asked for at once. */
  readonly holdsResults: boolean;
  /** What could not be set up as wished, for the log. */
  readonly remarks: readonly string[];
}

/**
 * How one query is run. `longColumns` is for a second try: buffers are sized by what drivers declare, which may be too
 * short.
 */
export interface QueryOptions {
  readonly signal: AbortSignal;
  /** Values of the `?` in the query, in order. */
  readonly parameters?: readonly Parameter[];
  /** Limit in the database, where it has one. @default none */
  readonly timeoutSeconds?: number;
  /**
   * Text columns whose values are times with an offset, because the query asked for them that way
   * ({@linkcode DatabaseInfo.offsetText}): their kind becomes `timestamp-with-zone`.
   */
  readonly zonedColumns?: ReadonlySet<string>;
  /** Columns whose values may be of any length, from an earlier {@linkcode LongValueError}. */
  readonly longColumns?: ReadonlySet<string>;
}

/** A value bound to a `?`. */
export type Parameter =
  /** Wall-clock time, as ms since 1970-01-01T00:00 of that same wall clock. */
  | { readonly type: "timestamp"; readonly wallClockMs: number }
  /** A point in time, in ms since the epoch, for comparing with a column that has a zone. */
  | { readonly type: "instant"; readonly epochMs: number }
  | { readonly type: "integer"; readonly value: bigint }
  | { readonly type: "text"; readonly value: string };

/** A running query. Disposing it ends the query. */
export interface RowSource extends AsyncDisposable {
  readonly columns: readonly Column[];
  /** The rows, once. A block is valid until the next one is asked for. */
  blocks(): AsyncIterableIterator<Block>;
}

/** A column of a result, in the order in which the query returns it. */
export interface Column {
  /** As the database has it: case and spaces are kept. */
  readonly name: string;
  readonly kind: ColumnKind;
  /** The database's own name of the type, for people. */
  readonly typeName: string;
}

/** What can be told of a value from its column alone. Decides which checks it gets, and how its CSV text looks. */
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
  /** The value as CSV has it, without quotes; `null` for NULL. */
  text(column: number, row: number): string | null;
  /** Whether {@linkcode text} has more UTF-16 code units than `charactersMax`; costs next to nothing when it has not. */
  isLonger(column: number, row: number, charactersMax: number): boolean;
  /** An integer, also from a decimal, float or text that is one; NaN for anything else and for NULL. */
  integer(column: number, row: number): number;
  /**
   * A time in ms. Without a zone: of the wall clock, as if that were UTC (`2024-03-31 02:30` is the same number wherever
   * the database is). With an offset: since the epoch. NaN for NULL and for what is no time.
   */
  timeMs(column: number, row: number): number;
  /**
   * Appends rows to `csv` from row `from` on, without those where `refused` is not 0, until the block ends or `csv` has no
   * room for another row, which then says `roomWanted`. Returns the next row.
   */
  encode(csv: CsvBuffer, options: { from: number; refused?: Uint8Array | undefined }): number;
}

/**
 * A value is longer than its column was declared, and the driver cannot give the rest any more. Nothing was cut: run the
 * query again with these columns (and those of before) in `longColumns`, into a fresh batch.
 */
export class LongValueError extends Error {
  override readonly name = "LongValueError";
  readonly columns: readonly string[];
  constructor(columns: readonly string[]) {
    super(`Cannot read ${columns.map((name) => `"${name}"`).join(", ")} in blocks: a value is longer than declared`);
    this.columns = columns;
  }
}
