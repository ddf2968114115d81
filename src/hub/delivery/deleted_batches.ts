/**
 * Removes the batches of deleted integrations, a few at a time. Objects are removed before the rows that name them: if
 * the hub is killed in between, it leaves rows that are never shown, for the next sweep to remove, but never an object
 * without a row.
 */
import { getLogger } from "@logtape/logtape";
import type { Clock } from "../../runtime/clock.ts";
import { objectFolder, storedKeys } from "./batch_objects.ts";
import type { Database } from "../database/schema.ts";
import { deletedKeptMs } from "../limits.ts";
import type { ObjectStore } from "../objects/objects.ts";

const log = getLogger(["cloud-link", "hub"]);

/** Batches removed together, before other work gets its turn. */
const batchesAtOnce = 100;

/** Where the batches are; the signal stops it early. */
export interface DeletedBatchesOptions {
  readonly database: Database;
  readonly objects: ObjectStore;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Removes them all, except those of the last hours; see {@linkcode deletedKeptMs}. */
export async function removeDeletedBatches(options: DeletedBatchesOptions): Promise<void> {
  const { database, objects, clock, signal } = options;
  let removed = 0;
  while (!signal.aborted) {
    const rows = await database.selectFrom("batch").selectAll()
      .where(
        "integrationId",
        "in",
        database.selectFrom("integration").select("id").where("deletedAt", "<", clock.now() - deletedKeptMs),
      ).limit(batchesAtOnce).execute();
    if (rows.length === 0) break;
    const keys = [];
    for (const row of rows) keys.push(...await storedKeys(objects, row));
    await objects.remove(keys, { folders: rows.map(objectFolder) });
    await database.deleteFrom("batch").where("id", "in", rows.map(({ id }) => id)).execute();
    removed += rows.length;
  }
  if (removed > 0) log.info("Removed {batches} batches of deleted integrations.", { batches: removed });
}
