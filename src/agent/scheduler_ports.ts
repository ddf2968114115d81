/** What the scheduler needs from its neighbours. */
import type { ExtractFailure, ExtractJob, ExtractResult } from "../extractor/messages.ts";
import type { BatchOrigin } from "../protocol/delivery.ts";
import type { KnownConnection } from "../protocol/database.ts";
import type { SourceProgress, Window } from "../source/read_state.ts";
import type { BatchFile, Lane } from "./ports.ts";

/** Runs queries, one at a time, on one connection. */
export interface QueryRunner {
  /** Fails with an error whose `failure` is an {@linkcode ExtractFailure}, or with the signal's reason. */
  run(job: ExtractJob, options: { signal: AbortSignal }): Promise<ExtractResult>;
  /** Disconnects until the next query. */
  rest(): Promise<void>;
}

/** The spool, for batches that another process writes. */
export interface QuerySpool {
  /** Waits for room and names the file to write. Disposing the place removes what was not admitted. */
  reserve(
    options: { bytes: number; lane: Lane; signal: AbortSignal },
  ): Promise<AsyncDisposable & { readonly path: string }>;
  /** See `Spool.admit`. */
  admit(
    file: BatchFile,
    options: { origin: BatchOrigin; lane: Lane; alongside?: (batchId: string) => void },
  ): Promise<"admitted" | "known">;
}

/** How far the source has been read; see `state/window_ledger.ts`. */
export interface ProgressLedger {
  progress(): SourceProgress | undefined;
  setProgress(progress: SourceProgress): void;
  isUnchanged(window: Window, sha256: string): boolean;
  record(
    read: Window & { sha256: string; rows: number; refused: number; batchId: string; readAtMs: number },
  ): void;
}

/** How to reach the database, as decided by hub and installation together. */
export interface Reach {
  readonly connection: KnownConnection;
  /** Identifies the database behind the connection, independent of the login; `undefined` when that cannot be told. */
  readonly database: string | undefined;
  /** Folders that may contain the SQLite file; `null` when the TOML names the file. */
  readonly sqliteFolders: readonly string[] | null;
  /** The installation folder, which relative file names refer to. */
  readonly folder: string;
}

/** The failure in an error of a {@linkcode QueryRunner}; `undefined` for any other error. */
export function failureOf(error: unknown): ExtractFailure | undefined {
  return error instanceof Error && "failure" in error ? error.failure as ExtractFailure : undefined;
}
