/** The row of a batch, and its receipt. */
import type { BatchDeclaration, Receipt } from "../../protocol/delivery.ts";
import type { AgentIdentity } from "../oauth/access_tokens.ts";
import { batchFileName } from "./batch_file_name.ts";
import type { Tables } from "../database/schema.ts";
import { newId } from "../ids.ts";
import { batchFolder } from "../objects/object_keys.ts";
import { instant } from "../views.ts";

/** As in the database. */
export type BatchRow = Tables["batch"];

/** A batch that has just been declared and not yet received. */
export function newBatchRow(
  agent: AgentIdentity,
  { declaration, nowMs }: { declaration: BatchDeclaration; nowMs: number },
): BatchRow {
  return {
    id: newId(),
    integrationId: agent.integrationId,
    linkId: agent.linkId,
    batchId: declaration.id,
    sequence: declaration.sequence,
    lane: declaration.lane,
    origin: JSON.stringify(declaration.origin),
    fileName: batchFileName(declaration.origin),
    sha256: declaration.sha256,
    bytes: declaration.bytes,
    payloadSha256: declaration.payloadSha256,
    payloadBytes: declaration.payloadBytes,
    createdAt: Date.parse(declaration.createdAt),
    declaredAt: nowMs,
    folder: batchFolder(agent.integrationId, { payloadBytes: declaration.payloadBytes, nowMs }),
    receivedAt: null,
    rows: null,
    loadError: null,
    damagedAt: null,
  };
}

/** The hub's acknowledgement that it has had the batch since `receivedAt`. */
export function receipt(row: Pick<BatchRow, "batchId">, receivedAt: number): Receipt {
  return { batch: row.batchId, receivedAt: instant(receivedAt) };
}
