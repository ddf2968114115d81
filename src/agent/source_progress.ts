/**
 * How far a database integration has been read, according to its ledger: where to resume, and since when it has been
 * paused.
 */
import { getLogger } from "@logtape/logtape";
import type { DatabaseSource } from "../protocol/database.ts";
import { onHistoryChanged, onPaused, onQueryChanged, onResumed } from "../source/read_changes.ts";
import { historyFromMs, type SourceProgress, startState } from "../source/read_state.ts";
import type { ProgressLedger } from "./scheduler_ports.ts";

const log = getLogger(["cloud-link", "database"]);

/** Records that the integration is paused, so that resuming knows since when. Call it with every assignment. */
export function notePause(ledger: ProgressLedger, { nowMs }: { nowMs: number }): void {
  const progress = ledger.progress();
  if (progress) ledger.setProgress({ ...progress, state: onPaused(progress.state, nowMs) });
}

/**
 * Resumes where the ledger is, or starts from the beginning if the query (`fingerprint`) or the database is not the one
 * that was read before. If either database is unknown, they count as the same.
 */
export function takeUp(
  source: DatabaseSource,
  options: { ledger: ProgressLedger; fingerprint: string; database: string | undefined; nowMs: number },
): void {
  const { ledger, fingerprint, nowMs } = options;
  const known = ledger.progress();
  const database = options.database ?? known?.database;
  const sameQuery = known?.fingerprint === fingerprint;
  const same = sameQuery && (known.database ?? database) === database ? known : undefined;
  if (known && !sameQuery) log.info("The query has changed: the history is read again with the new one.");
  else if (known && !same) log.info("The database has changed: the history is read again from the new one.");
  const state = same?.state ?? onQueryChanged(known?.state ?? startState, source);
  const resumed = onResumed(state, { settings: source, nowMs });
  ledger.setProgress({
    fingerprint,
    database,
    state: onHistoryChanged(resumed, { settings: source, beforeMs: known?.historyFromMs ?? null }),
    historyFromMs: historyFromMs(source),
    lastRegularMs: same?.lastRegularMs ?? null,
    accepted: fingerprint,
  });
}

/** What the ledger keeps after {@linkcode takeUp}. */
export function progressOf(ledger: ProgressLedger): SourceProgress {
  const progress = ledger.progress();
  if (!progress) throw new Error("Cannot read the database integration: its ledger was removed");
  return progress;
}
