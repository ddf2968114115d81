/**
 * The state database: node:sqlite with the settings needed for durability, a versioned schema, and transactions.
 *
 * Write-ahead log with `synchronous=FULL`: a committed transaction survives a power cut. Relaxed transactions skip the
 * flush, for data that may be lost because it can be recovered (an acknowledgement, a status line); the next full
 * transaction makes them durable too.
 */
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { StateDamagedError } from "../runtime/state_damaged.ts";
import { migrations } from "./migrations.ts";

/** How long a statement waits for another process's lock (a backup, an SQLite shell), in ms. */
export const busyTimeoutMs = 5_000;

/** A row by column name; integers are `number`s, all below 2^53. */
export type Row = Record<string, unknown>;

/**
 * Open state database. One connection; node:sqlite is synchronous, so a transaction is never interleaved. Any access
 * may discover damage and throw {@linkcode StateDamagedError}: the next start sets the file aside.
 */
export class StateDatabase implements Disposable {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** First row of a query, in the type the caller expects. */
  get<T extends Row>(sql: string, ...values: SQLInputValue[]): T | undefined {
    return guarded(() => this.#statement(sql).get(...values)) as T | undefined;
  }

  /** All rows of a query. */
  all<T extends Row>(sql: string, ...values: SQLInputValue[]): T[] {
    return guarded(() => this.#statement(sql).all(...values)) as T[];
  }

  /** Executes a statement and returns how many rows it changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(guarded(() => this.#statement(sql).run(...values)).changes);
  }

  /**
   * Runs `act` in one transaction: all of it takes effect or, if it throws, nothing. Inside another transaction it
   * becomes a savepoint. On return the outermost transaction is durable, unless `relaxed`.
   */
  transaction<T>(act: () => T, options: { relaxed?: boolean } = {}): T {
    if (this.#database.isTransaction) return this.#bracket(act, savepoint);
    if (options.relaxed !== true) return this.#bracket(act, outermost);
    this.#database.exec("PRAGMA synchronous = NORMAL");
    try {
      return this.#bracket(act, outermost);
    } finally {
      this.#database.exec("PRAGMA synchronous = FULL");
    }
  }

  /** Empties the write-ahead log, which still contains deleted data. Call it outside transactions. */
  forget(): void {
    this.#database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  }

  [Symbol.dispose](): void {
    this.#statements.clear();
    this.#database.close();
  }

  #bracket<T>(act: () => T, sql: typeof outermost): T {
    guarded(() => this.#statement(sql.begin).run());
    try {
      const result = act();
      guarded(() => this.#statement(sql.commit).run());
      return result;
    } catch (error) {
      // SQLite may have rolled back by itself (disk full), which ends the transaction.
      if (this.#database.isTransaction) this.#database.exec(sql.rollback);
      throw error;
    }
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

const outermost = { begin: "BEGIN IMMEDIATE", commit: "COMMIT", rollback: "ROLLBACK" };
const savepoint = {
  begin: "SAVEPOINT inner_step",
  commit: "RELEASE inner_step",
  rollback: "ROLLBACK TO inner_step; RELEASE inner_step",
};

/**
 * Opens (or creates) the database and brings its schema up to date.
 *
 * @param path of the file, or `:memory:`
 * @throws {StateDamagedError} when the file is not a database, or damaged.
 * @throws when it was written by a newer version, or another process keeps it locked.
 */
export function openStateDatabase(path: string, options: { readOnly?: boolean } = {}): StateDatabase {
  const readOnly = options.readOnly ?? false;
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { readOnly, timeout: busyTimeoutMs });
    if (!readOnly) prepare(database, path);
    return new StateDatabase(database);
  } catch (error) {
    database?.close();
    throw explained(error, path);
  }
}

function prepare(database: DatabaseSync, path: string): void {
  database.exec(
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON",
  );
  // Fast enough for every start; finds what would otherwise surface as an error in the middle of the work.
  const check = database.prepare("PRAGMA quick_check(1)").get() as { quick_check: string };
  if (isUnread(check.quick_check)) throw unreadable(path, check.quick_check);
  if (check.quick_check !== "ok") throw new StateDamagedError(`"${path}" is damaged: ${check.quick_check}`);
  const { user_version: found } = database.prepare("PRAGMA user_version").get() as { user_version: number };
  if (found > migrations.length) {
    throw new Error(
      `Cannot open the state "${path}": it was written by a newer version of this program (schema ${found}, this one ` +
        `knows ${migrations.length}). Install the newer version again, or move the state folder away to start afresh`,
    );
  }
  for (const [index, migration] of migrations.entries()) {
    if (index < found) continue;
    database.exec("BEGIN IMMEDIATE");
    try {
      database.exec(`${migration}; PRAGMA user_version = ${index + 1}; COMMIT`);
    } catch (error) {
      if (database.isTransaction) database.exec("ROLLBACK");
      throw error;
    }
  }
}

/** SQLITE_CORRUPT, the low byte of its extended codes (https://www.sqlite.org/rescode.html). */
const corruptCode = 11;

/** Whether the check could not read a page, which it reports like damage: the page may be whole. */
function isUnread(report: string): boolean {
  const [found, code] = /failed to get page|unable to get the page\. error code=(\d+)/.exec(report) ?? [];
  return found !== undefined && (code === undefined || (Number(code) & 0xff) !== corruptCode);
}

function unreadable(path: string, reason: string, options?: ErrorOptions): Error {
  return new Error(
    `Cannot read the state "${path}": the disk cannot return it (${
      reason.replaceAll(/\s+/g, " ")
    }). Check the disk and ` +
      "what connects it; the state is left as it is",
    options,
  );
}

const damaged = /not a database|malformed|file is encrypted/;

function guarded<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof Error) || !damaged.test(error.message)) throw error;
    throw new StateDamagedError(`The state database is damaged: ${error.message}`, { cause: error });
  }
}

function explained(error: unknown, path: string): unknown {
  if (!(error instanceof Error)) return error;
  if (damaged.test(error.message)) {
    return new StateDamagedError(`"${path}" is damaged: ${error.message}`, { cause: error });
  }
  if (/database is locked|database table is locked/.test(error.message)) {
    return new Error(
      `Cannot open the state "${path}": another process keeps it locked. Close the program that has it open (another ` +
        `agent, a backup, an SQLite shell) and start again`,
      { cause: error },
    );
  }
  if (/disk I\/O error/.test(error.message)) return unreadable(path, error.message, { cause: error });
  return error;
}
