/** The outcome of loads, stored in the hub's own database, from which states and imports are served. */
import type { ExpressionBuilder } from "kysely";
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
      loadFailedSince: error === null
        ? null
        : fn("min", [fn.coalesce("loadFailedSince", val(receivedAt)), val(receivedAt)]),
    }))
    .where("id", "=", batch.integrationId)
    .where(isOvertaken("newestLoadAt", { receivedAt, nowMs })).execute();
  if (error !== null || batch.lane !== "live") return;
  await transaction.updateTable("integration").set({ lastLiveAt: receivedAt }).where("id", "=", batch.integrationId)
    .where(isOvertaken("lastLiveAt", { receivedAt, nowMs })).execute();
}

/** Whether nothing newer is known. A time still to come was stored while the clock was ahead. */
function isOvertaken(
  column: "newestLoadAt" | "lastLiveAt",
  { receivedAt, nowMs }: { receivedAt: number; nowMs: number },
) {
  return ({ eb, or }: ExpressionBuilder<Tables, "integration">) =>
    or([eb(column, "is", null), eb(column, "<=", receivedAt), eb(column, ">", nowMs)]);
}
