/** What the ODBC tests share: connecting to a test server, and a query's CSV as text. */
import type { Database, QueryOptions } from "../../src/database/row_source.ts";
import { type CsvResult, writeCsv, type WriteCsvOptions } from "../../src/database/write_csv.ts";
import { connectOdbc, type ConnectOptions } from "../../src/odbc/connection.ts";
import type { Attributes } from "../../src/odbc/connection_string.ts";
import { type OdbcLibrary, openOdbcLibrary } from "../../src/odbc/library.ts";
import type { TestServer } from "../databases/postgresql.ts";

/** No wait of these tests is longer. */
export const testTimeoutMs = 60_000;

/** Attributes for a server by a registered driver. */
export function attributesFor(
  driver: string,
  server: Pick<TestServer, "host" | "port" | "database" | "user" | "password">,
): Attributes {
  return [
    { key: "DRIVER", value: driver },
    { key: "SERVER", value: server.host },
    { key: "PORT", value: String(server.port) },
    { key: "DATABASE", value: server.database },
    { key: "UID", value: server.user },
    { key: "PWD", value: server.password },
  ];
}

/** Connects, runs `use`, disconnects and closes the library. */
export async function withDatabase<T>(
  attributes: Attributes,
  use: (database: Database, library: OdbcLibrary) => Promise<T>,
  options: Partial<ConnectOptions> = {},
): Promise<T> {
  using library = openOdbcLibrary();
  const deadline = AbortSignal.timeout(testTimeoutMs);
  await using database = await connectOdbc({ library, attributes, signal: deadline, ...options });
  return await use(database, library);
}

/** Runs a query to its end and gives its CSV. */
export async function csvOf(
  database: Database,
  sql: string,
  options: Partial<QueryOptions> & Partial<WriteCsvOptions> = {},
): Promise<{ csv: string; lines: string[]; result: CsvResult }> {
  const signal = options.signal ?? new AbortController().signal;
  await using rows = await database.query(sql, { ...options, signal });
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let csv = "";
  const sink = {
    write(chunk: Uint8Array<ArrayBuffer>) {
      csv += decoder.decode(chunk, { stream: true });
      return Promise.resolve();
    },
  };
  const result = await writeCsv(rows, sink, { ...options, signal });
  csv += decoder.decode();
  return { csv, lines: csv.split("\r\n").slice(0, -1), result };
}
