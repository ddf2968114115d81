/**
 * Kysely over `node:sqlite`. WAL and synchronous=FULL: a commit that returned survives a power cut.
 *
 * `node:sqlite` is synchronous, so its built-in wait for another writer (a command beside the running hub) would block
 * every request; instead, a statement that finds the database busy is retried after a moment.
 */
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import { type Clock, systemClock } from "../../runtime/clock.ts";

/** How many prepared statements are kept; the oldest is dropped. */
const statementsMax = 256;
/** How long a statement waits for another writer, in ms. */
const busyMs = 10_000;
/** How long it waits between two tries, in ms. */
const busyRetryMs = 5;
/** SQLITE_BUSY, the primary result code. */
const busyCode = 5;

/** Opens (or creates) the database file for Kysely. */
export function sqliteDialect(file: string, options: { clock?: Clock } = {}): Dialect {
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new SqliteFileDriver(file, options.clock ?? systemClock),
    createIntrospector: (database) => new SqliteIntrospector(database),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

class SqliteFileDriver implements Driver {
  readonly #file: string;
  readonly #clock: Clock;
  #database: DatabaseSync | undefined;
  #connection: SqliteConnection | undefined;

  constructor(file: string, clock: Clock) {
    this.#file = file;
    this.#clock = clock;
  }

  init(): Promise<void> {
    const database = new DatabaseSync(this.#file, { timeout: busyMs });
    this.#database = database;
    database.exec(`
      pragma journal_mode = wal;
      pragma synchronous = full;
      pragma foreign_keys = on;
      pragma trusted_schema = off;
      pragma cache_size = -16384;
      pragma busy_timeout = 0;
    `);
    this.#connection = new SqliteConnection(database, this.#clock);
    return Promise.resolve();
  }

  acquireConnection(): Promise<DatabaseConnection> {
    // Kysely hands out the only connection to one user at a time (SqliteAdapter.supportsMultipleConnections).
    if (this.#connection === undefined) throw new Error("Cannot query the database: it is not open");
    return Promise.resolve(this.#connection);
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    // A transaction that reads first and writes later would fail if another process wrote in between.
    await connection.executeQuery(CompiledQuery.raw("begin immediate"));
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw("commit"));
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    // SQLite may have rolled back by itself (disk full): the error that caused it is the one to report.
    if (this.#database?.isTransaction !== false) await connection.executeQuery(CompiledQuery.raw("rollback"));
  }

  releaseConnection(): Promise<void> {
    return Promise.resolve();
  }

  destroy(): Promise<void> {
    this.#database?.close();
    return Promise.resolve();
  }
}

interface Prepared {
  readonly statement: StatementSync;
  /** Whether it returns rows. */
  readonly reads: boolean;
}

class SqliteConnection implements DatabaseConnection {
  readonly #database: DatabaseSync;
  readonly #clock: Clock;
  readonly #statements = new Map<string, Prepared>();

  constructor(database: DatabaseSync, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    const deadlineMs = this.#clock.monotonicMs() + busyMs;
    for (;;) {
      try {
        return this.#execute(query);
      } catch (error) {
        if (!isBusy(error) || this.#clock.monotonicMs() > deadlineMs) throw error;
      }
      await this.#clock.sleep(busyRetryMs, never);
    }
  }

  // deno-lint-ignore require-yield -- nothing streams rows here
  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    await Promise.reject(new Error("Cannot stream rows from SQLite: page through them"));
  }

  #execute<Row>(query: CompiledQuery): QueryResult<Row> {
    const { statement, reads } = this.#prepare(query.sql);
    const parameters = query.parameters as readonly SQLInputValue[];
    if (reads) return { rows: statement.all(...parameters) as Row[] };
    const { changes, lastInsertRowid } = statement.run(...parameters);
    return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
  }

  #prepare(sql: string): Prepared {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    const prepared = { statement, reads: statement.columns().length > 0 };
    this.#statements.set(sql, prepared);
    if (this.#statements.size > statementsMax) this.#statements.delete(this.#statements.keys().next().value ?? sql);
    return prepared;
  }
}

const never = new AbortController().signal;

function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && typeof error.errcode === "number" &&
    (error.errcode & 0xff) === busyCode;
}
