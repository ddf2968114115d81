/** Reads a batch's whole payload and checks that it is what was declared. */
import { createHash } from "node:crypto";
import { BatchDamagedError, type StoredBatch } from "./ports.ts";

/** Read at once, in bytes. */
const chunkBytes = 1024 * 1024;

/**
 * Resolves when the payload is what was declared.
 *
 * @throws {BatchDamagedError} when it is not.
 */
export async function verifyPayload(batch: StoredBatch, signal: AbortSignal): Promise<void> {
  const { id, payloadBytes, payloadSha256 } = batch.declaration;
  const hash = createHash("sha256");
  for (let offset = 0; offset < payloadBytes; offset += chunkBytes) {
    signal.throwIfAborted();
    hash.update(await batch.read(offset, Math.min(chunkBytes, payloadBytes - offset)));
  }
  if (hash.digest("hex") !== payloadSha256) {
    throw new BatchDamagedError(`Cannot send batch "${id}": its payload is not what was written`);
  }
}
