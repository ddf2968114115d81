/**
 * The format of a batch file, `spool/<lane>-<sequence>-<id>.batch`. All integers are little-endian.
 *
 * ```
 * payload     the content compressed by zstd: an offset in the payload is an offset in the file
 * checks      one CRC-32 (4 bytes) for each 256 KiB of the payload, the last block may be shorter
 * footer      JSON: BatchFooter
 * trailer     length of the footer (4 bytes), SHA-256 of the footer (32 bytes), "injixoB1"
 * ```
 *
 * The file is self-describing, so that it survives the loss of the database; whoever writes the payload need not know
 * the footer, which is appended at admission.
 */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import * as z from "zod";
import type { Lane } from "../agent/ports.ts";
import type { Files } from "../durable/file_system.ts";
import { BatchDeclaration } from "../protocol/delivery.ts";
import { parseJson } from "../runtime/parse_json.ts";

/** How much of the payload one checksum covers, in bytes. */
const checkedBlockBytes = 256 * 1024;
/** Largest footer accepted, in bytes. */
const footerBytesMax = 4 * 1024 * 1024;
const magic = new TextEncoder().encode("injixoB1");
const trailerBytes = 4 + 32 + magic.length;
/** How much is read at once while verifying a whole file, in bytes: a multiple of the block size. */
const verifyBytes = 4 * checkedBlockBytes;

/** What the spool knows of a batch: the declaration without the link, which may have changed by the time it is sent. */
export const BatchDescription = BatchDeclaration.omit({ linkId: true });
export type BatchDescription = z.infer<typeof BatchDescription>;

/** The file's description of itself. */
const BatchFooter = z.object({
  accountId: z.string().max(64),
  integrationId: z.string().max(64),
  batch: BatchDescription,
});
export type BatchFooter = z.infer<typeof BatchFooter>;

/** File name of a batch: sorting by name sorts by lane, then age. */
export function batchFileName(batch: { lane: Lane; sequence: number; id: string }): string {
  return `${batch.lane}-${String(batch.sequence).padStart(16, "0")}-${batch.id}.batch`;
}

/** Footer and trailer, to be appended to payload and checks. */
export function encodeFooter(footer: BatchFooter): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(JSON.stringify(footer));
  const bytes = new Uint8Array(json.length + trailerBytes);
  bytes.set(json);
  new DataView(bytes.buffer).setUint32(json.length, json.length, true);
  bytes.set(createHash("sha256").update(json).digest(), json.length + 4);
  bytes.set(magic, json.length + 4 + 32);
  return bytes;
}

/** Length of the checksums of a payload, in bytes. */
export function checksBytes(payloadBytes: number): number {
  return Math.ceil(payloadBytes / checkedBlockBytes) * 4;
}

/** Computes the checksums of a payload that arrives in pieces of any length. */
export class Checks {
  readonly #done: number[] = [];
  #crc = 0;
  #filled = 0;

  update(piece: Uint8Array): void {
    for (let at = 0; at < piece.length;) {
      const take = Math.min(checkedBlockBytes - this.#filled, piece.length - at);
      this.#crc = crc32(piece.subarray(at, at + take), this.#crc);
      this.#filled += take;
      at += take;
      if (this.#filled === checkedBlockBytes) this.#close();
    }
  }

  /** The checksums of everything so far. */
  encode(): Uint8Array<ArrayBuffer> {
    if (this.#filled > 0) this.#close();
    const bytes = new Uint8Array(this.#done.length * 4);
    const view = new DataView(bytes.buffer);
    this.#done.forEach((crc, index) => view.setUint32(index * 4, crc, true));
    return bytes;
  }

  #close(): void {
    this.#done.push(this.#crc);
    this.#crc = 0;
    this.#filled = 0;
  }
}

/**
 * Reads the footer of a file of `bytes` bytes; `undefined` if it is not a complete batch file. Does not look at the
 * payload.
 */
export async function readFooter(
  path: string,
  options: { fs: Files; bytes: number },
): Promise<BatchFooter | undefined> {
  const { fs, bytes } = options;
  if (bytes < trailerBytes) return undefined;
  const trailer = await fs.read(path, { offset: bytes - trailerBytes, bytes: trailerBytes });
  if (trailer.length < trailerBytes || !sameBytes(trailer.subarray(36), magic)) return undefined;
  const footerBytes = new DataView(trailer.buffer).getUint32(0, true);
  const footerAt = bytes - trailerBytes - footerBytes;
  if (footerBytes > footerBytesMax || footerAt < 0) return undefined;
  const json = await fs.read(path, { offset: footerAt, bytes: footerBytes });
  if (!sameBytes(trailer.subarray(4, 36), createHash("sha256").update(json).digest())) return undefined;
  const footer = BatchFooter.safeParse(parseJson(new TextDecoder().decode(json)));
  if (!footer.success) return undefined; // made by somebody else who knew the format
  const { payloadBytes } = footer.data.batch;
  return payloadBytes + checksBytes(payloadBytes) === footerAt ? footer.data : undefined;
}

/** Whether the payload and its checksums are what was written. Reads all of it. */
export async function payloadIsWhole(
  path: string,
  options: { fs: Files; batch: Pick<BatchDescription, "payloadBytes" | "payloadSha256"> },
): Promise<boolean> {
  const { fs, batch } = options;
  const { payloadBytes } = batch;
  const hash = createHash("sha256");
  const checks = new Checks();
  for (let offset = 0; offset < payloadBytes;) {
    const piece = await fs.read(path, { offset, bytes: Math.min(verifyBytes, payloadBytes - offset) });
    if (piece.length === 0) return false;
    hash.update(piece);
    checks.update(piece);
    offset += piece.length;
  }
  if (hash.digest("hex") !== batch.payloadSha256) return false;
  const written = await fs.read(path, { offset: payloadBytes, bytes: checksBytes(payloadBytes) });
  return sameBytes(written, checks.encode());
}

/**
 * Reads a range of the payload, with the blocks around it, and verifies them; `undefined` if they are not what was
 * written.
 */
export async function readChecked(
  path: string,
  options: { fs: Files; payloadBytes: number; offset: number; bytes: number },
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const { fs, payloadBytes, offset, bytes } = options;
  const firstBlock = Math.floor(offset / checkedBlockBytes);
  const start = firstBlock * checkedBlockBytes;
  const end = Math.min(Math.ceil((offset + bytes) / checkedBlockBytes) * checkedBlockBytes, payloadBytes);
  const blocks = Math.ceil((end - start) / checkedBlockBytes);
  const checksAt = payloadBytes + firstBlock * 4;
  // A small payload and its checksums come in one piece.
  const together = end === payloadBytes && start === 0;
  const piece = await fs.read(path, { offset: start, bytes: together ? end + blocks * 4 : end - start });
  const checks = together ? piece.subarray(end) : await fs.read(path, { offset: checksAt, bytes: blocks * 4 });
  if (checks.length !== blocks * 4 || piece.length < end - start) return undefined;
  const view = new DataView(checks.buffer, checks.byteOffset, checks.length);
  for (let block = 0; block < blocks; block++) {
    const from = block * checkedBlockBytes;
    const to = Math.min(from + checkedBlockBytes, end - start);
    if (crc32(piece.subarray(from, to)) !== view.getUint32(block * 4, true)) return undefined;
  }
  return piece.subarray(offset - start, offset - start + bytes);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
