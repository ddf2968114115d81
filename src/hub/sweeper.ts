/** Removes what crashes, broken connections, deletions and the passing of time leave behind. */
import { getLogger } from "@logtape/logtape";
import type { Clock } from "../runtime/clock.ts";
import type { Database } from "./database/schema.ts";
import type { Delivery } from "./delivery/delivery.ts";
import { removeDeletedBatches } from "./delivery/deleted_batches.ts";
import type { DiskObjects } from "./objects/disk_objects.ts";
import { attemptsKeptMs, draftKeptMs, neverLinkedKeptMs, sweepEveryMs } from "./limits.ts";
import type { ObjectStore } from "./objects/objects.ts";

const log = getLogger(["cloud-link", "hub"]);

/** How long an expired device code is still reported as expired, in ms. */
const deviceKeptMs = 24 * 60 * 60 * 1000;
/** How long answered requests are kept, in ms. */
const requestKeptMs = 7 * 24 * 60 * 60 * 1000;
/** How often to look for leftovers that cannot wait for a day, in ms. */
const oftenMs = 5 * 60 * 1000;

/** Where leftovers may be: rows, objects of unneeded batches, temporary files. */
export interface SweepOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly delivery: Delivery;
  readonly objects: ObjectStore;
  readonly files: DiskObjects;
  readonly signal: AbortSignal;
}

/** Sweeps at once, and then regularly until the signal aborts. A failed sweep is logged; the next one follows. */
export async function sweepForever(options: SweepOptions): Promise<void> {
  const { clock, signal } = options;
  let sweptAtMs = -Infinity;
  while (!signal.aborted) {
    try {
      await sweepOften(options);
      if (clock.monotonicMs() - sweptAtMs >= sweepEveryMs) {
        await sweepDaily(options);
        sweptAtMs = clock.monotonicMs();
      }
    } catch (error) {
      log.error("Cannot sweep leftovers: {error}. This is retried in 5 minutes.", { error });
    }
    await clock.sleep(oftenMs, signal).catch(() => {});
  }
}

/** One sweep of everything. */
export async function sweepOnce(options: SweepOptions): Promise<void> {
  await sweepOften(options);
  await sweepDaily(options);
}

async function sweepOften(options: SweepOptions): Promise<void> {
  await options.database.deleteFrom("assertion").where("expiresAt", "<", options.clock.now()).execute();
  await removeDeletedBatches(options);
}

async function sweepDaily({ database, clock, delivery, files }: SweepOptions): Promise<void> {
  const now = clock.now();
  await database.deleteFrom("session").where("expiresAt", "<", now).execute();
  // Those still to come were made while the clock was ahead, and would count once it is that late.
  await database.deleteFrom("attempt")
    .where(({ eb, or }) => or([eb("at", "<", now - attemptsKeptMs), eb("at", ">", now)])).execute();
  await database.deleteFrom("device").where("expiresAt", "<", now - deviceKeptMs).execute();
  await database.deleteFrom("request").where("createdAt", "<", now - requestKeptMs).execute();
  await database.deleteFrom("installation").where("everLinked", "=", 0)
    .where("registeredAt", "<", now - neverLinkedKeptMs)
    .where(({ eb, or }) => or([eb("pinAt", "is", null), eb("pinAt", "<", now - neverLinkedKeptMs)])).execute();
  // "Continue" on "Add a new integration" creates a draft each time.
  await database.deleteFrom("integration").where("draft", "=", 1).where("createdAt", "<", now - draftKeptMs)
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom("link").select("link.id").whereRef("link.integrationId", "=", "integration.id")))
    ).execute();
  const batches = await delivery.sweep();
  const temporary = await files.sweep(clock);
  if (batches + temporary > 0) {
    log.info("Swept {batches} batches that were never completed and {files} temporary files.", {
      batches,
      files: temporary,
    });
  }
}
