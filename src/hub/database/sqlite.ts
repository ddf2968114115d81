/**
 * Kysely over `node:sqlite`: gives `DatabaseSync` the shape of better-sqlite3 that Kysely's dialect wants, and keeps
 * prepared statements. WAL and synchronous=FULL: a commit that returned survives a power cut.
 */
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { type Dialect, SqliteDialect, type SqliteStatement } from "kysely";

/** Prepared statements kept; the oldest is dropped. */
const statementsMax = 256;
/** How long a writer waits for another process (a command beside the running hub), in ms. */
const busyTimeoutMs = 10_000;

/** Opens (or makes) the database file for Kysely. */
export function sqliteDialect(file: string): Dialect {
  const database = new DatabaseSync(file);
  database.exec(`
    pragma journal_mode = wal;
    pragma synchronous = full;
    pragma busy_timeout = ${busyTimeoutMs};
    pragma foreign_keys = on;
    pragma trusted_schema = off;
    pragma cache_size = -16384;
  `);
  const statements = new Map<string, SqliteStatement>();
  return new SqliteDialect({
    database: {
      close: () => database.close(),
      prepare(sql: string) {
        const known = statements.get(sql);
        if (known !== undefined) return known;
        const statement = kyselyStatement(database, sql);
        statements.set(sql, statement);
        if (statements.size > statementsMax) statements.delete(statements.keys().next().value ?? sql);
        return statement;
      },
    },
  });
}

function kyselyStatement(database: DatabaseSync, sql: string): SqliteStatement {
  // A transaction that reads first and writes then would fail at once when another process wrote in between.
  const statement = database.prepare(sql === "begin" ? "begin immediate" : sql);
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...parameters as SQLInputValue[]),
    run: (parameters) => statement.run(...parameters as SQLInputValue[]),
    iterate: (parameters) => statement.iterate(...parameters as SQLInputValue[]),
  };
}
