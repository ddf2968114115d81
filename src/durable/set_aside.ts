/**
 * Moves away what the program cannot use but may not delete, to `set-aside/<date>-<why>…`. The program never reads any
 * of it again; the administrator inspects and deletes it.
 */
import { dirname, join } from "node:path";
import type { Files, FileSystem } from "./file_system.ts";

/** How much of a file is copied at once, in bytes. */
const copyBytes = 1024 * 1024;
/** How many things may be set aside under one name in the same second. */
const sameNameMax = 10_000;

/**
 * Creates a new folder `<setAside>/<date>-<why>` for something to be moved away and returns its path. Its name is
 * durable.
 *
 * @param why letters, digits and `-`; becomes part of the name
 */
export async function makeSetAsideFolder(
  setAside: string,
  why: string,
  options: { fs: FileSystem; now: number },
): Promise<string> {
  const { fs, now } = options;
  if (await fs.makeFolder(setAside)) await fs.syncFolder(dirname(setAside));
  const date = new Date(now).toISOString().slice(0, 19).replaceAll(":", "");
  for (let n = 1; n <= sameNameMax; n++) {
    const name = n === 1 ? `${date}Z-${why}` : `${date}Z-${why}.${n}`;
    const folder = join(setAside, name);
    if (!await fs.makeFolder(folder)) continue;
    await fs.syncFolder(setAside);
    return folder;
  }
  throw new Error(`Cannot set anything else aside in "${setAside}": it is full. Delete what is no longer needed there`);
}

/**
 * Moves the file `from` to the free name `to`, also to another file system: there the copy is durable before the
 * original is removed, so that a kill in between leaves both. The names are durable once both folders are synced.
 */
export async function moveAside(from: string, to: string, { fs }: { fs: FileSystem }): Promise<void> {
  try {
    await fs.rename(from, to);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EXDEV")) throw error;
    await copy(from, to, { fs });
    await fs.syncFolder(dirname(to));
    await fs.remove(from);
  }
}

async function copy(from: string, to: string, { fs }: { fs: Files }): Promise<void> {
  using file = await fs.create(to);
  for (let offset = 0;; offset += copyBytes) {
    const bytes = await fs.read(from, { offset, bytes: copyBytes });
    await file.write(bytes);
    if (bytes.length < copyBytes) break;
  }
  await file.sync();
}
