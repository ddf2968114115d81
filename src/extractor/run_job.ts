/** One query from the settings to the batch file: describe, narrow, read, check, write. */
import type { BatchFile } from "../agent/ports.ts";
import { readLongValues } from "../database/long_values.ts";
import {
  type CsvResult,
  type CsvSink,
  replacementRemarks,
  type RestartableSink,
  writeCsv,
} from "../database/write_csv.ts";
import type { Files } from "../durable/file_system.ts";
import type { Clock } from "../runtime/clock.ts";
import { errorText } from "../runtime/error_text.ts";
import { placeColumns } from "../source/columns.ts";
import { type Refusals, rowCheck } from "../source/row_check.ts";
import { createIncomingWriter } from "../spool/incoming_writer.ts";
import { OutputError, QueryError } from "./job_errors.ts";
import { type ExtractJob, type ExtractResult, previewValueLength } from "./messages.ts";
import { type NarrowedQuery, type NarrowingOptions, narrowQuery } from "./narrow_query.ts";

/** What surrounds a job in the extractor's process; the connection outlives the job. */
export interface JobSurroundings extends NarrowingOptions {
  readonly fs: Files;
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly onProgress: (rows: number) => void;
  /** Receives the rows if the job has no output of its own. */
  readonly sink?: RestartableSink;
  /** Stop after so many rows. */
  readonly rowsMax?: number | undefined;
}

/** Runs a job on an open connection. Fails with {@linkcode QueryError}, {@linkcode OutputError} or the database's error. */
export async function runJob(
  job: ExtractJob,
  surroundings: JobSurroundings,
): Promise<Omit<ExtractResult, "memoryBytes">> {
  const { database, clock } = surroundings;
  const startedMs = clock.monotonicMs();
  const query = await narrowQuery(job, surroundings);
  const read = await readLongValues((longColumns) => readOnce({ job, query, longColumns }, surroundings), {
    startOver: async () => await surroundings.sink?.restart(),
  });
  return {
    rows: read.csv.rows,
    refused: read.refusals,
    columns: read.columns,
    preview: read.csv.preview.map((row) => row.map((value) => value?.slice(0, previewValueLength) ?? null)),
    file: read.file,
    durationMs: Math.round(clock.monotonicMs() - startedMs),
    database: database.info.description,
    holdsResults: database.info.holdsResults,
    remarks: [...database.info.remarks, ...replacementRemarks(read.csv)],
  };
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
    parameters: query.parameters,
    timeoutSeconds: job.timeoutSeconds,
    longColumns,
    zonedColumns: query.zonedColumns,
  });
  const columns = rows.columns.map((column) => column.name);
  const placement = placeColumns(columns, job.dataType);
  if (!placement.ok) throw new QueryError(placement.reason);
  const { check, refusals } = rowCheck({ placement, columns: rows.columns, bounds: query.bounds });
  await using writer = job.output ? createIncomingWriter(job.output.path, { fs, bytesMax: job.output.bytesMax }) : null;
  const sink: CsvSink = writer
    ? { write: (chunk) => output(writer.write(chunk)) }
    : surroundings.sink ?? { write: () => Promise.resolve() };
  const csv = await writeCsv(rows, sink, {
    signal,
    check,
    onProgress: surroundings.onProgress,
    previewRows: job.previewRows,
    rowsMax: surroundings.rowsMax,
  });
  const file = writer ? await output(writer.finish()) : null;
  return { csv, columns, refusals: plain(refusals()), file };
}

async function output<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new OutputError(errorText(error), { cause: error });
  }
}

function plain(refusals: Refusals): { rows: number; reasons: string[] } {
  return { rows: refusals.rows, reasons: [...refusals.reasons] };
}
