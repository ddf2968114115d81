/**
 * Loads what has arrived: the transaction that makes a batch an import puts it in the queue (`pendingLoad`), and it
 * leaves the queue when its rows are in their table. A hub killed in between resumes at its next start; loading twice
 * changes nothing. Live batches take precedence over history.
 */
import { getLogger } from "@logtape/logtape";
import { sql } from "kysely";
import type { DatabaseSync } from "node:sqlite";
import type { BatchOrigin } from "../../protocol/delivery.ts";
import type { Clock } from "../../runtime/clock.ts";
import { errorText } from "../../runtime/error_text.ts";
import { Waker } from "../../runtime/waker.ts";
import type { ChangeFeed } from "../agents/change_feed.ts";
import { batchKeys } from "../delivery/batch_objects.ts";
import type { Database, DatabaseTransaction, Tables } from "../database/schema.ts";
import { idsPerQueryMax } from "../limits.ts";
import { ObjectMissingError, type ObjectStore } from "../objects/objects.ts";
import { readParts } from "../delivery/read_parts.ts";
import { FailedLoads } from "./failed_loads.ts";
import type { LoadClient } from "./load_client.ts";
import type { LoadJob, LoadResult } from "./load_messages.ts";
import { recordOutcome } from "./load_outcome.ts";
import { importsTopic } from "../agents/topics.ts";

const log = getLogger(["cloud-link", "hub"]);

/** How often to look at the queue without being woken, in ms. */
const lookEveryMs = 60_000;
/** How long to pause when one failure follows another (a full disk, say), in ms. */
const pauseMs = 15_000;
/**
 * How many rows of a deleted integration one transaction removes: that takes tens of ms, after which a waiting batch
 * goes first.
 */
const rowsRemovedAtOnce = 20_000;

/** Puts a received batch in the queue, in the transaction that received it. */
export async function queueLoad(
  transaction: DatabaseTransaction,
  batch: Pick<Tables["batch"], "id" | "integrationId" | "lane">,
): Promise<void> {
  await transaction.insertInto("pendingLoad").values({
    batch: batch.id,
    integrationId: batch.integrationId,
    live: batch.lane === "live" ? 1 : 0,
  }).onConflict((conflict) => conflict.doNothing()).execute();
}

/** Loads one batch at a time; {@linkcode Loader.wake} makes it look at the queue at once. */
export class Loader {
  readonly #options: LoaderOptions;
  readonly #waker = new Waker();
  /**
   * Number of deletions so far, and the last one whose rows have all been removed. Starts with one for what an earlier
   * process may have left.
   */
  #deletions = 1;
  #deletionsDone = 0;
  readonly #failed = new FailedLoads();
  #brokenSinceMs: number | undefined;

  constructor(options: LoaderOptions) {
    this.#options = options;
  }

  /** Since when what has arrived for an integration cannot be loaded, for example because the disk is full. */
  failsSinceMs(integrationId: string): number | undefined {
    return this.#brokenSinceMs ?? this.#failed.sinceMs(integrationId);
  }

  /** Call it when something was queued. */
  wake(): void {
    this.#waker.wake();
  }

  /** Call it when an integration was deleted: its rows are removed in the background. */
  removed(): void {
    this.#deletions++;
    this.wake();
  }

  /** Loads until the signal aborts. Never fails: errors are logged once and retried. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      try {
        const hasMore = await this.#loadNext(signal) || await this.#removeSome();
        if (this.#brokenSinceMs !== undefined) log.info("Loading imported rows works again.");
        this.#brokenSinceMs = undefined;
        const restMs = this.#failed.nextAtMs - clock.monotonicMs();
        if (!hasMore) await this.#waker.nap(Math.min(lookEveryMs, restMs), { clock, signal });
      } catch (error) {
        if (signal.aborted) return;
        if (this.#brokenSinceMs === undefined) {
          this.#brokenSinceMs = clock.now();
          log.error("Cannot load imported rows: {reason}. It is retried automatically; nothing is lost.", {
            reason: errorText(error),
          });
        }
        await clock.sleep(pauseMs, signal).catch(() => {});
      }
    }
  }

  /** Queues everything again if the file with the rows is a new one. */
  async adopt(rowsId: string): Promise<void> {
    await this.#options.database.transaction().execute(async (transaction) => {
      const known = await transaction.selectFrom("meta").select("value").where("key", "=", "rows").executeTakeFirst();
      if (known?.value === rowsId) return;
      await sql`insert into pendingLoad select id, integrationId, iif(lane = 'live', 1, 0) from batch
        where receivedAt is not null and json_extract(origin, '$.kind') = 'query'
        and integrationId in (select id from integration where deletedAt is null) on conflict do nothing`
        .execute(transaction);
      await transaction.insertInto("meta").values({ key: "rows", value: rowsId })
        .onConflict((conflict) => conflict.column("key").doUpdateSet({ value: rowsId })).execute();
    });
  }

  async #loadNext(signal: AbortSignal): Promise<boolean> {
    const { database, changes, clock } = this.#options;
    const row = await this.#nextRow();
    if (row === undefined) return false;
    const job = row.deletedAt === null ? loadJob(row) : undefined;
    let result: LoadResult | undefined;
    try {
      result = job === undefined ? undefined : await this.#load(row, { job, signal });
    } catch (error) {
      signal.throwIfAborted();
      await this.#putOff(row, { error, signal });
      return true;
    }
    await database.transaction().execute(async (transaction) => {
      // A batch that was redeclared with a higher number in the meantime is loaded again.
      await transaction.deleteFrom("pendingLoad").where("batch", "=", row.id)
        .where(({ exists, selectFrom }) =>
          exists(
            selectFrom("batch").select("batch.id").where("batch.id", "=", row.id)
              .where("batch.sequence", "=", row.sequence).where("batch.linkId", "=", row.linkId),
          )
        ).execute();
      if (result !== undefined) await recordOutcome(transaction, { batch: row, result, nowMs: clock.now() });
    });
    if (this.#failed.loaded(row.id)) log.info("Loading imported rows works again.");
    changes.wake(importsTopic(row.integrationId));
    // Its agent is to hear that the hub has one batch less.
    if (result?.damaged === true) changes.wake(row.integrationId);
    return true;
  }

  /** The next of the queue. After a failure others go first: what fails gets at most every second turn. */
  async #nextRow(): Promise<QueuedRow | undefined> {
    const nowMs = this.#options.clock.monotonicMs();
    const other = this.#failed.inARow > 0 ? await this.#firstRow({ except: this.#failed.ids }) : undefined;
    const row = other ?? await this.#firstRow({ except: this.#failed.resting(nowMs) });
    if (row === undefined) this.#failed.forgetOthers(nowMs);
    return row;
  }

  #firstRow({ except }: { except: readonly string[] }): Promise<QueuedRow | undefined> {
    return this.#options.database.selectFrom("pendingLoad").innerJoin("batch", "batch.id", "pendingLoad.batch")
      .innerJoin("link", "link.id", "batch.linkId").innerJoin("integration", "integration.id", "batch.integrationId")
      .selectAll("batch").select(["link.epoch", "integration.deletedAt"])
      .where(sql<boolean>`batch.id not in (select value from json_each(${JSON.stringify(except)}))`)
      .orderBy("pendingLoad.live", "desc").orderBy("batch.receivedAt").orderBy("batch.id").limit(1).executeTakeFirst();
  }

  async #putOff(row: QueuedRow, { error, signal }: { error: unknown; signal: AbortSignal }): Promise<void> {
    const { clock, changes } = this.#options;
    const reason = errorText(error);
    if (this.#failed.add(row, { reason, nowMs: clock.monotonicMs(), atMs: clock.now() })) {
      log.error(
        "Cannot load imported rows, first {window} of integration {integration}: {reason}. It is retried " +
          "automatically; nothing is lost.",
        { window: row.fileName, integration: row.integrationId, reason },
      );
    }
    changes.wake(importsTopic(row.integrationId));
    if (this.#failed.inARow > 1) await this.#waker.nap(pauseMs, { clock, signal });
  }

  async #load(row: Tables["batch"], { job, signal }: { job: LoadJob; signal: AbortSignal }): Promise<LoadResult> {
    const { database, objects, client, clock } = this.#options;
    const startedMs = clock.monotonicMs();
    const keys = await batchKeys(database, row);
    const result = await client.load(job, {
      payload: readParts(objects, { keys, signal }),
      nowMs: clock.now(),
      isLost: (error) => error instanceof ObjectMissingError,
    });
    const facts = { integration: row.integrationId, window: row.fileName, rows: result.rows };
    if (result.error !== null) {
      log.error("Cannot load {window} of integration {integration}: {reason}", { ...facts, reason: result.error });
    } else {
      log.debug("Loaded {rows} rows of {window}, integration {integration}, in {milliseconds} ms.", {
        ...facts,
        milliseconds: Math.round(clock.monotonicMs() - startedMs),
      });
    }
    return result;
  }

  /** Removes some rows of one deleted integration; false when no rows of any are left. */
  async #removeSome(): Promise<boolean> {
    const deletions = this.#deletions;
    if (deletions === this.#deletionsDone) return false;
    const integrationId = await this.#deletedWithRows();
    if (integrationId === undefined) {
      this.#deletionsDone = deletions;
      return false;
    }
    await this.#options.database.deleteFrom("pendingLoad").where("integrationId", "=", integrationId).execute();
    const { done } = await this.#options.client.remove(integrationId, { rowsMax: rowsRemovedAtOnce });
    if (done) {
      log.info("Removed the rows of integration {integration}, which was deleted.", { integration: integrationId });
    }
    return true;
  }

  async #deletedWithRows(): Promise<string | undefined> {
    const ids = this.#options.rows.prepare("select id from source").all().map(({ id }) => String(id));
    for (let start = 0; start < ids.length; start += idsPerQueryMax) {
      const deleted = await this.#options.database.selectFrom("integration").select("id")
        .where("id", "in", ids.slice(start, start + idsPerQueryMax)).where("deletedAt", "is not", null).limit(1)
        .executeTakeFirst();
      if (deleted !== undefined) return deleted.id;
    }
    return undefined;
  }
}

/**
 * The queue (`database`), the tables, read-only here (`rows`), the payloads (`objects`), and the worker that parses and
 * writes (`client`).
 */
export interface LoaderOptions {
  readonly database: Database;
  readonly rows: DatabaseSync;
  readonly objects: ObjectStore;
  readonly client: LoadClient;
  readonly changes: ChangeFeed;
  readonly clock: Clock;
}

type QueuedRow = Tables["batch"] & { readonly epoch: number; readonly deletedAt: number | null };

/** `undefined` for batches without rows. */
function loadJob(row: QueuedRow): LoadJob | undefined {
  const origin = JSON.parse(row.origin) as BatchOrigin;
  if (origin.kind !== "query") return undefined;
  const { dataType, timeZone, window, rows, refused } = origin;
  return {
    integrationId: row.integrationId,
    batchId: row.batchId,
    payloadSha256: row.payloadSha256,
    epoch: row.epoch,
    sequence: row.sequence,
    lane: row.lane,
    dataType,
    timeZone,
    window: { fromMs: Date.parse(window.from), toMs: Date.parse(window.to) },
    declaredRows: rows,
    refused,
    receivedAtMs: row.receivedAt ?? 0,
  };
}
