/** The loads of an integration as windows: the counts of each, and how much of its time it still owns. */
import type { LoadedWindow, Range } from "../services.ts";
import type { TimeRange } from "./coverage.ts";

/** The columns that {@linkcode loadedWindow} needs, for a query whose `from` names the table `load`. */
export const windowColumns =
  `n, fromMs, toMs, sequence, lane, sourceRows, agentRefused, batchRows, load.rows, overtaken,
  hubRefused, reasons, receivedAt, loadedAt, error,
  (select coalesce(sum(segment.toMs - segment.fromMs), 0) from segment where segment.load = n) as ownedMs,
  (select coalesce(sum(segment.rows), 0) from segment where segment.load = n) as ownedRows`;

/** A row of {@linkcode windowColumns}. */
export interface LoadRow extends TimeRange {
  readonly n: number;
  readonly sequence: number;
  readonly lane: string;
  readonly sourceRows: number;
  readonly agentRefused: number;
  readonly batchRows: number;
  readonly rows: number;
  readonly overtaken: number;
  readonly hubRefused: number;
  readonly reasons: string;
  readonly receivedAt: number;
  readonly loadedAt: number;
  readonly error: string | null;
  readonly ownedMs: number;
  readonly ownedRows: number;
}

/** A load for display. */
export function loadedWindow(row: LoadRow): LoadedWindow {
  return {
    ...instants(row),
    lane: row.lane === "live" ? "live" : "history",
    sequence: row.sequence,
    state: row.error !== null
      ? "failed"
      : row.ownedMs === 0
      ? "replaced"
      : row.ownedMs < row.toMs - row.fromMs
      ? "partly-replaced"
      : "current",
    rows: {
      source: row.sourceRows,
      refused: row.agentRefused + row.hubRefused,
      batch: row.batchRows,
      hub: row.rows,
      overtaken: row.overtaken,
      now: row.ownedRows,
    },
    agrees: row.error === null && row.sourceRows - row.agentRefused === row.batchRows &&
      row.batchRows === row.rows + row.overtaken,
    reasons: JSON.parse(row.reasons) as string[],
    error: row.error,
    receivedAt: new Date(row.receivedAt).toISOString(),
    loadedAt: new Date(row.loadedAt).toISOString(),
  };
}

/** A time range for display. */
export function instants({ fromMs, toMs }: TimeRange): Range {
  return { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
}
