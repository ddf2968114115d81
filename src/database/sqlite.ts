/**
 * SQLite files as a source of rows, through the runtime's own SQLite: no driver needed.
 *
 * It runs on the calling thread: a query can be aborted between blocks, but within one only by ending the process.
 *
 * The runtime's iterator just ends when SQLite fails midway (a locked or damaged file, an overflow). Therefore the
 * query also asks for a marker row at the end; only if that arrives is the result complete.
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { quoted } from "./identifier.ts";
import { formatWallClock } from "./parse_time.ts";
import type {
  Block,
  Column,
  ColumnKind,
  Database,
  DatabaseInfo,
  Parameter,
  QueryOptions,
  RowSource,
} from "./row_source.ts";
import { type SqliteValue, unitsOf, ValueBlock } from "./value_block.ts";
import { errorText } from "../runtime/error_text.ts";

/** The file is opened read-only; it is never created. */
export interface OpenSqliteOptions {
  readonly file: string;
  /** How long to wait for a writer that has locked the file. @default 10000 */
  readonly busyTimeoutMs?: number;
}

const defaultBusyTimeoutMs = 10_000;
/** Few, so that a block's values are garbage before the collector promotes them to the old generation. */
const blockRowsMax = 100;
const blockBytesMax = 256 * 1024;
/** How long this thread works before other tasks, such as a cancel, get their turn. */
const turnMs = 20;

/**
 * Opens a file read-only.
 *
 * @throws an `Error` that says what to do if it is missing or not a database.
 */
export function openSqlite(options: OpenSqliteOptions): Database {
  const { file } = options;
  try {
    const database = new DatabaseSync(file, { readOnly: true });
    try {
      database.exec(`PRAGMA busy_timeout = ${Math.trunc(options.busyTimeoutMs ?? defaultBusyTimeoutMs)}`);
      database.exec("PRAGMA query_only = ON");
      const version = database.prepare("SELECT sqlite_version() AS version, count(*) FROM sqlite_schema").get();
      return new SqliteDatabase(database, String(version?.version));
    } catch (error) {
      database.close();
      throw error;
    }
  } catch (cause) {
    const reason = errorText(cause);
    throw new Error(
      `Cannot open the SQLite file "${file}": ${reason}; check the path, and that the service may read it`,
      {
        cause,
      },
    );
  }
}

class SqliteDatabase implements Database {
  readonly info: DatabaseInfo;
  readonly #database: DatabaseSync;
  #busy = false;

  constructor(database: DatabaseSync, version: string) {
    this.#database = database;
    this.info = {
      description: `SQLite ${version}`,
      quote: (name) => quoted(name, '"'),
      offsetText: () => undefined,
      sessionTimeZone: "as-is",
      holdsResults: false,
      remarks: [],
    };
  }

  // deno-lint-ignore require-await -- the interface is that of databases that one waits for
  async query(sql: string, options: QueryOptions): Promise<RowSource> {
    if (this.#busy) throw new Error("Cannot run a query: another one is running on this connection");
    options.signal.throwIfAborted();
    if (isBlank(sql)) throw new Error("Cannot run the query: there is none, only comments or nothing at all");
    const plain = this.#prepare(sql);
    const { sourceSQL } = plain;
    if (!isBlank(sql.slice(sourceSQL.length))) {
      throw new Error("Cannot run the query: there are several statements; it must be a single SELECT");
    }
    const columns = plain.columns().map((column): Column => {
      const typeName = column.type ?? "";
      const zoned = options.zonedColumns?.has(column.name) ?? false;
      return { name: column.name, typeName, kind: zoned ? "timestamp-with-zone" : kindOf(typeName) };
    });
    // Before anything runs: a statement without columns is not a query (ATTACH, PRAGMA x = y, DELETE).
    if (columns.length === 0) {
      throw new Error("Cannot read rows: the statement returns none; the query must be a single SELECT");
    }
    const statement = this.#prepare(withLastRow(sourceSQL, columns.length));
    this.#busy = true;
    return new SqliteRows(statement, { columns, options, onEnd: () => this.#busy = false });
  }

  // deno-lint-ignore require-await -- the interface is that of databases that one waits for
  async [Symbol.asyncDispose](): Promise<void> {
    this.#database.close();
  }

  #prepare(sql: string): StatementSync {
    try {
      const statement = this.#database.prepare(sql);
      statement.setReadBigInts(true);
      (statement as ArrayStatement).setReturnArrays(true);
      return statement;
    } catch (cause) {
      throw queryError(cause);
    }
  }
}

/** Missing from the types: rows as arrays, so that columns with the same name stay separate. */
type ArrayStatement = StatementSync & { setReturnArrays(on: boolean): void };

class SqliteRows implements RowSource {
  readonly columns: readonly Column[];
  readonly #statement: StatementSync;
  readonly #options: QueryOptions;
  readonly #onEnd: () => void;

  constructor(
    statement: StatementSync,
    { columns, options, onEnd }: { columns: readonly Column[]; options: QueryOptions; onEnd: () => void },
  ) {
    this.#statement = statement;
    this.columns = columns;
    this.#options = options;
    this.#onEnd = onEnd;
  }

  async *blocks(): AsyncIterableIterator<Block> {
    const { signal } = this.#options;
    const parameters = (this.#options.parameters ?? []).map(toSqlite);
    const rows = this.#statement.iterate(...parameters) as unknown as Iterator<SqliteValue[]>;
    let turnEnds = 0;
    try {
      for (let isLast = false; !isLast;) {
        if (performance.now() >= turnEnds) {
          // A turn for timers and messages: everything else here is synchronous.
          await new Promise((resolve) => setTimeout(resolve, 0));
          turnEnds = performance.now() + turnMs;
        }
        signal.throwIfAborted();
        const values: SqliteValue[][] = [];
        isLast = this.#take(values, rows);
        if (!isLast && values.length === 0) throw this.#failure(parameters);
        if (values.length > 0) yield new ValueBlock(this.columns, values);
      }
    } finally {
      rows.return?.();
    }
  }

  // deno-lint-ignore require-await -- the interface is that of databases that one waits for
  async [Symbol.asyncDispose](): Promise<void> {
    this.#onEnd();
  }

  /** Appends the next rows to `values`, up to a full block; returns whether the last one was among them. */
  #take(values: SqliteValue[][], rows: Iterator<SqliteValue[]>): boolean {
    for (let units = 0; values.length < blockRowsMax && units < blockBytesMax;) {
      const next = rows.next();
      if (next.done) return false;
      if (next.value.pop() === lastRow) return true;
      values.push(next.value);
      units += unitsOf(next.value);
    }
    return false;
  }

  /** Asks for the first row again, which yields SQLite's own message, if it still fails. */
  #failure(parameters: (string | bigint)[]): Error {
    try {
      this.#statement.get(...parameters);
    } catch (cause) {
      return queryError(cause);
    }
    return queryError(
      new Error("SQLite stopped before the last row (the file is locked or damaged, or a value overflows)"),
    );
  }
}

/** Whether there is nothing but comments and semicolons; the runtime crashes when that is prepared. */
function isBlank(sql: string): boolean {
  return /^(?:[\s;]|--[^\n]*(?:\n|$)|\/\*(?:[^*]|\*(?!\/))*(?:\*\/|$))*$/.test(sql);
}

/** The value in the last column of the marker row. */
const lastRow = 1n;

/** The query with one more column, 0, and one more row, whose last column is {@linkcode lastRow}. */
function withLastRow(sql: string, columns: number): string {
  const query = sql.replace(/[\s;]+$/, "");
  return `SELECT *, 0 FROM (\n${query}\n) UNION ALL SELECT ${"NULL, ".repeat(columns)}${lastRow}`;
}

function toSqlite(parameter: Parameter): string | bigint {
  switch (parameter.type) {
    case "timestamp":
      return formatWallClock(parameter.wallClockMs);
    case "instant":
      return `${formatWallClock(parameter.epochMs)}+00:00`;
    default:
      return parameter.value;
  }
}

/** SQLite's rules of affinity, plus the names of time types, which have none. */
function kindOf(typeName: string): ColumnKind {
  if (typeName === "") return "unknown";
  if (/INT/i.test(typeName)) return "integer";
  if (/CHAR|CLOB|TEXT/i.test(typeName)) return "text";
  if (/BLOB/i.test(typeName)) return "binary";
  if (/REAL|FLOA|DOUB/i.test(typeName)) return "float";
  if (/TIMESTAMP|DATETIME/i.test(typeName)) return "timestamp";
  if (/^DATE$/i.test(typeName)) return "date";
  if (/^TIME$/i.test(typeName)) return "time";
  return /BOOL/i.test(typeName) ? "boolean" : "decimal";
}

function queryError(cause: unknown): Error {
  const reason = errorText(cause);
  return new Error(`Cannot run the query: ${reason}. Run it in the sqlite3 shell on a copy of the file`, { cause });
}
