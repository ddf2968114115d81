/** One query from the settings to the batch file: describe, narrow, read, check, write. */
import type { BatchFile } from "../agent/ports.ts";
import { type Column, type Database, LongValueError, type RowSource } from "../database/row_source.ts";
import { type CsvResult, type CsvSink, writeCsv } from "../database/write_csv.ts";
import type { Files } from "../durable/file_system.ts";
import type { Clock } from "../runtime/clock.ts";
import { placeColumns, type Placement, timeColumnOf } from "../source/columns.ts";
import { checkQuery } from "../source/query_check.ts";
import { describingQuery, samplingQuery, windowQuery } from "../source/query_text.ts";
import { type Refusals, rowCheck, type TimeBounds } from "../source/row_check.ts";
import type { Dialect } from "../source/sql_tokens.ts";
import { needsSample, timeParameters } from "../source/time_parameters.ts";
import { wallOfInstant } from "../source/time_zone.ts";
import { createIncomingWriter } from "../spool/incoming_writer.ts";
import { type ExtractJob, type ExtractResult, previewValueLength } from "./messages.ts";

/** The query itself must be changed, or what it returns. */
export class QueryError extends Error {
  override readonly name = "QueryError";
}

/** The batch could not be written. */
export class OutputError extends Error {
  override readonly name = "OutputError";
}

/** How often a query is begun again because values were longer than declared. */
const longValueRoundsMax = 8;

/** What a job has around it in the extractor's process; the connection outlives the job. */
export interface JobSurroundings {
  readonly database: Database;
  readonly fs: Files;
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly signal: AbortSignal;
  readonly onProgress: (rows: number) => void;
  /** Gets the rows when the job has no output of its own. */
  readonly sink?: CsvSink;
  /** What is known of queries from before, as long as the connection lasts. */
  readonly described: Map<string, DescribedQuery>;
}

/** What a query returns. */
export interface DescribedQuery {
  readonly columns: RowSource["columns"];
}

/** Runs a job on an open connection. Fails with {@linkcode QueryError}, {@linkcode OutputError} or the database's error. */
export async function runJob(
  job: ExtractJob,
  surroundings: JobSurroundings,
): Promise<Omit<ExtractResult, "memoryBytes">> {
  const { database, clock } = surroundings;
  const startedMs = clock.monotonicMs();
  const query = await narrowed(job, surroundings);
  let longColumns: ReadonlySet<string> = new Set();
  for (let round = 1;; round++) {
    try {
      const read = await readOnce({ job, query, longColumns }, surroundings);
      return {
        rows: read.csv.rows,
        refused: read.refusals,
        columns: read.columns,
        preview: read.csv.preview.map((row) => row.map((value) => value?.slice(0, previewValueLength) ?? null)),
        file: read.file,
        durationMs: Math.round(clock.monotonicMs() - startedMs),
        database: database.info.description,
        remarks: [...database.info.remarks],
      };
    } catch (error) {
      if (!(error instanceof LongValueError) || round === longValueRoundsMax) throw error;
      longColumns = new Set([...longColumns, ...error.columns]);
    }
  }
}

interface NarrowedQuery {
  readonly sql: string;
  readonly bounds: TimeBounds;
  readonly parameters: ReturnType<typeof timeParameters>;
  /** Columns that the query returns as text with an offset. */
  readonly zonedColumns: ReadonlySet<string>;
}

async function narrowed(job: ExtractJob, surroundings: JobSurroundings): Promise<NarrowedQuery> {
  const { database } = surroundings;
  const { quote } = database.info;
  const dialect = dialectOf(job.databaseType, database.info.description);
  const checked = checkQuery(job.query, dialect);
  if (!checked.ok) throw new QueryError(checked.reason);
  const { query } = checked;
  const { columns } = await describe(describingQuery(query, quote), job, surroundings);
  const placed = placeColumns(columns.map((column) => column.name), job.dataType);
  if (!placed.ok) throw new QueryError(placed.reason);
  const column = columns[placed.time.index];
  if (!column) throw new QueryError(`The query lacks the column ${timeColumnOf(job.dataType)}.`);
  const { fromMs, toMs } = job.window;
  const bounds: TimeBounds = {
    fromMs,
    toMs,
    fromWallMs: wallOfInstant(fromMs, job.timeZone),
    toWallMs: wallOfInstant(toMs, job.timeZone),
  };
  const sample = needsSample(dialect, column)
    ? await firstValue(samplingQuery(query, { quote, timeColumn: column.name }), job, surroundings)
    : undefined;
  const zonedColumns = columns.filter((each) => database.info.offsetText(each, quote(each.name)) !== undefined)
    .map(({ name }) => name);
  const zoned = column.kind === "timestamp-with-zone" || zonedColumns.includes(column.name);
  const parameters = explained(() => timeParameters(bounds, { dialect, column, zoned, sample }));
  const sql = windowQuery(query, {
    quote,
    timeColumn: column.name,
    timeExpression: parameters.expression,
    ...zonedColumns.length > 0 ? { select: columns.map((each) => selection(each, database)) } : {},
  });
  const zonedTexts = parameters.zonedText ? timeColumns(placed, columns) : [];
  return { sql, bounds, parameters, zonedColumns: new Set([...zonedColumns, ...zonedTexts]) };
}

/** All columns that are times are taken to have the form of the one. */
function timeColumns(placed: Extract<Placement, { ok: true }>, columns: readonly Column[]): string[] {
  return placed.columns.flatMap(({ rule, index }) =>
    rule.kind === "time" || rule.kind === "time?" ? columns[index]?.name ?? [] : []
  );
}

function selection(column: Column, database: Database): { name: string; expression(name: string): string } {
  return { name: column.name, expression: (name) => database.info.offsetText(column, name) ?? name };
}

interface ReadRows {
  readonly csv: CsvResult;
  readonly columns: string[];
  readonly refusals: { rows: number; reasons: string[] };
  readonly file: BatchFile | null;
}

async function readOnce(
  options: { job: ExtractJob; query: NarrowedQuery; longColumns: ReadonlySet<string> },
  surroundings: JobSurroundings,
): Promise<ReadRows> {
  const { job, query, longColumns } = options;
  const { database, fs, signal } = surroundings;
  await using rows = await database.query(query.sql, {
    signal,
    parameters: query.parameters.parameters,
    timeoutSeconds: job.timeoutSeconds,
    longColumns,
    zonedColumns: query.zonedColumns,
  });
  const columns = rows.columns.map((column) => column.name);
  const placement = placeColumns(columns, job.dataType);
  if (!placement.ok) throw new QueryError(placement.reason);
  const { check, refusals } = rowCheck({
    placement,
    columns: rows.columns,
    bounds: query.bounds,
  });
  await using writer = job.output ? createIncomingWriter(job.output.path, { fs, bytesMax: job.output.bytesMax }) : null;
  const sink: CsvSink = writer
    ? { write: (chunk) => output(writer.write(chunk)) }
    : surroundings.sink ?? { write: () => Promise.resolve() };
  const csv = await writeCsv(rows, sink, {
    signal,
    check,
    onProgress: surroundings.onProgress,
    previewRows: job.previewRows,
  });
  const file = writer ? await output(writer.finish()) : null;
  return { csv, columns, refusals: plain(refusals()), file };
}

async function describe(sql: string, job: ExtractJob, surroundings: JobSurroundings): Promise<DescribedQuery> {
  const { database, signal, described } = surroundings;
  const known = described.get(sql);
  if (known) return known;
  await using rows = await database.query(sql, { signal, timeoutSeconds: job.timeoutSeconds });
  const found = { columns: rows.columns.map(({ name, kind, typeName }) => ({ name, kind, typeName })) };
  described.set(sql, found);
  return found;
}

async function firstValue(
  sql: string,
  job: ExtractJob,
  { database, signal }: JobSurroundings,
): Promise<string | undefined> {
  await using rows = await database.query(sql, { signal, timeoutSeconds: job.timeoutSeconds });
  for await (const block of rows.blocks()) {
    if (block.rows > 0) return block.text(0, 0) ?? undefined;
  }
  return undefined;
}

/** Whose SQL the database speaks; by ODBC its own description tells. */
export function dialectOf(databaseType: ExtractJob["databaseType"], description: string): Dialect {
  if (databaseType !== "odbc") return databaseType;
  if (/postgres/i.test(description)) return "postgresql";
  if (/maria|mysql/i.test(description)) return "mysql";
  if (/sql server/i.test(description)) return "mssql";
  if (/sqlite/i.test(description)) return "sqlite";
  return "generic";
}

async function output<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new OutputError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function explained<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw new QueryError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function plain(refusals: Refusals): { rows: number; reasons: string[] } {
  return { rows: refusals.rows, reasons: [...refusals.reasons] };
}
