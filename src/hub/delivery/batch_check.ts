/**
 * Checks that a payload is what its declaration says. Decompresses on the fly in constant memory, and stops at the
 * first byte beyond the declared length: a decompression bomb never unfolds.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { constants, createZstdDecompress, zstdDecompressSync } from "node:zlib";
import { smallContentBytesMax, smallPayloadBytesMax, zstdWindowLogMax } from "../limits.ts";

/** What was declared. */
export interface Declared {
  readonly sha256: string;
  readonly bytes: number;
  readonly payloadSha256: string;
  readonly payloadBytes: number;
}

/** `lines`: the number of lines, including a last one without a line end. */
export type CheckResult =
  | { readonly ok: true; readonly lines: number }
  | { readonly ok: false; readonly reason: string };

const chunkBytes = 256 * 1024;
const zstdParameters = { [constants.ZSTD_d_windowLogMax]: zstdWindowLogMax };

/** Checks a payload that arrives in chunks. */
export async function checkPayload(payload: AsyncIterable<Uint8Array>, declared: Declared): Promise<CheckResult> {
  if (declared.payloadBytes <= smallPayloadBytesMax && declared.bytes <= smallContentBytesMax) {
    return checkSmallPayload(await gather(payload, declared.payloadBytes), declared);
  }
  return await checkLarge(payload, declared);
}

/**
 * The content of a payload. The reader may stop early.
 *
 * @param onPayload is called with each chunk of the payload
 * @throws {NotZstdError} when the payload cannot be decompressed
 */
export async function* decompress(
  payload: AsyncIterable<Uint8Array>,
  onPayload: (chunk: Uint8Array) => void = () => {},
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const zstd = createZstdDecompress({ chunkSize: chunkBytes, params: zstdParameters });
  const fed = feed(payload, { zstd, onPayload });
  // Awaited below; this only keeps a failure before then from being an unhandled rejection.
  fed.catch(() => {});
  try {
    for await (const chunk of zstd) yield chunk as Uint8Array<ArrayBuffer>;
  } catch (cause) {
    // Either the decompressor failed, or reading the payload did, which `fed` knows.
    if (cause instanceof PayloadReadError) throw cause.cause;
    throw new NotZstdError("Cannot decompress the payload", { cause });
  } finally {
    zstd.destroy();
    await fed.catch(() => {});
  }
}

/** Checks a payload in memory whose content also fits there. */
export function checkSmallPayload(payload: Uint8Array | undefined, declared: Declared): CheckResult {
  if (payload === undefined || payload.length !== declared.payloadBytes) return wrong("the payload's size");
  if (createHash("sha256").update(payload).digest("hex") !== declared.payloadSha256) {
    return wrong("the payload's SHA-256");
  }
  let content: Buffer;
  try {
    // maxOutputLength must not be 0; a single byte more than declared is noticed below.
    content = zstdDecompressSync(payload, { maxOutputLength: declared.bytes + 1, params: zstdParameters });
  } catch {
    return wrong("the payload's zstd data or the content's size");
  }
  const counter = new ContentCounter();
  counter.add(content);
  return counter.result(declared);
}

async function checkLarge(payload: AsyncIterable<Uint8Array>, declared: Declared): Promise<CheckResult> {
  const payloadHash = createHash("sha256");
  let payloadBytes = 0;
  const counter = new ContentCounter();
  try {
    const content = decompress(payload, (chunk) => {
      payloadHash.update(chunk);
      payloadBytes += chunk.length;
    });
    for await (const chunk of content) {
      counter.add(chunk);
      if (counter.bytes > declared.bytes) return wrong("the content's size");
    }
  } catch (error) {
    if (!(error instanceof NotZstdError)) throw error;
    return wrong("the payload's zstd data");
  }
  if (payloadBytes !== declared.payloadBytes) return wrong("the payload's size");
  if (payloadHash.digest("hex") !== declared.payloadSha256) return wrong("the payload's SHA-256");
  return counter.result(declared);
}

/** The payload cannot be decompressed. */
export class NotZstdError extends Error {
  override readonly name = "NotZstdError";
}

/** Carries the cause out of the stream. */
class PayloadReadError extends Error {
  override readonly name = "PayloadReadError";
}

async function feed(
  payload: AsyncIterable<Uint8Array>,
  { zstd, onPayload }: {
    zstd: ReturnType<typeof createZstdDecompress>;
    onPayload: (chunk: Uint8Array) => void;
  },
): Promise<void> {
  const closed = new AbortController();
  zstd.once("close", () => closed.abort());
  try {
    for await (const chunk of payload) {
      if (zstd.destroyed) return;
      onPayload(chunk);
      if (!zstd.write(chunk)) await once(zstd, "drain", { signal: closed.signal }).catch(() => {});
    }
    zstd.end();
  } catch (cause) {
    zstd.destroy(new PayloadReadError("Cannot read the payload", { cause }));
  }
}

class ContentCounter {
  bytes = 0;
  #lines = 0;
  #last = 0x0a;
  readonly #hash = createHash("sha256");

  add(chunk: Uint8Array): void {
    this.bytes += chunk.length;
    this.#hash.update(chunk);
    let lines = 0;
    for (let index = 0; index < chunk.length; index++) {
      if (chunk[index] === 0x0a) lines++;
    }
    this.#lines += lines;
    this.#last = chunk.at(-1) ?? this.#last;
  }

  result(declared: Declared): CheckResult {
    if (this.bytes !== declared.bytes) return wrong("the content's size");
    if (this.#hash.digest("hex") !== declared.sha256) return wrong("the content's SHA-256");
    return { ok: true, lines: this.#last === 0x0a ? this.#lines : this.#lines + 1 };
  }
}

async function gather(payload: AsyncIterable<Uint8Array>, bytesMax: number): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of payload) {
    bytes += chunk.length;
    if (bytes > bytesMax) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function wrong(what: string): CheckResult {
  return { ok: false, reason: `${what} is not what was declared` };
}
