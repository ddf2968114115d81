/** The outcome of loads, stored in the hub's own database, from which states and imports are served. */
import type { DatabaseTransaction, Tables } from "../database/schema.ts";
import type { LoadResult } from "./load_messages.ts";

/**
 * Records for a batch and its integration whether it could be loaded (`error` is `null`) or why not; a `damaged` one is
 * wanted from the agent again. The integration's state follows its newest batch: older ones, loaded late or again, say
 * nothing about how it is doing now.
 */
export async function recordOutcome(
  transaction: DatabaseTransaction,
  { batch, result: { error, damaged }, nowMs }: {
    batch: Pick<Tables["batch"], "id" | "integrationId" | "lane" | "receivedAt">;
    result: Pick<LoadResult, "error" | "damaged">;
    nowMs: number;
  },
): Promise<void> {
  const receivedAt = batch.receivedAt ?? 0;
  await transaction.updateTable("batch").set({ loadError: error, damagedAt: damaged ? nowMs : null })
    .where("id", "=", batch.id).execute();
  await transaction.updateTable("integration")
    .set(({ fn, val }) => ({
      newestLoadAt: receivedAt,
      loadError: error,
      loadFailedSince: error === null ? null : fn.coalesce("loadFailedSince", val(receivedAt)),
    }))
    .where("id", "=", batch.integrationId)
    .where(({ eb, or }) => or([eb("newestLoadAt", "is", null), eb("newestLoadAt", "<=", receivedAt)])).execute();
  if (error !== null || batch.lane !== "live") return;
  await transaction.updateTable("integration").set({ lastLiveAt: receivedAt }).where("id", "=", batch.integrationId)
    .where(({ eb, or }) => or([eb("lastLiveAt", "is", null), eb("lastLiveAt", "<", receivedAt)])).execute();
}
