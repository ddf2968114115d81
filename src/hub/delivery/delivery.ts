/**
 * Accepts batches: declared, sent in parts to signed addresses, checked as a whole, and made visible by one
 * transaction. Before that transaction there is no import; after it there is a complete one, on disk. Every declared
 * batch has a row, and every object belongs to a row, so that leftovers are found without scanning folders.
 */
import { getLogger } from "@logtape/logtape";
import type {
  BatchDeclaration,
  CompletionRequest,
  DeclarationAnswer,
  Part,
  PartsAnswer,
  Receipt,
  WholeBatchAnswer,
  WholeBatchesRequest,
} from "../../protocol/delivery.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { AgentIdentity } from "../oauth/access_tokens.ts";
import { AbandonedBatches } from "./abandoned_batches.ts";
import { BatchCompletion, type CompletionOptions } from "./batch_completion.ts";
import { areStored, removeParts } from "./batch_objects.ts";
import { type BatchRow, newBatchRow, receipt } from "./batch_row.ts";
import type { ChangeFeed } from "../agents/change_feed.ts";
import type { GroupCommit } from "../database/group_commit.ts";
import type { Database } from "../database/schema.ts";
import { outranks } from "../rows/coverage.ts";
import { queueLoad } from "../rows/loader.ts";
import { originRefusal } from "./origin_refusal.ts";
import { checkWaitMs, idsPerQueryMax, uploadAddressMs } from "../limits.ts";
import { isSinglePart, partKey, partOfName } from "../objects/object_keys.ts";
import type { ObjectStore } from "../objects/objects.ts";
import { checkConsecutive, partMissing, partsOfRuns, singlePart } from "./parts.ts";
import { HubProblem } from "../services.ts";
import { WholeBatches } from "./whole_batches.ts";
import { importsTopic } from "../agents/topics.ts";

const log = getLogger(["cloud-link", "hub"]);

/** The hub's side of `protocol/delivery.ts`. Every call is idempotent: an agent that received no answer repeats it. */
export class Delivery {
  readonly #database: Database;
  readonly #writes: GroupCommit;
  readonly #objects: ObjectStore;
  readonly #changes: ChangeFeed;
  readonly #clock: Clock;
  readonly #onQueued: () => void;
  readonly #whole: WholeBatches;
  readonly #completion: BatchCompletion;
  readonly #abandoned: AbandonedBatches;

  constructor(options: CompletionOptions) {
    this.#database = options.database;
    this.#writes = options.writes;
    this.#objects = options.objects;
    this.#changes = options.changes;
    this.#clock = options.clock;
    this.#onQueued = options.onQueued;
    this.#completion = new BatchCompletion(options);
    this.#abandoned = new AbandonedBatches({ ...options, completion: this.#completion });
    this.#whole = new WholeBatches({
      ...options,
      renew: (agent, known) => this.#renew(agent, known),
      isStored: (row) => this.#isIntact(row),
    });
  }

  /** Step 1: is the batch wanted, and which parts are here already? */
  async declare(agent: AgentIdentity, declaration: BatchDeclaration): Promise<DeclarationAnswer> {
    if (declaration.linkId !== agent.linkId) {
      throw new HubProblem("not-found", "This batch belongs to another link: it is not accepted here.");
    }
    const refusal = originRefusal(declaration.origin);
    if (refusal !== undefined) throw refusal;
    const row = newBatchRow(agent, { declaration, nowMs: this.#clock.now() });
    const inserted = await this.#writes.run((transaction) =>
      transaction.insertInto("batch").values(row)
        .onConflict((conflict) => conflict.columns(["integrationId", "batchId"]).doNothing())
        .executeTakeFirst(), { durable: false });
    if (inserted.numInsertedOrUpdatedRows === 1n) return wanted([]);
    const known = await this.#find(agent, declaration.id);
    // It was forgotten meanwhile.
    if (known === undefined) return await this.declare(agent, declaration);
    return await this.#answerKnown(agent, { row: known, declaration });
  }

  /** All steps at once, for small batches. */
  whole(agent: AgentIdentity, batches: WholeBatchesRequest["batches"]): Promise<readonly WholeBatchAnswer[]> {
    return this.#whole.take(agent, batches);
  }

  /** Step 2: where to send parts. */
  async addresses(
    agent: AgentIdentity,
    { batchId, parts }: { batchId: string; parts: readonly Part[] },
  ): Promise<PartsAnswer> {
    const row = await this.#require(agent, batchId);
    if (row.receivedAt !== null) throw new HubProblem("conflict", "The hub already has this batch. Declare it again.");
    const expiresAt = new Date(this.#clock.now() + uploadAddressMs);
    return {
      addresses: await Promise.all(parts.map(async (part) => {
        if (part.offset + part.bytes > row.payloadBytes) {
          throw new HubProblem("invalid-request", `The part at ${part.offset} ends beyond the payload.`);
        }
        if (isSinglePart(row)) checkConsecutive([part], row.payloadBytes);
        const address = await this.#objects.address(partKey(row, part), { part, expiresAt });
        return { url: address.url, headers: { ...address.headers }, expiresAt: expiresAt.toISOString() };
      })),
    };
  }

  /** Whether an address may still be used: its batch waits for parts and its link is current. */
  async mayUpload(key: string): Promise<boolean> {
    const row = await this.#database.selectFrom("batch").innerJoin("link", "link.id", "batch.linkId")
      .select(["batch.receivedAt", "link.endedAt"]).where("batch.id", "=", key.split("/")[2] ?? "")
      .executeTakeFirst();
    return row !== undefined && row.receivedAt === null && row.endedAt === null;
  }

  /** Step 3: all parts have been sent. `undefined` while the check is still running. */
  async complete(
    agent: AgentIdentity,
    { batchId, request }: { batchId: string; request: CompletionRequest },
  ): Promise<Receipt | undefined> {
    const row = await this.#require(agent, batchId);
    if (row.receivedAt !== null) return receipt(row, row.receivedAt);
    let running = this.#completion.running(row.id);
    if (running === undefined) {
      const parts = "parts" in request ? request.parts : partsOfRuns(request.runs, await this.#arrivedParts(row));
      checkConsecutive(parts, row.payloadBytes);
      if (this.#abandoned.isBeingRemoved(row.id)) throw new HubProblem("part-missing", partMissing);
      running = this.#completion.start(row, parts);
    }
    return await withinMs(running, checkWaitMs);
  }

  /** Which of these batches the hub does not have, or no longer as they were. */
  async missing(agent: AgentIdentity, ids: readonly string[]): Promise<readonly string[]> {
    const found = new Set<string>();
    for (let start = 0; start < ids.length; start += idsPerQueryMax) {
      const rows = await this.#database.selectFrom("batch").select("batchId")
        .where("integrationId", "=", agent.integrationId).where("receivedAt", "is not", null)
        .where("damagedAt", "is", null).where("batchId", "in", ids.slice(start, start + idsPerQueryMax)).execute();
      for (const { batchId } of rows) found.add(batchId);
    }
    return ids.filter((id) => !found.has(id));
  }

  /** Forgets batches declared long ago and never completed, and deletes their parts. */
  sweep(): Promise<number> {
    return this.#abandoned.sweep();
  }

  /** Resolves when no check is running. */
  idle(): Promise<void> {
    return this.#completion.idle();
  }

  async #answerKnown(
    agent: AgentIdentity,
    { row, declaration }: { row: BatchRow; declaration: BatchDeclaration },
  ): Promise<DeclarationAnswer> {
    if (row.receivedAt !== null) {
      if (await this.#isIntact(row)) {
        await this.#renew(agent, { row, declaration });
        return { state: "received", receipt: receipt(row, row.receivedAt) };
      }
      await this.#unreceive(row);
    }
    const same = row.sha256 === declaration.sha256 && row.bytes === declaration.bytes &&
      row.payloadSha256 === declaration.payloadSha256 && row.payloadBytes === declaration.payloadBytes;
    if (!same) {
      // The same content compressed differently (another version, another level): what arrived of the old payload is
      // useless.
      await removeParts(this.#objects, row);
    }
    const updated = await this.#writes.run((transaction) =>
      transaction.updateTable("batch").set({
        linkId: agent.linkId,
        sequence: declaration.sequence,
        lane: declaration.lane,
        sha256: declaration.sha256,
        bytes: declaration.bytes,
        payloadSha256: declaration.payloadSha256,
        payloadBytes: declaration.payloadBytes,
        declaredAt: this.#clock.now(),
      }).where("id", "=", row.id).where("receivedAt", "is", null).executeTakeFirst()
    );
    // It was forgotten or received meanwhile.
    if (updated.numUpdatedRows === 0n) return await this.declare(agent, declaration);
    if (!same || isSinglePart(row)) return wanted([]);
    return wanted((await this.#arrivedParts(row)).toSorted((a, b) => a.offset - b.offset));
  }

  /** Whether the content of a received batch is there, and was not found to be damaged. */
  async #isIntact(row: BatchRow): Promise<boolean> {
    return row.damagedAt === null && await areStored(row, { objects: this.#objects, database: this.#database });
  }

  /** Its content is gone or damaged: from now on it counts as declared only, and may be sent again. */
  async #unreceive(row: BatchRow): Promise<void> {
    const { id, integrationId } = row;
    if (row.damagedAt !== null) await removeParts(this.#objects, row);
    await this.#writes.run(async (transaction) => {
      const updated = await transaction.updateTable("batch").set({ receivedAt: null, damagedAt: null })
        .where("id", "=", id)
        .where("receivedAt", "is not", null).executeTakeFirst();
      if (updated.numUpdatedRows === 0n) return;
      await transaction.deleteFrom("batchParts").where("batch", "=", id).execute();
      await transaction.deleteFrom("pendingLoad").where("batch", "=", id).execute();
      await transaction.updateTable("integration").set((eb) => ({ importCount: eb("importCount", "-", 1) }))
        .where("id", "=", integrationId).execute();
    });
    this.#changes.wake(importsTopic(integrationId));
    const what = row.damagedAt === null ? "gone from the store" : "damaged in the store";
    log.warn("The content of {file}, integration {integration}, is {what}: it is requested again.", {
      what,
      file: row.fileName,
      integration: integrationId,
    });
  }

  /** For a batch with only one part, that part, whether it has arrived or not. */
  async #arrivedParts(row: BatchRow): Promise<Part[]> {
    if (isSinglePart(row)) return [singlePart(row)];
    const names = await this.#objects.list(`${row.folder}/${row.id}`);
    return names.map(partOfName).filter((part) => part !== undefined);
  }

  /** A window that was read with different rows in between, and now with these again: they win again. */
  async #renew(
    agent: AgentIdentity,
    { row, declaration }: { row: BatchRow; declaration: BatchDeclaration },
  ): Promise<void> {
    if (declaration.origin.kind !== "query") return;
    const { sequence } = declaration;
    const same = row.linkId === agent.linkId;
    if (same && row.sequence >= sequence) return;
    const renewed = await this.#writes.run(async (transaction) => {
      const links = await transaction.selectFrom("link").select(["id", "epoch"])
        .where("id", "in", [row.linkId, agent.linkId]).execute();
      const epoch = (id: string) => links.find((link) => link.id === id)?.epoch ?? 0;
      const before = { epoch: epoch(row.linkId), sequence: row.sequence };
      if (!outranks({ epoch: epoch(agent.linkId), sequence }, before)) return false;
      await transaction.updateTable("batch").set({ linkId: agent.linkId, sequence }).where("id", "=", row.id).execute();
      await queueLoad(transaction, { ...row, lane: declaration.lane });
      return true;
    });
    if (renewed) this.#onQueued();
  }

  async #find(agent: AgentIdentity, batchId: string): Promise<BatchRow | undefined> {
    return await this.#database.selectFrom("batch").selectAll().where("integrationId", "=", agent.integrationId)
      .where("batchId", "=", batchId).executeTakeFirst();
  }

  async #require(agent: AgentIdentity, batchId: string): Promise<BatchRow> {
    const row = await this.#find(agent, batchId);
    if (row === undefined || row.linkId !== agent.linkId && row.receivedAt === null) {
      throw new HubProblem("not-found", "This batch was not declared here. Declare it first.");
    }
    return row;
  }
}

function wanted(parts: Part[]): DeclarationAnswer {
  return { state: "wanted", parts, takesRuns: true };
}

async function withinMs<Result>(promise: Promise<Result>, ms: number): Promise<Result | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => timer = setTimeout(() => resolve(undefined), ms));
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
    // The next request learns how it ended.
    promise.catch(() => {});
  }
}
