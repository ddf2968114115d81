/** How another process (the extractor) writes a batch file into the spool's incoming folder, for the agent to admit. */
import type { BatchFile, BatchWriter } from "../agent/ports.ts";
import type { Files } from "../durable/file_system.ts";
import { PayloadWriter } from "./payload_writer.ts";

/**
 * A writer of the file `path`, which the agent got from `DiskSpool.reserve`. The reserved room was an estimate; the
 * file may grow up to `bytesMax`.
 */
export function createIncomingWriter(path: string, options: { fs: Files; bytesMax: number }): BatchWriter {
  const { fs, bytesMax } = options;
  let finished = false;
  const writer = new PayloadWriter({
    fs,
    path,
    memoryBytesMax: 0,
    reserve: (bytes) =>
      bytes <= bytesMax ? Promise.resolve() : Promise.reject(
        new Error(`Cannot write the batch: it is larger than ${bytesMax} bytes. Raise [spool] maxMegabytes`),
      ),
  });
  return {
    write: (chunk) => writer.write(chunk),
    async finish(): Promise<BatchFile> {
      const { file } = await writer.finish();
      finished = true;
      return file;
    },
    async [Symbol.asyncDispose]() {
      if (!finished) await writer.discard();
    },
  };
}
