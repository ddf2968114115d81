/**
 * `query`: runs a query as the agent would, on this machine, and shows the result: a table, or a CSV file. With
 * `--type` the columns and rows are checked as for an import, and only a window is read.
 */
import { resolve } from "node:path";
import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/load.ts";
import { connectControl } from "../control/connect_control.ts";
import { readLongValues } from "../database/long_values.ts";
import type { Database } from "../database/row_source.ts";
import { type CsvResult, replacementRemarks, writeCsv } from "../database/write_csv.ts";
import { realFileSystem } from "../durable/real_file_system.ts";
import type { ExtractJob } from "../extractor/messages.ts";
import { openDatabase } from "../extractor/open_database.ts";
import { runJob } from "../extractor/run_job.ts";
import { connectionStringCharactersMax, parseConnectionString, secretsOf } from "../odbc/connection_string.ts";
import type { DataType, KnownConnection } from "../protocol/database.ts";
import { systemClock } from "../runtime/clock.ts";
import { isTimeZone } from "../source/time_zone.ts";
import { type CsvFileSink, openCsvFile } from "./csv_file_sink.ts";
import { exitCodes } from "./exit_codes.ts";
import { usageError } from "./exit_error.ts";
import { readFirstLine } from "./first_line.ts";
import { defaultType, keptConnection } from "./run/kept_connection.ts";
import { noAgentText } from "./no_agent.ts";
import { print, printError, rewriteLine } from "./print.ts";
import { stateFolderOf } from "./state_folder.ts";
import { readableBytes, table } from "./table.ts";

/** Default for `--limit`: rows of the table. */
const rowsShownDefault = 20;
/** How long a query may take, in seconds. */
const queryTimeoutSeconds = 3600;
/** How often progress is shown, in ms. */
const progressEveryMs = 200;
/** How long the running agent may take to accept a query, in ms. */
const acceptTimeoutMs = 10_000;
const hourMs = 3_600_000;

/** The options of the command line. `limit` is in rows; `output` names a CSV file, compressed by its extension. */
export interface QueryOptions {
  readonly configFile?: string | undefined;
  readonly sql: string;
  /** ODBC connection string without a password, `sqlite:FILE`, or `-`; without it the TOML's `[database]`. */
  readonly connection?: string | undefined;
  readonly dataType?: DataType | undefined;
  /** Window, RFC 3339 or a date; only with `dataType`. Without it: the last hour. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly timeZone?: string | undefined;
  readonly limit?: number | undefined;
  readonly output?: string | undefined;
}

/** Runs the query; the exit code is 0 if it works, and with `--type` only if rows could be imported. */
export async function query(options: QueryOptions, { signal }: { signal: AbortSignal }): Promise<number> {
  if (options.dataType === undefined && (options.from ?? options.to) !== undefined) {
    throw usageError(
      "Cannot narrow the query to a window: --from and --to need --type, which says which column has the time",
    );
  }
  const timeZone = options.timeZone ?? Temporal.Now.timeZoneId();
  if (!isTimeZone(timeZone)) throw usageError(`Cannot use the time zone "${timeZone}": use a name like Europe/Berlin`);
  const config = loadConfig(options.configFile);
  const target = await databaseTarget(options, { config, timeZone });
  await using database = await openDatabase(target, signal);
  printError(`Connected to ${database.info.description}.`);
  for (const remark of database.info.remarks) printError(remark);
  await using sink = options.output === undefined ? null : await openCsvFile(options.output);
  return options.dataType === undefined
    ? await readPlainly(options, { database, sink, signal })
    : await readAsImport({ ...options, dataType: options.dataType }, { database, target, sink, signal });
}

/** `query --accept`: accepts a query that was changed in the hub, through the running agent. */
export async function acceptQueryOf(configFile: string | undefined, fingerprint: string): Promise<number> {
  const config = loadConfig(configFile);
  const agent = await connectControl(stateFolderOf(config));
  if (agent === undefined) {
    printError(noAgentText(config));
    return exitCodes.noAgent;
  }
  await agent.accept(fingerprint, AbortSignal.timeout(acceptTimeoutMs));
  print(`The query ${fingerprint} is accepted.`);
  return exitCodes.ok;
}

type Target = Pick<ExtractJob, "databaseType" | "connection" | "timeZone" | "sqliteFolders" | "folder">;

async function databaseTarget(
  options: QueryOptions,
  { config, timeZone }: { config: Config; timeZone: string },
): Promise<Target> {
  const connection = await givenConnection(options.connection) ?? (await keptConnection(config))?.connection;
  if (connection === undefined) {
    throw new Error(
      'Cannot connect: give --connection "DSN=…" (or sqlite:FILE), or set [database] in the configuration',
    );
  }
  const given = options.connection === undefined ? config.database.type : undefined;
  const databaseType = given ?? defaultType(connection);
  if (databaseType === undefined) {
    throw new Error(
      "Cannot connect: [database] names a host, but not what kind of database is there. Add " +
        '[database] type = "mssql", "mysql" or "postgresql", or give --connection "DSN=…"',
    );
  }
  return { databaseType, connection, timeZone, sqliteFolders: null, folder: Deno.cwd() };
}

async function givenConnection(argument: string | undefined): Promise<KnownConnection | undefined> {
  if (argument === undefined) return undefined;
  const text = argument === "-" ? await connectionFromInput() : argument;
  if (text.startsWith("sqlite:")) return { by: "file", file: resolve(text.slice("sqlite:".length)) };
  if (argument !== "-" && secretsOf(parseConnectionString(text)).length > 0) {
    throw usageError(
      "Cannot accept a password as an argument: every user of this machine sees it. Give --connection - and the string on " +
        "standard input, use a data source (DSN=…) that holds the password, or write it under [database]",
    );
  }
  return { by: "connectionString", connectionString: text };
}

async function connectionFromInput(): Promise<string> {
  const text = await readFirstLine({ charactersMax: connectionStringCharactersMax });
  if (text.trim() !== "") return text.trim();
  throw new Error(
    "Cannot read the connection string: there is none on standard input. Type it there, followed by Enter",
  );
}

interface Reading {
  readonly database: Database;
  readonly sink: CsvFileSink | null;
  readonly signal: AbortSignal;
}

/** Runs the query unchanged. */
async function readPlainly(options: QueryOptions, { database, sink, signal }: Reading): Promise<number> {
  const limit = options.limit ?? (sink === null ? rowsShownDefault : Infinity);
  const progress = new Progress();
  const { csv, columns } = await readAll(options.sql, { database, sink, signal, limit, progress });
  progress.end();
  if (sink !== null) await report(csv.rowsWritten, { sink, progress, output: options.output ?? "" });
  else showTable(columns, csv.preview, { rows: csv.rows, limit });
  for (const remark of replacementRemarks(csv)) printError(remark);
  return exitCodes.ok;
}

/**
 * Reads to the end, or until `limit` rows; starts over if a value turns out longer than its column's declared length.
 */
function readAll(
  sql: string,
  { database, sink, signal, limit, progress }: Reading & { limit: number; progress: Progress },
): Promise<{ csv: CsvResult; columns: string[] }> {
  const read = async (longColumns: ReadonlySet<string>) => {
    await using rows = await database.query(sql, { signal, timeoutSeconds: queryTimeoutSeconds, longColumns });
    const csv = await writeCsv(rows, { write: (chunk) => sink?.write(chunk) ?? Promise.resolve() }, {
      signal,
      rowsMax: limit,
      previewRows: sink === null ? limit : 0,
      onProgress: (count) => progress.show(count),
    });
    return { csv, columns: rows.columns.map(({ name }) => name) };
  };
  return readLongValues(read, { startOver: async () => await sink?.restart() });
}

/** Runs the query narrowed to a window, with its rows checked, as for an import. */
async function readAsImport(
  options: QueryOptions & { dataType: DataType },
  { database, target, sink, signal }: Reading & { target: Target },
): Promise<number> {
  const toMs = instant(options.to, target.timeZone) ?? Math.ceil(systemClock.now() / hourMs) * hourMs;
  const fromMs = instant(options.from, target.timeZone) ?? toMs - hourMs;
  const progress = new Progress();
  const result = await runJob({
    ...target,
    dataType: options.dataType,
    query: options.sql,
    window: { fromMs, toMs },
    output: null,
    previewRows: sink === null ? options.limit ?? rowsShownDefault : 0,
    timeoutSeconds: queryTimeoutSeconds,
    keepConnection: false,
  }, {
    database,
    fs: realFileSystem,
    clock: systemClock,
    signal,
    described: new Map(),
    onProgress: (rows) => progress.show(rows),
    // The table has few rows, but all of the window's are checked.
    ...(sink === null ? {} : { sink, rowsMax: options.limit }),
  });
  progress.end();
  const { rows, refused, columns, preview, remarks } = result;
  if (sink !== null) await report(rows - refused.rows, { sink, progress, output: options.output ?? "" });
  else showTable(columns, preview, { rows, limit: options.limit ?? rowsShownDefault });
  const period = `${new Date(fromMs).toISOString()} to ${new Date(toMs).toISOString()}`;
  print(`${rows} rows from ${period}; the columns are those of data type ${options.dataType}.`);
  if (refused.rows > 0) print(`${refused.rows} rows cannot be imported:`);
  for (const reason of refused.reasons) print(`  ${reason}`);
  for (const remark of remarks) if (!database.info.remarks.includes(remark)) printError(remark);
  return refused.rows === 0 || refused.rows < rows ? exitCodes.ok : exitCodes.failed;
}

async function report(
  rows: number,
  { sink, progress, output }: { sink: CsvFileSink; progress: Progress; output: string },
): Promise<void> {
  const { bytes } = await sink.finish();
  const seconds = progress.seconds;
  const rate = Math.round(rows / Math.max(seconds, 0.001));
  print(`${rows} rows in ${seconds.toFixed(2)} s (${rate} rows/s), ${readableBytes(bytes)} in ${output}`);
}

function showTable(
  columns: readonly string[],
  rows: readonly (readonly (string | null)[])[],
  { rows: count, limit }: { rows: number; limit: number },
): void {
  for (const line of table(columns, rows.map((row) => row.map((value) => value ?? "NULL")))) print(line);
  if (count >= limit) print(`(the first ${limit} rows; --limit shows more, --output writes all)`);
}

/** An instant from a date or a time, in the database's time zone if it has no offset. */
function instant(text: string | undefined, timeZone: string): number | undefined {
  if (text === undefined) return undefined;
  try {
    if (/(Z|[+-]\d{2}:?\d{2})$/i.test(text) && text.includes("T")) return Temporal.Instant.from(text).epochMilliseconds;
    return Temporal.PlainDateTime.from(text.replace(" ", "T")).toZonedDateTime(timeZone).epochMilliseconds;
  } catch (cause) {
    throw usageError(`Cannot use the time "${text}": write it like 2026-03-01 or 2026-03-01T08:00`, { cause });
  }
}

/** Shows the number of rows and their rate on a terminal. */
class Progress {
  readonly #startMs = systemClock.monotonicMs();
  #shownMs = -Infinity;
  #endMs: number | undefined;

  get seconds(): number {
    return ((this.#endMs ?? systemClock.monotonicMs()) - this.#startMs) / 1000;
  }

  show(rows: number): void {
    const nowMs = systemClock.monotonicMs();
    if (!Deno.stderr.isTerminal() || nowMs - this.#shownMs < progressEveryMs) return;
    this.#shownMs = nowMs;
    rewriteLine(`${rows} rows, ${Math.round(rows / Math.max(this.seconds, 0.001))} rows/s`);
  }

  end(): void {
    this.#endMs = systemClock.monotonicMs();
    if (this.#shownMs > 0) rewriteLine("");
  }
}
