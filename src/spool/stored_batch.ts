/** A batch as the uploader sees it. */
import { BatchDamagedError, type StoredBatch } from "../agent/ports.ts";
import type { Files } from "../durable/file_system.ts";
import { type BatchDescription, readChecked } from "./batch_file.ts";

/**
 * The batch, declared with the given link.
 *
 * @param batch what the index knows
 */
export function storedBatch(
  batch: BatchDescription,
  options: {
    fs: Files;
    linkId: string;
    /** Where the file is now; `undefined` if the batch has left the spool. */
    path: () => string | undefined;
  },
): StoredBatch {
  const { fs, linkId, path } = options;
  return {
    declaration: { ...batch, linkId },
    async read(offset, bytes) {
      const { payloadBytes } = batch;
      if (offset < 0 || bytes < 0 || offset + bytes > payloadBytes) {
        throw new RangeError(`Cannot read bytes ${offset} to ${offset + bytes} of a payload of ${payloadBytes} bytes`);
      }
      const found = path();
      if (found === undefined) throw new Error(`Cannot read batch ${batch.id}: it is no longer in the spool`);
      // A window that is read again with the same rows gets a new file: the old one's absence is no damage.
      const damaged = (what: string, cause?: unknown) =>
        path() === found
          ? new BatchDamagedError(`Cannot read batch "${found}": ${what}`, { cause })
          : new Error(`Cannot read batch ${batch.id}: it has just been replaced`, { cause });
      let piece: Uint8Array<ArrayBuffer> | undefined;
      try {
        piece = await readChecked(found, { fs, payloadBytes, offset, bytes });
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
        throw damaged("the file is gone", error);
      }
      if (piece === undefined) throw damaged("it is not what was written");
      return piece;
    },
  };
}
