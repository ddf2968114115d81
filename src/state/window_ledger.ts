/**
 * How far a database integration has been read, and what each window contained: so that a restart continues where it
 * was, and an unchanged window is not sent again.
 */
import type { BatchDeclaration } from "../protocol/delivery.ts";
import { joined, type SourceProgress, startState, type Window } from "../source/read_state.ts";
import type { IntegrationKey } from "./integration.ts";
import type { StateDatabase } from "./state_database.ts";

/** How long windows that live reading will not revisit are remembered, in ms. */
export const windowKeptMs = 90 * 24 * 3600 * 1000;

/** The content of a window when it was last read. */
export interface ReadWindow extends Window {
  readonly sha256: string;
  readonly rows: number;
  readonly refused: number;
  readonly batchId: string;
  readonly readAtMs: number;
}

/** The ledger of one integration. Writes take part in the caller's transaction, if there is one. */
export interface WindowLedger {
  progress(): SourceProgress | undefined;
  /** A new fingerprint forgets the windows: they were read by other rules. */
  setProgress(progress: SourceProgress): void;
  /**
   * Whether the last thing sent for this range was this very window with the same content. False if another window has
   * overlapped it since.
   */
  isUnchanged(window: Window, sha256: string): boolean;
  record(read: ReadWindow): void;
}

/** The ledger of the integration. */
export function windowLedger(database: StateDatabase, key: IntegrationKey): WindowLedger {
  /** Number of batches recorded: distinguishes a window resent with earlier content from a first time. */
  const revision = () =>
    database.get<{ revision: number }>("SELECT revision FROM query_source WHERE integration = ?", key)?.revision ?? 0;
  return {
    progress: () => readProgress(database, key),
    setProgress: (progress) => writeProgress(database, key, progress),
    isUnchanged(window, sha256) {
      const last = database.get<{ revision: number; sha256: string }>(
        "SELECT revision, sha256 FROM query_window WHERE integration = ? AND window_from = ? AND window_to = ?",
        key,
        window.fromMs,
        window.toMs,
      );
      if (last?.sha256 !== sha256) return false;
      // By revision: a reread window was read recently, with years of windows before it.
      return database.get(
        "SELECT 1 AS found FROM query_window INDEXED BY query_window_revision " +
          "WHERE integration = ? AND revision > ? AND window_from < ? AND window_to > ? LIMIT 1",
        key,
        last.revision,
        window.toMs,
        window.fromMs,
      ) === undefined;
    },
    record: (read) =>
      database.transaction(() => {
        database.run("UPDATE query_source SET revision = revision + 1 WHERE integration = ?", key);
        database.run(
          "INSERT OR REPLACE INTO query_window VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
          key,
          read.fromMs,
          read.toMs,
          revision(),
          read.sha256,
          read.rows,
          read.refused,
          read.batchId,
          read.readAtMs,
        );
        database.run(
          "DELETE FROM query_window INDEXED BY query_window_read WHERE integration = ? AND window_to < ? AND read_at < ?",
          key,
          read.readAtMs - windowKeptMs,
          read.readAtMs - windowKeptMs,
        );
      }),
  };
}

/**
 * A batch could not be delivered (damaged on disk, refused): its window must be reread. Returns the window; `undefined`
 * if the batch is not from a query, or its window was reread since. The window need not be remembered any more.
 */
export function reopenWindow(
  database: StateDatabase,
  key: IntegrationKey,
  batch: Pick<BatchDeclaration, "id" | "origin">,
): Window | undefined {
  const { id, origin } = batch;
  if (origin.kind !== "query") return undefined;
  const window = { fromMs: Date.parse(origin.window.from), toMs: Date.parse(origin.window.to) };
  return database.transaction(() => {
    const last = database.get<{ batch: string }>(
      "SELECT batch FROM query_window WHERE integration = ? AND window_from = ? AND window_to = ?",
      key,
      window.fromMs,
      window.toMs,
    );
    const progress = readProgress(database, key);
    if (progress === undefined || (last !== undefined && last.batch !== id)) return undefined;
    database.run("DELETE FROM query_window WHERE integration = ? AND batch = ?", key, id);
    const pending = joined([...progress.state.pending, window]);
    writeProgress(database, key, { ...progress, state: { ...progress.state, pending } });
    return window;
  });
}

/**
 * Everything read so far must be reread, live's part at once, and nothing counts as sent. Returns whether there is
 * anything. Part of the caller's transaction.
 */
export function reopenAll(database: StateDatabase, key: IntegrationKey): boolean {
  const progress = readProgress(database, key);
  if (progress === undefined) return false;
  const { state, historyFromMs } = progress;
  const { liveToMs, liveSinceMs } = state;
  if (liveToMs === null) return false;
  const read = { fromMs: historyFromMs ?? liveSinceMs ?? liveToMs, toMs: liveToMs };
  database.run("DELETE FROM query_window WHERE integration = ?", key);
  const pending = joined([...state.pending, read]);
  writeProgress(database, key, { ...progress, state: { ...state, pending }, lastRegularMs: null });
  return true;
}

/** Accepts a query on behalf of someone on the premises (see `query_approval.ts`); it may never have been read yet. */
export function acceptQuery(database: StateDatabase, key: IntegrationKey, fingerprint: string): void {
  database.transaction(() => {
    const progress = readProgress(database, key) ?? unread;
    writeProgress(database, key, { ...progress, accepted: fingerprint });
  });
}

/** The queries accepted on this installation: the last one of each integration it was ever linked to. */
export function acceptedQueries(database: StateDatabase): readonly string[] {
  return database.all<{ accepted: string }>("SELECT accepted FROM query_source WHERE accepted IS NOT NULL")
    .map(({ accepted }) => accepted);
}

/** No query has this fingerprint, so reading starts from the beginning. */
const unread: SourceProgress = {
  fingerprint: "",
  database: undefined,
  state: startState,
  historyFromMs: null,
  lastRegularMs: null,
  accepted: undefined,
};

function readProgress(database: StateDatabase, key: IntegrationKey): SourceProgress | undefined {
  const row = database.get<{
    fingerprint: string;
    database: string | null;
    state: string;
    history_from: number | null;
    last_regular: number | null;
    accepted: string | null;
  }>(
    "SELECT fingerprint, database, state, history_from, last_regular, accepted FROM query_source WHERE integration = ?",
    key,
  );
  if (row === undefined) return undefined;
  return {
    fingerprint: row.fingerprint,
    database: row.database ?? undefined,
    state: JSON.parse(row.state),
    historyFromMs: row.history_from,
    lastRegularMs: row.last_regular,
    accepted: row.accepted ?? undefined,
  };
}

function writeProgress(database: StateDatabase, key: IntegrationKey, progress: SourceProgress): void {
  database.transaction(() => {
    database.run(
      "DELETE FROM query_window WHERE integration = ?1 AND EXISTS " +
        "(SELECT 1 FROM query_source WHERE integration = ?1 AND fingerprint <> ?2)",
      key,
      progress.fingerprint,
    );
    database.run(
      "INSERT INTO query_source (integration, fingerprint, database, state, history_from, last_regular, accepted, " +
        "revision) VALUES (?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT (integration) DO UPDATE SET " +
        "fingerprint = excluded.fingerprint, database = excluded.database, state = excluded.state, " +
        "history_from = excluded.history_from, last_regular = excluded.last_regular, accepted = excluded.accepted",
      key,
      progress.fingerprint,
      progress.database ?? null,
      JSON.stringify(progress.state),
      progress.historyFromMs,
      progress.lastRegularMs,
      progress.accepted ?? null,
    );
  });
}
