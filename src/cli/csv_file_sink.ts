/** Writes CSV to a file, compressed according to its extension: `.csv`, `.csv.zst` or `.csv.gz`. */
import type { Transform } from "node:stream";
import { constants, createGzip, createZstdCompress } from "node:zlib";
import type { RestartableSink } from "../database/write_csv.ts";
import { openOutput } from "./output_file.ts";

/** As in the spool: nearly as small as level 3, and twice as fast. */
const zstdLevel = 1;
/**
 * How much is compressed at once, in bytes: larger slices take tens of MB more memory, delay fetches and are no faster.
 */
const sliceBytes = 64 * 1024;

/** Takes CSV; the file gets its name only when `finish` resolves. Disposing before that removes what was written. */
export interface CsvFileSink extends RestartableSink, AsyncDisposable {
  finish(): Promise<{ readonly bytes: number }>;
}

/** Opens a temporary file beside the target, which it replaces at the end. */
export async function openCsvFile(path: string): Promise<CsvFileSink> {
  const output = await openOutput(path);
  let bytes = 0;
  const append = async (chunk: Uint8Array) => {
    await output.write(chunk);
    bytes += chunk.length;
  };
  let compressor = compressorFor(path);
  let draining = compressor && drain(compressor, append);
  const abandon = async () => {
    compressor?.destroy();
    await draining?.catch(() => {});
  };
  return {
    write: (chunk) =>
      compressor === undefined ? append(chunk) : Promise.race([compress(compressor, chunk), failed(draining)]),
    async restart() {
      await abandon();
      await output.restart();
      bytes = 0;
      compressor = compressorFor(path);
      draining = compressor && drain(compressor, append);
    },
    async finish() {
      compressor?.end();
      await draining;
      await output.finish();
      return { bytes };
    },
    async [Symbol.asyncDispose]() {
      await abandon();
      await output[Symbol.asyncDispose]();
    },
  };
}

function compressorFor(path: string): Transform | undefined {
  if (path.endsWith(".gz")) return createGzip({ chunkSize: sliceBytes });
  if (!path.endsWith(".zst")) return undefined;
  return createZstdCompress({
    chunkSize: sliceBytes,
    params: { [constants.ZSTD_c_compressionLevel]: zstdLevel, [constants.ZSTD_c_checksumFlag]: 1 },
  });
}

async function drain(compressor: Transform, append: (chunk: Uint8Array) => Promise<void>): Promise<void> {
  for await (const chunk of compressor) await append(chunk);
}

/** Resolves when the compressor has consumed the chunk, so that it may be reused. */
async function compress(compressor: Transform, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length; at += sliceBytes) {
    const slice = chunk.subarray(at, at + sliceBytes);
    await new Promise<void>((resolve, reject) => {
      compressor.write(slice, (error) => error ? reject(error) : resolve());
    });
  }
}

/** Never resolves: rejects if the file cannot be written, for which the compressor would wait for ever. */
function failed(draining: Promise<void> | undefined): Promise<never> {
  return (draining ?? Promise.resolve()).then(() => new Promise<never>(() => {}));
}
