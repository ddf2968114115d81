/**
 * The machine's own disk, through Deno. Operations that only reach the system's cache run synchronously, because
 * handing them to another thread costs several times as much; those that may wait for the disk do not.
 */
import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { ignoreMissing } from "../runtime/ignore_missing.ts";
import type { FileSystem, FolderEntry, WritableFile } from "./file_system.ts";

/** Mode of files with data or secrets. */
export const privateFileMode = 0o600;
/** Mode of folders with data or secrets. */
export const privateFolderMode = 0o700;

/** How many files of a folder are queried for their length at once. */
const statsAtOnce = 64;

/** Reads and writes up to this length are synchronous, in bytes. */
const atOnceBytesMax = 64 * 1024;

class RealFile implements WritableFile {
  readonly #file: Deno.FsFile;

  constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  write(chunk: Uint8Array): Promise<void> {
    return chunk.length <= atOnceBytesMax ? Promise.try(() => this.#writeAtOnce(chunk)) : this.#writeLong(chunk);
  }

  #writeAtOnce(chunk: Uint8Array): void {
    for (let written = 0; written < chunk.length;) written += this.#file.writeSync(chunk.subarray(written));
  }

  async #writeLong(chunk: Uint8Array): Promise<void> {
    for (let written = 0; written < chunk.length;) written += await this.#file.write(chunk.subarray(written));
  }

  sync(): Promise<void> {
    return this.#file.sync();
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

interface FileRange {
  readonly offset: number;
  readonly bytes: number;
}

function readAtOnce(path: string, { offset, bytes }: FileRange): Uint8Array<ArrayBuffer> {
  using file = Deno.openSync(path, { read: true });
  if (offset > 0) file.seekSync(offset, Deno.SeekMode.Start);
  const buffer = new Uint8Array(bytes);
  let filled = 0;
  while (filled < bytes) {
    const got = file.readSync(buffer.subarray(filled));
    if (got === null) break;
    filled += got;
  }
  return filled === bytes ? buffer : buffer.slice(0, filled);
}

async function readLong(path: string, { offset, bytes }: FileRange): Promise<Uint8Array<ArrayBuffer>> {
  using file = await Deno.open(path, { read: true });
  if (offset > 0) await file.seek(offset, Deno.SeekMode.Start);
  const buffer = new Uint8Array(bytes);
  let filled = 0;
  while (filled < bytes) {
    const got = await file.read(buffer.subarray(filled));
    if (got === null) break;
    filled += got;
  }
  return filled === bytes ? buffer : buffer.slice(0, filled);
}

async function listFolder(path: string): Promise<FolderEntry[]> {
  const found = await Array.fromAsync(Deno.readDir(path));
  const entries: FolderEntry[] = [];
  for (let at = 0; at < found.length; at += statsAtOnce) {
    const some = await Promise.all(found.slice(at, at + statsAtOnce).map((entry) => withLength(path, entry)));
    for (const entry of some) if (entry !== undefined) entries.push(entry);
  }
  return entries;
}

async function withLength(path: string, { name, isFile }: Deno.DirEntry): Promise<FolderEntry | undefined> {
  try {
    return { name, isFile, bytes: isFile ? (await Deno.lstat(join(path, name))).size : 0 };
  } catch (error) {
    // Gone since the folder was read.
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function remove(path: string, options: { recursive: boolean }): Promise<void> {
  await Deno.remove(path, options).catch(ignoreMissing);
}

async function makeFolder(path: string): Promise<boolean> {
  try {
    await Deno.mkdir(path, { mode: privateFolderMode });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) await Deno.mkdir(path, { recursive: true, mode: privateFolderMode });
    else if (error instanceof Deno.errors.AlreadyExists && (await Deno.stat(path)).isDirectory) return false;
    else throw error;
  }
  return true;
}

async function syncFolder(path: string): Promise<void> {
  // Windows cannot flush a folder; NTFS itself journals names.
  if (Deno.build.os === "windows") return;
  using folder = await Deno.open(path, { read: true });
  await folder.sync();
}

/** The disk itself. */
export const realFileSystem: FileSystem = {
  create: (path) =>
    Promise.try(() => new RealFile(Deno.openSync(path, { write: true, createNew: true, mode: privateFileMode }))),
  append: (path) => Promise.try(() => new RealFile(Deno.openSync(path, { append: true }))),
  read: (path, range) =>
    range.bytes <= atOnceBytesMax ? Promise.try(() => readAtOnce(path, range)) : readLong(path, range),
  rename: (from, to) => Promise.try(() => Deno.renameSync(from, to)),
  remove: (path) => remove(path, { recursive: false }),
  makeFolder,
  removeFolder: (path) => remove(path, { recursive: true }),
  list: listFolder,
  syncFolder,
  async freeBytes(path) {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  },
};
