/**
 * Notices that another installation was linked to the integration in between. What it delivered outranks at the hub what
 * this one had delivered before, whichever of the two reads the right database: so every window is read again, and sent
 * again even if it is as it was. Whole days of history without rows replace nothing there (`hub/rows/batch_load.ts`).
 */
import type { IntegrationKey } from "./integration.ts";
import type { StateDatabase } from "./state_database.ts";
import { reopenAll } from "./window_ledger.ts";

/**
 * Records the epoch of the current link; see `Assignment`. Returns whether windows are read again. The first epoch that a
 * hub tells is taken for that of everything before. Part of the caller's transaction.
 */
export function enterEpoch(database: StateDatabase, key: IntegrationKey, epoch: number): boolean {
  const before = database.get<{ epoch: number | null }>("SELECT epoch FROM integration WHERE key = ?", key)?.epoch;
  if (before === epoch) return false;
  database.run("UPDATE integration SET epoch = ? WHERE key = ?", epoch, key);
  if (before === null) return false;
  database.run("UPDATE integration SET outranked = sequence WHERE key = ?", key);
  return reopenAll(database, key);
}

/** Batches up to this sequence number may have lost their windows to another installation; 0 for none. */
export function outrankedSequence(database: StateDatabase, key: IntegrationKey): number {
  return database.get<{ outranked: number }>("SELECT outranked FROM integration WHERE key = ?", key)?.outranked ?? 0;
}
