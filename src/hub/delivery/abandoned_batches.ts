/** Forgets batches that were declared and never completed. */
import type { Clock } from "../../runtime/clock.ts";
import type { Database } from "../database/schema.ts";
import { declaredKeptMs } from "../limits.ts";
import type { ObjectStore } from "../objects/objects.ts";
import type { BatchCompletion } from "./batch_completion.ts";
import { removeParts } from "./batch_objects.ts";

/** How many batches are swept before the next are looked for. */
const sweptAtOnce = 1000;

/** Where batches are, and which of them are being completed. */
export interface AbandonedBatchesOptions {
  readonly database: Database;
  readonly objects: ObjectStore;
  readonly clock: Clock;
  readonly stop: AbortSignal;
  readonly completion: Pick<BatchCompletion, "ids" | "running">;
}

/** Removes abandoned batches with their parts; never one that is being completed. */
export class AbandonedBatches {
  readonly #options: AbandonedBatchesOptions;
  readonly #removing = new Set<string>();

  constructor(options: AbandonedBatchesOptions) {
    this.#options = options;
  }

  /** Whether the parts of a row are being removed: then it must not become an import. */
  isBeingRemoved(id: string): boolean {
    return this.#removing.has(id);
  }

  /** Forgets batches declared long ago and never completed, and deletes their parts. */
  async sweep(): Promise<number> {
    const { database, clock, stop, completion } = this.#options;
    const beforeMs = clock.now() - declaredKeptMs;
    for (let swept = 0;;) {
      // Each is gone afterwards, or no longer abandoned: this ends.
      const rows = await database.selectFrom("batch").select("id").where("receivedAt", "is", null)
        .where("declaredAt", "<", beforeMs).where("id", "not in", completion.ids).limit(sweptAtOnce)
        .execute();
      for (const { id } of rows) if (completion.running(id) === undefined) await this.#forget(id, { beforeMs });
      swept += rows.length;
      if (rows.length < sweptAtOnce || stop.aborted) return swept;
    }
  }

  /** Unless it has been declared again or received meanwhile. */
  async #forget(id: string, { beforeMs }: { beforeMs: number }): Promise<void> {
    const { database, objects } = this.#options;
    this.#removing.add(id);
    try {
      const row = await database.selectFrom("batch").selectAll().where("id", "=", id)
        .where("receivedAt", "is", null).where("declaredAt", "<", beforeMs).executeTakeFirst();
      if (row === undefined) return;
      await removeParts(objects, row);
      await database.deleteFrom("batch").where("id", "=", id).where("receivedAt", "is", null)
        .where("declaredAt", "<", beforeMs).execute();
    } finally {
      this.#removing.delete(id);
    }
  }
}
