/**
 * The last step of a delivery in parts: what has arrived is checked as a whole, and one transaction makes it an import.
 */
import { getLogger } from "@logtape/logtape";
import type { BatchDeclaration, Part, Receipt } from "../../protocol/delivery.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { ChangeFeed } from "../agents/change_feed.ts";
import { importsTopic } from "../agents/topics.ts";
import type { GroupCommit } from "../database/group_commit.ts";
import type { Database } from "../database/schema.ts";
import { checksAtOnce } from "../limits.ts";
import { isSinglePart, partKey } from "../objects/object_keys.ts";
import { ObjectMissingError, type ObjectStore } from "../objects/objects.ts";
import { queueLoad } from "../rows/loader.ts";
import { HubProblem } from "../services.ts";
import { Turns } from "../turns.ts";
import { checkPayload } from "./batch_check.ts";
import { removeParts } from "./batch_objects.ts";
import { type BatchRow, receipt } from "./batch_row.ts";
import { partMissing } from "./parts.ts";
import { readParts } from "./read_parts.ts";

const log = getLogger(["cloud-link", "hub"]);

/** Checks that may wait for their turn. */
const checksWaitingMax = 256;

/** Where batches are, and who hears of a complete one. */
export interface CompletionOptions {
  readonly database: Database;
  readonly writes: GroupCommit;
  readonly objects: ObjectStore;
  readonly changes: ChangeFeed;
  readonly clock: Clock;
  /** Aborts running checks: the agent asks again. */
  readonly stop: AbortSignal;
  /** Called for every batch received, for the metrics. */
  readonly onReceived: (bytes: number) => void;
  /** Called when there are rows to load. */
  readonly onQueued: () => void;
}

/** Completes batches, each at most once at a time. */
export class BatchCompletion {
  readonly #options: CompletionOptions;
  readonly #running = new Map<string, Promise<Receipt>>();
  readonly #turns = new Turns({ atOnce: checksAtOnce, waitingMax: checksWaitingMax });

  constructor(options: CompletionOptions) {
    this.#options = options;
  }

  /** The rows being completed. */
  get ids(): readonly string[] {
    return [...this.#running.keys()];
  }

  /** The completion of a row, if it has been started. */
  running(id: string): Promise<Receipt> | undefined {
    return this.#running.get(id);
  }

  /** Completes a batch of these parts, or joins who does already. */
  start(row: BatchRow, parts: readonly Part[]): Promise<Receipt> {
    const running = this.#running.get(row.id);
    if (running !== undefined) return running;
    const started = this.#complete(row, parts).finally(() => this.#running.delete(row.id));
    this.#running.set(row.id, started);
    return started;
  }

  /** Resolves when nothing is being completed. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#running.values());
  }

  async #complete(row: BatchRow, parts: readonly Part[]): Promise<Receipt> {
    const { objects, stop } = this.#options;
    const keys = parts.map((part) => partKey(row, part));
    try {
      const lines = await this.#checkedLines(row, keys);
      await objects.settle(keys);
      const receivedAt = await this.#admit(row, { parts, lines });
      if (!isSinglePart(row)) await removeParts(objects, row, { keep: new Set(keys) });
      return receipt(row, receivedAt);
    } catch (error) {
      if (stop.aborted) throw new HubProblem("unavailable", "The hub is stopping.", { retryAfterSeconds: 5 });
      if (!(error instanceof ObjectMissingError)) throw error;
      throw new HubProblem("part-missing", partMissing);
    }
  }

  async #checkedLines(row: BatchRow, keys: readonly string[]): Promise<number> {
    const { objects, stop } = this.#options;
    // Small ones need no turn: they finish before another could wait.
    using _turn = isSinglePart(row) ? { [Symbol.dispose]: () => {} } : await this.#turns.take();
    const result = await checkPayload(readParts(objects, { keys, signal: stop }), {
      sha256: row.sha256,
      bytes: row.bytes,
      payloadSha256: row.payloadSha256,
      payloadBytes: row.payloadBytes,
    });
    if (result.ok) return result.lines;
    await removeParts(objects, row);
    log.warn("Refused batch {batch} of integration {integration}: {reason}. The agent sends it again.", {
      batch: row.batchId,
      integration: row.integrationId,
      reason: result.reason,
    });
    throw new HubProblem("checksum-mismatch", `Cannot accept this batch: ${result.reason}. Nothing was stored.`);
  }

  /** From this instant the import exists. */
  async #admit(row: BatchRow, { parts, lines }: { parts: readonly Part[]; lines: number }): Promise<number> {
    const { database, writes, changes, clock, onReceived, onQueued } = this.#options;
    const origin = JSON.parse(row.origin) as BatchDeclaration["origin"];
    const nowMs = clock.now();
    const receivedAt = await writes.run(async (transaction) => {
      const updated = await transaction.updateTable("batch")
        .set({ receivedAt: nowMs, rows: origin.kind === "query" ? origin.rows : lines })
        .where("id", "=", row.id).where("receivedAt", "is", null).executeTakeFirst();
      if (updated.numUpdatedRows === 0n) return undefined;
      if (!isSinglePart(row)) {
        await transaction.insertInto("batchParts").values({ batch: row.id, parts: JSON.stringify(parts) }).execute();
      }
      await transaction.updateTable("integration")
        .set((eb) => ({ importCount: eb("importCount", "+", 1), lastImportAt: nowMs }))
        .where("id", "=", row.integrationId).execute();
      if (origin.kind === "query") await queueLoad(transaction, row);
      return nowMs;
    });
    if (receivedAt === undefined) {
      const again = await database.selectFrom("batch").select("receivedAt").where("id", "=", row.id)
        .executeTakeFirst();
      if (again?.receivedAt === null || again === undefined) {
        throw new HubProblem("part-missing", "The batch has been discarded in the meantime. Declare it again.");
      }
      return again.receivedAt;
    }
    changes.wake(importsTopic(row.integrationId));
    onReceived(row.bytes);
    if (origin.kind === "query") onQueued();
    return receivedAt;
  }
}
