/**
 * Small batches that come with their declaration, several in one request: each is checked like any other, and the valid
 * ones become imports in one transaction, content included. A batch that has started to arrive in parts stays with
 * parts.
 */
import { Buffer } from "node:buffer";
import { getLogger } from "@logtape/logtape";
import {
  type BatchDeclaration,
  type WholeBatchAnswer,
  type WholeBatchesRequest,
  wholeContentBytesMax,
} from "../../protocol/delivery.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { AgentIdentity } from "../oauth/access_tokens.ts";
import { checkSmallPayload } from "./batch_check.ts";
import { type BatchRow, newBatchRow, receipt } from "./batch_row.ts";
import type { ChangeFeed } from "../agents/change_feed.ts";
import type { GroupCommit } from "../database/group_commit.ts";
import type { DatabaseTransaction } from "../database/schema.ts";
import { smallContentBytesMax, smallObjectBytesMax } from "../limits.ts";
import { partKey } from "../objects/object_keys.ts";
import { originRefusal } from "./origin_refusal.ts";
import { singlePart } from "./parts.ts";
import { problemBody } from "../http/problem_response.ts";
import { queueLoad } from "../rows/loader.ts";
import { HubProblem } from "../services.ts";
import { importsTopic } from "../agents/topics.ts";

const log = getLogger(["cloud-link", "hub"]);

type Given = WholeBatchesRequest["batches"][number];

/** A checked batch: it is stored unless already known. */
interface Ready {
  readonly row: BatchRow & { readonly receivedAt: number };
  readonly declaration: BatchDeclaration;
  readonly payload: Uint8Array;
}

/** What the transaction did. */
interface Admitted {
  /** Ids of the rows that were inserted. */
  readonly inserted: ReadonlySet<string>;
  /** Those that already existed, by the agent's id. */
  readonly known: ReadonlyMap<string, BatchRow>;
}

/** See `Delivery` for the options they share. */
export interface WholeBatchesOptions {
  readonly writes: GroupCommit;
  readonly changes: ChangeFeed;
  readonly clock: Clock;
  /** Called for every batch received. */
  readonly onReceived: (bytes: number) => void;
  /** Called when there are rows to load. */
  readonly onQueued: () => void;
  /** Called for a batch sent again although it is already here. */
  readonly renew: (agent: AgentIdentity, known: { row: BatchRow; declaration: BatchDeclaration }) => Promise<void>;
  /** Whether the content of a received batch is still there. */
  readonly isStored: (row: BatchRow) => Promise<boolean>;
}

/** Accepts whole batches. */
export class WholeBatches {
  readonly #options: WholeBatchesOptions;

  constructor(options: WholeBatchesOptions) {
    this.#options = options;
  }

  /** The answers are in the order of the batches; when it resolves, what was received is durable. */
  async take(agent: AgentIdentity, batches: readonly Given[]): Promise<readonly WholeBatchAnswer[]> {
    const looks = await this.#lookAtAll(agent, batches);
    const ready = looks.filter((look) => "row" in look);
    const { inserted, known } = ready.length === 0
      ? { inserted: new Set<string>(), known: new Map<string, BatchRow>() }
      : await this.#admit(agent, ready);
    const answers: WholeBatchAnswer[] = [];
    for (const look of looks) {
      if ("state" in look) {
        answers.push(look);
        continue;
      }
      const { row, declaration } = look;
      if (inserted.has(row.id)) {
        answers.push({ state: "received", receipt: receipt(row, row.receivedAt) });
        continue;
      }
      answers.push(await this.#answerKnown(agent, { row: known.get(row.batchId), declaration }));
    }
    return answers;
  }

  async #lookAtAll(agent: AgentIdentity, batches: readonly Given[]): Promise<(Ready | WholeBatchAnswer)[]> {
    const nowMs = this.#options.clock.now();
    const looks: (Ready | WholeBatchAnswer)[] = [];
    let unfoldedBytes = 0;
    for (const batch of batches) {
      looks.push(lookAt(agent, batch, nowMs));
      unfoldedBytes += batch.declaration.bytes;
      if (unfoldedBytes < smallContentBytesMax) continue;
      // Other work gets its turn between large contents.
      unfoldedBytes = 0;
      await new Promise<void>((resolve) => setTimeout(resolve, 0));
    }
    return looks;
  }

  /** From this instant the imports exist. */
  async #admit(agent: AgentIdentity, ready: readonly Ready[]): Promise<Admitted> {
    const { writes, changes, onReceived, onQueued } = this.#options;
    const admitted = await writes.run((transaction) => this.#insert(transaction, { agent, ready }));
    const taken = ready.filter(({ row }) => admitted.inserted.has(row.id));
    if (taken.length > 0) changes.wake(importsTopic(agent.integrationId));
    for (const { row } of taken) onReceived(row.bytes);
    if (taken.some(({ declaration }) => declaration.origin.kind === "query")) onQueued();
    return admitted;
  }

  async #insert(
    transaction: DatabaseTransaction,
    { agent, ready }: { agent: AgentIdentity; ready: readonly Ready[] },
  ): Promise<Admitted> {
    const { integrationId } = agent;
    const rows = await transaction.insertInto("batch").values(ready.map(({ row }) => row))
      .onConflict((conflict) => conflict.columns(["integrationId", "batchId"]).doNothing())
      .returning("id").execute();
    const inserted = new Set(rows.map(({ id }) => id));
    const taken = ready.filter(({ row }) => inserted.has(row.id));
    const [first] = taken;
    if (first !== undefined) {
      const objects = taken.map(({ row, payload: bytes }) => ({ key: partKey(row, singlePart(row)), bytes }));
      await transaction.insertInto("object").values(objects).execute();
      await transaction.updateTable("integration")
        .set((eb) => ({ importCount: eb("importCount", "+", taken.length), lastImportAt: first.row.receivedAt }))
        .where("id", "=", integrationId).execute();
      for (const { row, declaration } of taken) {
        if (declaration.origin.kind === "query") await queueLoad(transaction, row);
      }
    }
    if (taken.length === ready.length) return { inserted, known: new Map() };
    const others = ready.filter(({ row }) => !inserted.has(row.id)).map(({ row }) => row.batchId);
    const known = await transaction.selectFrom("batch").selectAll().where("integrationId", "=", integrationId)
      .where("batchId", "in", others).execute();
    return { inserted, known: new Map(known.map((row) => [row.batchId, row])) };
  }

  async #answerKnown(
    agent: AgentIdentity,
    { row, declaration }: { row: BatchRow | undefined; declaration: BatchDeclaration },
  ): Promise<WholeBatchAnswer> {
    if (row === undefined || row.receivedAt === null) return { state: "wanted" };
    // Declared again, it is found to be gone.
    if (!await this.#options.isStored(row)) return { state: "wanted" };
    await this.#options.renew(agent, { row, declaration });
    return { state: "received", receipt: receipt(row, row.receivedAt) };
  }
}

/** Checks that it is what it claims to be. */
function lookAt(agent: AgentIdentity, { declaration, payload: text }: Given, nowMs: number): Ready | WholeBatchAnswer {
  if (declaration.linkId !== agent.linkId) {
    return refused(new HubProblem("not-found", "This batch belongs to another link: it is not accepted here."));
  }
  const { payloadBytes, bytes, origin } = declaration;
  const refusal = originRefusal(origin);
  if (refusal !== undefined) return refused(refusal);
  if (payloadBytes > smallObjectBytesMax || bytes > wholeContentBytesMax) return { state: "wanted" };
  const payload = Buffer.from(text, "base64");
  const result = checkSmallPayload(payload, declaration);
  if (!result.ok) {
    log.warn("Refused batch {batch} of integration {integration}: {reason}. The agent sends it again.", {
      batch: declaration.id,
      integration: agent.integrationId,
      reason: result.reason,
    });
    const why = `Cannot accept this batch: ${result.reason}. Nothing was stored.`;
    return refused(new HubProblem("checksum-mismatch", why));
  }
  const rows = origin.kind === "query" ? origin.rows : result.lines;
  return { row: { ...newBatchRow(agent, { declaration, nowMs }), receivedAt: nowMs, rows }, declaration, payload };
}

function refused(problem: HubProblem): WholeBatchAnswer {
  return { state: "refused", problem: problemBody(problem) };
}
