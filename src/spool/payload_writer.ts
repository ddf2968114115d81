/**
 * Turns content into payload and checksums: in memory while it is small, otherwise streamed into a file, with never
 * more than a few hundred kB in flight.
 */
import { createHash, type Hash } from "node:crypto";
import { constants, createZstdCompress, type ZstdCompress, zstdCompressSync } from "node:zlib";
import type { BatchFile } from "../agent/ports.ts";
import type { Files, WritableFile } from "../durable/file_system.ts";
import { Checks } from "./batch_file.ts";

/** Level 1: 270 MB/s and 17 % of a CSV file's size, where level 3 has 180 MB/s and 18 %. */
const zstdOptions = { params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 0 } };
/** Content is compressed in slices of this size, in bytes: larger ones take tens of MB more memory and are no faster. */
const sliceBytes = 64 * 1024;
/** Payload is written to disk in pieces of this size, in bytes. */
const pieceBytes = 256 * 1024;

/** The resulting payload: all in memory, or synced in the file `path`. */
export interface WrittenPayload {
  readonly file: BatchFile;
  /** Payload and checksums, if no file was written. */
  readonly memory: readonly Uint8Array[] | undefined;
}

/** Where content goes and when it leaves memory; small content creates nothing on disk. */
export interface PayloadWriterOptions {
  readonly fs: Files;
  /** The file to create if the content is not small. */
  readonly path: string;
  /** Content up to this length is kept in memory, in bytes. */
  readonly memoryBytesMax: number;
  /** Called before the file grows to `bytes`; an error it throws ends the writing. */
  readonly reserve: (bytes: number) => Promise<void>;
}

/** Takes content and produces the payload. After an error only {@linkcode PayloadWriter.discard} may be called. */
export class PayloadWriter {
  readonly #options: PayloadWriterOptions;
  readonly #contentHash: Hash = createHash("sha256");
  #contentBytes = 0;
  #memory: Uint8Array[] = [];
  #stream: FilePayload | undefined;

  constructor(options: PayloadWriterOptions) {
    this.#options = options;
  }

  /** Resolves when it can take another chunk; the caller may then reuse this one. */
  async write(chunk: Uint8Array): Promise<void> {
    if (chunk.length === 0) return;
    this.#contentHash.update(chunk);
    this.#contentBytes += chunk.length;
    if (this.#stream === undefined && this.#contentBytes <= this.#options.memoryBytesMax) {
      this.#memory.push(chunk.slice());
      return;
    }
    const stream = await this.#openStream();
    await stream.write(chunk);
  }

  /** When it resolves, the file's content is durable; its name is not. */
  async finish(): Promise<WrittenPayload> {
    const keepInMemory = this.#stream === undefined && this.#options.memoryBytesMax > 0;
    const { payloadSha256, payloadBytes, memory } = keepInMemory
      ? compressWhole(this.#memory)
      : await (await this.#openStream()).finish();
    const file = {
      path: this.#options.path,
      sha256: this.#contentHash.digest("hex"),
      bytes: this.#contentBytes,
      payloadSha256,
      payloadBytes,
    };
    return { file, memory };
  }

  /** Closes and removes what was written. */
  async discard(): Promise<void> {
    const stream = this.#stream;
    this.#memory = [];
    if (stream === undefined) return;
    stream.close();
    await this.#options.fs.remove(this.#options.path);
  }

  async #openStream(): Promise<FilePayload> {
    if (this.#stream !== undefined) return this.#stream;
    const { fs, path, reserve } = this.#options;
    const stream = this.#stream = new FilePayload(await fs.create(path), reserve);
    const kept = this.#memory;
    this.#memory = [];
    for (const chunk of kept) await stream.write(chunk);
    return stream;
  }
}

interface Payload {
  readonly payloadSha256: string;
  readonly payloadBytes: number;
  readonly memory: readonly Uint8Array[] | undefined;
}

function compressWhole(chunks: readonly Uint8Array[]): Payload {
  const content = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
  const payload = zstdCompressSync(content, zstdOptions);
  const checks = new Checks();
  checks.update(payload);
  return {
    payloadSha256: createHash("sha256").update(payload).digest("hex"),
    payloadBytes: payload.length,
    memory: [payload, checks.encode()],
  };
}

/** A payload being written to a file. */
class FilePayload {
  readonly #file: WritableFile;
  readonly #reserve: (bytes: number) => Promise<void>;
  readonly #zstd: ZstdCompress = createZstdCompress({ ...zstdOptions, chunkSize: sliceBytes });
  readonly #hash: Hash = createHash("sha256");
  readonly #checks = new Checks();
  #bytes = 0;
  #piece = new Uint8Array(pieceBytes + sliceBytes);
  #pieceBytes = 0;
  /** Takes new content while the other buffer is being written. */
  #spare = new Uint8Array(pieceBytes + sliceBytes);
  #failure: unknown;
  #open = true;

  constructor(file: WritableFile, reserve: (bytes: number) => Promise<void>) {
    this.#file = file;
    this.#reserve = reserve;
    this.#zstd.on("data", (compressed: Uint8Array) => this.#append(compressed));
    // Without a listener an error would end the process; the next write throws it.
    this.#zstd.on("error", (error: unknown) => this.#failure ??= error);
  }

  async write(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length; at += sliceBytes) {
      if (this.#failure !== undefined) throw this.#failure;
      const slice = chunk.subarray(at, at + sliceBytes);
      await new Promise<void>((resolve, reject) => {
        this.#zstd.write(slice, (error) => error ? reject(error) : resolve());
      });
      if (this.#pieceBytes >= pieceBytes) await this.#flush();
    }
  }

  async finish(): Promise<Payload> {
    await new Promise<void>((resolve, reject) => {
      this.#zstd.once("error", reject);
      this.#zstd.once("end", resolve);
      this.#zstd.end();
    });
    await this.#flush();
    const payloadBytes = this.#bytes;
    const checks = this.#checks.encode();
    await this.#reserve(payloadBytes + checks.length);
    await this.#file.write(checks);
    await this.#file.sync();
    this.close();
    return { payloadSha256: this.#hash.digest("hex"), payloadBytes, memory: undefined };
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#zstd.destroy();
    this.#file[Symbol.dispose]();
  }

  /** Copies, so that a long payload takes no more memory than a short one. */
  #append(compressed: Uint8Array): void {
    const bytes = this.#pieceBytes + compressed.length;
    if (bytes > this.#piece.length) {
      const larger = new Uint8Array(2 * bytes);
      larger.set(this.#piece.subarray(0, this.#pieceBytes));
      this.#piece = larger;
    }
    this.#piece.set(compressed, this.#pieceBytes);
    this.#pieceBytes = bytes;
  }

  async #flush(): Promise<void> {
    if (this.#pieceBytes === 0) return;
    const piece = this.#piece.subarray(0, this.#pieceBytes);
    [this.#piece, this.#spare] = [this.#spare, this.#piece];
    this.#pieceBytes = 0;
    await this.#reserve(this.#bytes + piece.length);
    await this.#file.write(piece);
    this.#hash.update(piece);
    this.#checks.update(piece);
    this.#bytes += piece.length;
  }
}
