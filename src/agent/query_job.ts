/** Turns a database integration and a window into the extractor's job, and its result into the batch's origin. */
import type { ExtractJob, ExtractResult } from "../extractor/messages.ts";
import type { BatchOrigin } from "../protocol/delivery.ts";
import type { DatabaseSource } from "../protocol/database.ts";
import type { Window } from "../source/read_state.ts";
import type { Reach } from "./scheduler_ports.ts";

/** One window of one integration, with the installation's settings for reading it. */
export interface JobOptions {
  readonly source: DatabaseSource;
  readonly reach: Reach;
  readonly window: Window;
  readonly output: ExtractJob["output"];
  readonly previewRows: number;
  readonly timeoutSeconds: number;
  readonly keepConnection: boolean;
}

/** The job that reads a window. */
export function queryJob(options: JobOptions): ExtractJob {
  const { source, reach, window, output, previewRows, timeoutSeconds, keepConnection } = options;
  const { databaseType, timeZone, dataType, query } = source;
  return {
    databaseType,
    connection: reach.connection,
    sqliteFolders: reach.sqliteFolders === null ? null : [...reach.sqliteFolders],
    folder: reach.folder,
    timeZone,
    dataType,
    query,
    window: { fromMs: window.fromMs, toMs: window.toMs },
    output,
    previewRows,
    timeoutSeconds,
    keepConnection,
  };
}

/** The origin that the batch declares. */
export function queryOrigin(
  source: DatabaseSource,
  { window, result }: { window: Window; result: ExtractResult },
): BatchOrigin {
  return {
    kind: "query",
    dataType: source.dataType,
    window: { from: new Date(window.fromMs).toISOString(), to: new Date(window.toMs).toISOString() },
    timeZone: source.timeZone,
    rows: result.rows - result.refused.rows,
    refused: {
      rows: result.refused.rows,
      reasons: result.refused.reasons.slice(0, 10).map((reason) => reason.slice(0, 512)),
    },
    columns: result.columns.map((name) => name.slice(0, 256)),
  };
}

/** A window, for people: in UTC, to the minute. */
export function windowText(window: Window): string {
  const text = (ms: number) => new Date(ms).toISOString().slice(0, 16).replace("T", " ");
  return `${text(window.fromMs)} to ${text(window.toMs)} UTC`;
}
