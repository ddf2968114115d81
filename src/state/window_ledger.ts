/**
 * How far a database integration has been read, and what each window held: so that a restart goes on where it was, and a
 * window read again unchanged is not sent again.
 */
import { joined, type ReadState, startState, type Window } from "../source/read_state.ts";
import type { IntegrationKey } from "./integration.ts";
import type { StateDatabase } from "./state_database.ts";

/** Windows that live read, and will not read again, are remembered this long, in ms. */
export const windowKeptMs = 90 * 24 * 3600 * 1000;

/** How far one source has been read. */
export interface SourceProgress {
  /** Names what is read (see `query_approval.ts`): another query begins anew. */
  readonly fingerprint: string;
  /** Names the database that is read; `undefined` until it is known: another one begins anew. */
  readonly database: string | undefined;
  readonly state: ReadState;
  /** Start of the history when it was last looked at. */
  readonly historyFromMs: number | null;
  /** When the last regular live run succeeded. */
  readonly lastRegularMs: number | null;
  /** The query that was accepted on the premises. */
  readonly accepted: string | undefined;
}

/** What a window held when it was last read. */
export interface ReadWindow extends Window {
  readonly sha256: string;
  readonly rows: number;
  readonly refused: number;
  readonly batchId: string;
  readonly readAtMs: number;
}

/** The ledger of one integration. What it writes is part of the caller's transaction, if there is one. */
export interface WindowLedger {
  progress(): SourceProgress | undefined;
  setProgress(progress: SourceProgress): void;
  /**
   * Is what was last sent for this range the very same window with the same content? When another window overlapped it
   * since, the answer is no.
   */
  isUnchanged(window: Window, sha256: string): boolean;
  record(read: ReadWindow): void;
}

/** The ledger of the integration. */
export function windowLedger(database: StateDatabase, key: IntegrationKey): WindowLedger {
  /** How many batches were recorded: tells a window sent again, with what it held before, from the first time. */
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
      // By revision: what is read again was read lately, and years of windows lie before it.
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
 * A batch could not be delivered (damaged on disk, refused): its window is to be read again. Returns the window;
 * `undefined` when the batch is none of a query's, or its window was read again since.
 */
export function reopenWindow(database: StateDatabase, key: IntegrationKey, batchId: string): Window | undefined {
  return database.transaction(() => {
    const row = database.get<{ window_from: number; window_to: number }>(
      "SELECT window_from, window_to FROM query_window WHERE integration = ? AND batch = ?",
      key,
      batchId,
    );
    const progress = readProgress(database, key);
    if (row === undefined || progress === undefined) return undefined;
    const window = { fromMs: row.window_from, toMs: row.window_to };
    database.run("DELETE FROM query_window WHERE integration = ? AND batch = ?", key, batchId);
    const pending = joined([...progress.state.pending, window]);
    writeProgress(database, key, { ...progress, state: { ...progress.state, pending } });
    return window;
  });
}

/** Someone on the premises accepts a query (see `query_approval.ts`), which may never have been read yet. */
export function acceptQuery(database: StateDatabase, key: IntegrationKey, fingerprint: string): void {
  database.transaction(() => {
    const progress = readProgress(database, key) ?? unread;
    writeProgress(database, key, { ...progress, accepted: fingerprint });
  });
}

/** The queries that were accepted on this installation: the last one of each integration that it was ever linked to. */
export function acceptedQueries(database: StateDatabase): readonly string[] {
  return database.all<{ accepted: string }>("SELECT accepted FROM query_source WHERE accepted IS NOT NULL")
    .map(({ accepted }) => accepted);
}

/** No query has this fingerprint: reading begins anew. */
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
  database.transaction(() =>
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
    )
  );
}
