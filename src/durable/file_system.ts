/**
 * What durable code needs from a disk, and nothing more, so that a simulated disk can lose whatever a real one may
 * lose.
 *
 * A write is durable after `sync` of its file; a name (created, renamed or removed) after `syncFolder` of its folder. A
 * path that does not exist is `Deno.errors.NotFound`, a name that is taken `Deno.errors.AlreadyExists`.
 */

/** Files of one disk. */
export interface Files {
  /** Creates a file (mode 0600) for writing; fails when the name is taken. */
  create(path: string): Promise<WritableFile>;
  /** Opens a file for writing at its end. */
  append(path: string): Promise<WritableFile>;
  /** Reads `bytes` starting at `offset`, fewer at the end of the file. */
  read(path: string, range: { offset: number; bytes: number }): Promise<Uint8Array<ArrayBuffer>>;
  /** Replaces any existing file named `to`. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file; a missing one is not an error. */
  remove(path: string): Promise<void>;
}

/** Folders of one disk. */
export interface Folders {
  /**
   * Creates a folder (mode 0700) and any missing parents. Resolves with whether it was missing: if so, its name is
   * durable once the parent is synced.
   */
  makeFolder(path: string): Promise<boolean>;
  /** Removes a folder with everything in it; a missing one is not an error. */
  removeFolder(path: string): Promise<void>;
  /** The entries of the folder, in no particular order. */
  list(path: string): Promise<FolderEntry[]>;
  /** Makes created, renamed and removed names of the folder durable. */
  syncFolder(path: string): Promise<void>;
  /** How much an ordinary user may still write to the folder's disk, in bytes. */
  freeBytes(path: string): Promise<number>;
}

/** The whole disk; most code needs only one half of it, and says so in its types. */
export interface FileSystem extends Files, Folders {}

/** An entry of a folder. */
export interface FolderEntry {
  readonly name: string;
  readonly isFile: boolean;
  /** Length of a file, in bytes. */
  readonly bytes: number;
}

/** An open file. Disposing closes it. */
export interface WritableFile extends Disposable {
  /** Writes all of it. */
  write(chunk: Uint8Array): Promise<void>;
  /** When it resolves, what was written survives a power cut. */
  sync(): Promise<void>;
}

/** Whether an error says that the disk (or the user's quota) is full. */
export function isDiskFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = (error as { code?: unknown }).code;
  // Windows: ERROR_HANDLE_DISK_FULL (39) and ERROR_DISK_FULL (112).
  return code === "ENOSPC" || code === "EDQUOT" || code === "StorageFull" ||
    /\(os error (28|122|39|112)\)|database or disk is full/.test(error.message);
}
