/** Archives in the format of POSIX.1-1988 (ustar): regular files only. The same entries always give the same bytes. */

const blockBytes = 512;
/** An archive is padded to a multiple of this, as tar does. */
const recordBytes = 20 * blockBytes;
const encoder = new TextEncoder();

/** A file in an archive. */
export interface TarEntry {
  /** Relative path with `/`; 100 bytes at most. */
  readonly name: string;
  /** The whole content. */
  readonly content: Uint8Array;
  /** Permission bits. @default 0o644 */
  readonly mode?: number;
}

/** The archive; all files belong to root and have the same timestamp. */
export function tarOf(
  entries: readonly TarEntry[],
  { modifiedAtMs }: { modifiedAtMs: number },
): Uint8Array<ArrayBuffer> {
  const sizes = entries.map(({ content }) => blockBytes + padded(content.length, blockBytes));
  const total = sizes.reduce((sum, size) => sum + size, 2 * blockBytes);
  const archive = new Uint8Array(padded(total, recordBytes));
  let at = 0;
  entries.forEach((entry, index) => {
    archive.set(header(entry, Math.trunc(modifiedAtMs / 1000)), at);
    archive.set(entry.content, at + blockBytes);
    at += sizes[index] ?? 0;
  });
  return archive;
}

/** The fields of a header: offset and length in bytes. */
const field = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  magic: [257, 8],
  owner: [265, 32],
  group: [297, 32],
} as const;

function header({ name, content, mode = 0o644 }: TarEntry, modifiedAtSeconds: number): Uint8Array {
  const block = new Uint8Array(blockBytes);
  const put = ([offset, length]: readonly [number, number], text: string) => {
    const bytes = encoder.encode(text);
    if (bytes.length > length) throw new Error(`Cannot archive "${name}": "${text}" has more than ${length} bytes`);
    block.set(bytes, offset);
  };
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, "0")}\0`;
  put(field.name, name);
  put(field.mode, octal(mode, 7));
  put(field.uid, octal(0, 7));
  put(field.gid, octal(0, 7));
  put(field.size, octal(content.length, 11));
  put(field.mtime, octal(modifiedAtSeconds, 11));
  put(field.checksum, " ".repeat(8));
  put(field.type, "0");
  put(field.magic, "ustar\x0000");
  put(field.owner, "root");
  put(field.group, "root");
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(field.checksum, `${sum.toString(8).padStart(6, "0")}\0 `);
  return block;
}

function padded(bytes: number, to: number): number {
  return Math.ceil(bytes / to) * to;
}
