/**
 * One entry of the import folder: which names count, and what is there right now. Links are followed only to files in
 * the folder itself, and never to a file of the agent's own; Deno would follow them anywhere within the permissions.
 */
import { basename, dirname, join } from "node:path";
import { errorText, withoutPath } from "../runtime/error_text.ts";
import { isInside } from "../runtime/is_inside.ts";

/** What distinguishes one version of a file from another without opening it. */
export interface FileVersion {
  readonly bytes: number;
  /** Time of the last change, in ms since the epoch; 0 if the file system has none. */
  readonly modifiedMs: number;
  /** Inode number, as text; `""` if there is none. */
  readonly inode: string;
}

/** What an entry of the folder is. */
export type Look =
  /** A file that may be imported; `path` is its real path. */
  | {
    readonly state: "file";
    readonly path: string;
    readonly version: FileVersion;
    /** Whether its last change is known to be one of rights, owner or times; events do not tell that from writing. */
    readonly attributesOnly: boolean;
  }
  | { readonly state: "absent" }
  /** Nothing to import, now or later: a directory, a pipe, a link to a file that counts under its own name. */
  | { readonly state: "ignored" }
  /** Something to import that cannot be read; `reason` is for people. */
  | { readonly state: "unreadable"; readonly reason: string };

/** How the writer was seen to finish: closed the file after writing, or renamed it in. */
export type Finish = "closed" | "renamed";

/** What the last event about a file says of its writer. A `created` file may come complete, as a link does. */
export type Sign = "created" | "written" | Finish;

/** Where files are looked at. */
export interface ImportFolder {
  /** Real path. */
  readonly path: string;
  /** Real paths of the agent's own files and folders, which are never imported. */
  readonly ownPaths: readonly string[];
}

/**
 * Whether a file of this name is to be imported: `*.csv` in any case, not hidden, not an editor's temporary file.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(["Calls.CSV", ".x.csv", "~$x.csv", "x.csv.part"].map(isImportName), [true, false, false, false]);
 * ```
 */
export function isImportName(name: string): boolean {
  return /^[^.~].*\.csv$/is.test(name);
}

/** Whether both are the same version. */
export function sameVersion(a: FileVersion, b: FileVersion): boolean {
  return a.bytes === b.bytes && a.modifiedMs === b.modifiedMs && a.inode === b.inode;
}

/** The version according to a file's attributes. */
export function versionOf(info: Pick<Deno.FileInfo, "size" | "mtime" | "ino">): FileVersion {
  return { bytes: info.size, modifiedMs: info.mtime?.getTime() ?? 0, inode: String(info.ino ?? "") };
}

/** Looks at one entry of the folder. Never throws because of the entry's state. */
export async function lookAt(name: string, folder: ImportFolder): Promise<Look> {
  const path = join(folder.path, name);
  try {
    const info = await Deno.lstat(path);
    if (info.isSymlink) return await lookThrough(path, folder);
    if (!info.isFile || isOwn(path, folder)) return { state: "ignored" };
    return fileAt(path, info);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      return { state: "unreadable", reason: fileTrouble(error, "enter the folder") };
    }
    if (name.includes("\uFFFD")) return { state: "unreadable", reason: "its name is not valid UTF-8; rename it" };
    return { state: "absent" };
  }
}

/** Whether this entry of a folder is a pipe. */
export async function isPipe(entry: Deno.DirEntry, folder: string): Promise<boolean> {
  if (entry.isFile || entry.isDirectory || entry.isSymlink) return false;
  try {
    return (await Deno.lstat(join(folder, entry.name))).isFifo === true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function lookThrough(link: string, folder: ImportFolder): Promise<Look> {
  let path: string;
  try {
    path = await Deno.realPath(link);
  } catch (error) {
    const dangling = error instanceof Deno.errors.NotFound;
    return { state: "unreadable", reason: dangling ? "it is a link to a file that does not exist" : fileReason(error) };
  }
  if (!isInside(path, folder.path)) {
    return {
      state: "unreadable",
      reason: "it is a symbolic link that leaves the import folder; put the file itself there",
    };
  }
  const countsByItself = dirname(path) === folder.path && isImportName(basename(path));
  if (countsByItself || isOwn(path, folder)) return { state: "ignored" };
  const info = await Deno.lstat(path);
  return info.isFile ? fileAt(path, info) : { state: "ignored" };
}

function fileAt(path: string, info: Deno.FileInfo): Look {
  // Writing sets both to the same; Deno (2.8) gives the first in whole seconds.
  const attributesOnly = seconds(info.ctime) !== seconds(info.mtime);
  return { state: "file", path, version: versionOf(info), attributesOnly };
}

function seconds(time: Date | null): number {
  return Math.floor((time?.getTime() ?? 0) / 1000);
}

/** The names of the log file, current and rotated. Importing it would write to it, and so be imported again. */
const ownLogName = /^injixo-cloud-link\.(?:.*\.)?log$/s;

function isOwn(path: string, folder: ImportFolder): boolean {
  return ownLogName.test(basename(path)) || folder.ownPaths.some((own) => path === own || isInside(path, own));
}

/** Error numbers for a file locked by another program: ERROR_SHARING_VIOLATION and ERROR_LOCK_VIOLATION. */
const windowsLockErrors = /\(os error (32|33)\)/;

/** Why a file or folder cannot be used, in words and with the system's error. */
export function fileReason(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "it does not exist";
  if (error instanceof Deno.errors.NotADirectory) return "it is not a folder";
  const message = errorText(error);
  const locked = error instanceof Deno.errors.Busy || (Deno.build.os === "windows" && windowsLockErrors.test(message));
  if (locked) return "another program has locked it";
  // Not refused by the system, but by the permissions this process gave itself at startup.
  if (error instanceof Deno.errors.NotCapable) return "it is not where it was when the agent started";
  if (error instanceof Deno.errors.PermissionDenied) {
    return `the service's account may not read it (${withoutPath(message)})`;
  }
  return withoutPath(message);
}

/** Why a file cannot be imported; where a right is missing, with what to grant. */
export function fileTrouble(error: unknown, missing: "read the file" | "enter the folder"): string {
  const reason = fileReason(error);
  return error instanceof Deno.errors.PermissionDenied ? `${reason}; give the account the right to ${missing}` : reason;
}
