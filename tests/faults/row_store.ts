/** Rows in PostgreSQL, in the middle of which a query can be made to hang. */
import type { TestServer } from "../databases/postgresql.ts";

/** Where rows come from. */
export interface RowStore {
  /**
   * Adds rows with these identifiers, at these times (UTC, `YYYY-MM-DD hh:mm:ss`), unless they are there: it is called
   * again when it has failed.
   */
  insert(rows: readonly { id: string; time: string }[]): Promise<void>;
}

/** A query that is to hang gives so many rows first: more than the driver fetches at once, which are 100. */
export const hangsAfterRows = 150;

/** The query of the database integration. */
export const rowQuery =
  "SELECT given(q) AS queueidentifier, 'Störung' AS queuename, t AS timestamp, 1 AS answered FROM calls";

/** The agent may only read, so what a transaction has given is counted in a setting of its own. */
const tables = `
CREATE TABLE calls (q text PRIMARY KEY, t timestamp);
CREATE TABLE hanging ();
CREATE FUNCTION given(q text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  rows int := coalesce(nullif(current_setting('calls.given', true), ''), '0')::int;
BEGIN
  IF EXISTS (SELECT FROM hanging) THEN
    IF rows >= ${hangsAfterRows} THEN PERFORM pg_sleep(3600); END IF;
    PERFORM set_config('calls.given', (rows + 1)::text, true);
  END IF;
  RETURN q;
END $$`;

export class PostgresqlRows implements RowStore {
  readonly #server: TestServer;

  private constructor(server: TestServer) {
    this.#server = server;
  }

  static async make(server: TestServer): Promise<PostgresqlRows> {
    await server.sql(tables);
    return new PostgresqlRows(server);
  }

  async insert(rows: readonly { id: string; time: string }[]): Promise<void> {
    const values = rows.map(({ id, time }) => `('${id}', TIMESTAMP '${time}')`).join(",");
    await this.#server.sql(`INSERT INTO calls VALUES ${values} ON CONFLICT DO NOTHING`);
  }

  /** Whether queries that begin from now on hang after {@linkcode hangsAfterRows}. */
  async setHanging(hangs: boolean): Promise<void> {
    await this.#server.sql(hangs ? "INSERT INTO hanging DEFAULT VALUES" : "DELETE FROM hanging");
  }

  /** Whether one hangs: it has been asked for more after its first rows. */
  async isHanging(): Promise<boolean> {
    const fetching = "FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query ILIKE 'fetch %'";
    return (await this.#server.sql(`SELECT count(*) ${fetching}`)).trim() !== "0";
  }
}
