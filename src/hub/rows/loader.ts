/**
 * Loads what has arrived: the transaction that makes a batch an import puts it in the queue (`pendingLoad`), and it leaves
 * the queue when its rows are in their table. A hub that is killed in between takes it up again at its start; loading
 * twice changes nothing. Live batches go before history.
 */
import { getLogger } from "@logtape/logtape";
import { sql } from "kysely";
import type { BatchOrigin } from "../../protocol/delivery.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { ChangeFeed } from "../changes.ts";
import { batchKeys } from "../delivery.ts";
import type { Database, DatabaseTransaction, Tables } from "../database/schema.ts";
import { ObjectMissingError, type ObjectStore } from "../objects.ts";
import { readParts } from "../read_parts.ts";
import type { LoadClient } from "./load_client.ts";
import type { LoadJob } from "./load_messages.ts";

const log = getLogger(["cloud-link", "hub"]);

/** How long after a failure (a full disk, say) it is tried again, in ms. */
const retryMs = 15_000;

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

/** One for each hub process, one batch at a time; {@linkcode Loader.wake} spares it waiting for its next look. */
export class Loader {
  readonly #options: LoaderOptions;
  #wake = new AbortController();

  constructor(options: LoaderOptions) {
    this.#options = options;
  }

  /** There is something in the queue. */
  wake(): void {
    this.#wake.abort();
  }

  /** Loads until the signal aborts. Never fails: what goes wrong is logged, once, and tried again. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    let failing = false;
    while (!signal.aborted) {
      this.#wake = new AbortController();
      let waitMs = Infinity;
      try {
        if (await this.#loadNext(signal)) waitMs = 0;
        if (failing) log.info("Loading imported rows works again.");
        failing = false;
      } catch (error) {
        if (signal.aborted) return;
        if (!failing) {
          log.error("Cannot load imported rows: {reason}. It is tried again by itself; nothing is lost.", {
            reason: error instanceof Error ? error.message : String(error),
          });
        }
        failing = true;
        waitMs = retryMs;
      }
      if (waitMs === 0) continue;
      const until = AbortSignal.any(failing ? [signal] : [signal, this.#wake.signal]);
      // Woken meanwhile counts too: the signal is aborted already.
      await clock.sleep(Math.min(waitMs, 60_000), until).catch(() => {});
    }
  }

  /** Queues everything again when the file with the rows is not the one of before. */
  async adopt(rowsId: string): Promise<void> {
    await this.#options.database.transaction().execute(async (transaction) => {
      const known = await transaction.selectFrom("meta").select("value").where("key", "=", "rows").executeTakeFirst();
      if (known?.value === rowsId) return;
      await sql`insert into pendingLoad select id, integrationId, iif(lane = 'live', 1, 0) from batch
        where receivedAt is not null and json_extract(origin, '$.kind') = 'query' on conflict do nothing`
        .execute(transaction);
      await transaction.insertInto("meta").values({ key: "rows", value: rowsId })
        .onConflict((conflict) => conflict.column("key").doUpdateSet({ value: rowsId })).execute();
    });
  }

  async #loadNext(signal: AbortSignal): Promise<boolean> {
    const { database, objects, client, clock, changes } = this.#options;
    const row = await database.selectFrom("pendingLoad").innerJoin("batch", "batch.id", "pendingLoad.batch")
      .innerJoin("link", "link.id", "batch.linkId").selectAll("batch").select("link.createdAt as epoch")
      .orderBy("pendingLoad.live", "desc").orderBy("batch.receivedAt").orderBy("batch.id").limit(1).executeTakeFirst();
    if (row === undefined) return false;
    const job = loadJob(row);
    if (job !== undefined) {
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
    }
    await database.transaction().execute(async (transaction) => {
      // A batch that was declared anew with a higher number meanwhile is loaded once more.
      await transaction.deleteFrom("pendingLoad").where("batch", "=", row.id)
        .where(({ exists, selectFrom }) =>
          exists(
            selectFrom("batch").select("batch.id").where("batch.id", "=", row.id)
              .where("batch.sequence", "=", row.sequence).where("batch.linkId", "=", row.linkId),
          )
        ).execute();
      await changes.record(transaction, row.integrationId);
    });
    changes.wake(row.integrationId);
    return true;
  }
}

/** The queue (`database`), the payloads (`objects`), and the worker that does the parsing (`client`). */
export interface LoaderOptions {
  readonly database: Database;
  readonly objects: ObjectStore;
  readonly client: LoadClient;
  readonly changes: ChangeFeed;
  readonly clock: Clock;
}

/** `undefined` for what has no rows. */
function loadJob(row: Tables["batch"] & { epoch: number }): LoadJob | undefined {
  const origin = JSON.parse(row.origin) as BatchOrigin;
  if (origin.kind !== "query") return undefined;
  const { dataType, timeZone, window, rows, refused } = origin;
  return {
    integrationId: row.integrationId,
    batchId: row.batchId,
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
