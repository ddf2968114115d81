/** Messages between the hub and the worker that loads batches. */
import type { DataType } from "../../protocol/database.ts";
import type { Rank, TimeRange } from "./coverage.ts";

/** A batch to load. */
export interface LoadJob extends Rank {
  readonly integrationId: string;
  /** The agent's id for the batch. */
  readonly batchId: string;
  readonly payloadSha256: string;
  readonly lane: string;
  readonly dataType: DataType;
  readonly timeZone: string;
  readonly window: TimeRange;
  /** Rows in the batch, as counted by the agent. */
  readonly declaredRows: number;
  /** Rows that the agent refused. */
  readonly refused: { readonly rows: number; readonly reasons: readonly string[] };
  readonly receivedAtMs: number;
}

/** The result of a load. */
export interface LoadResult {
  /** Rows now in the table. */
  readonly rows: number;
  /** Rows left out because another batch owns their time. */
  readonly overtaken: number;
  readonly refused: number;
  /** Why nothing of the batch could be loaded; `null` on success. */
  readonly error: string | null;
  /** That is because the payload is gone, or no longer what was received. */
  readonly damaged: boolean;
}

/** The result of one step of a removal. */
export interface RemoveResult {
  readonly rows: number;
  /** Nothing is left. */
  readonly done: boolean;
}

/**
 * To the worker. A load is `begin`, then a `chunk` for each `more`, then `end`; `cancel` aborts it without a trace.
 * `remove` is a single message.
 */
export type ToLoader =
  | { readonly type: "remove"; readonly integrationId: string; readonly rowsMax: number }
  | { readonly type: "begin"; readonly job: LoadJob; readonly nowMs: number }
  | { readonly type: "chunk"; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly type: "end" }
  | { readonly type: "cancel"; readonly reason: string; readonly record: boolean };

/** From the worker. `failed` left no trace and may be tried again. */
export type FromLoader =
  | { readonly type: "removed"; readonly result: RemoveResult }
  | { readonly type: "more" }
  | { readonly type: "loaded"; readonly result: LoadResult }
  | { readonly type: "failed"; readonly reason: string };
