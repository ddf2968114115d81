/**
 * The operating system's events about the import folder. They are only hints: an event makes the agent look sooner, and
 * a folder without events (a network share) is polled anyway.
 *
 * On Linux, `access` arrives when a writer closes the file (reading causes none) and `rename` has the new path. Windows
 * does not signal closing, so files have to settle there.
 *
 * Deno (2.8) opens what it has an event about, and opening a pipe waits for its writer. After that no event comes, and
 * whoever starts or ends a watch hangs for good. So a folder with a pipe is not watched, and if one comes, the watch is
 * left as it is.
 */
import { basename, dirname } from "node:path";
import { getLogger } from "@logtape/logtape";
import { fileReason, isImportName, isPipe, type Sign } from "./csv_file.ts";

const log = getLogger(["cloud-link", "csv"]);

/** What has happened since the last {@linkcode CsvEvents.take}. */
export interface Happened {
  /** The last sign of each file: one that is opened again after it was closed is not finished. */
  readonly signs: ReadonlyMap<string, Sign>;
  /** Events were lost, or the folder itself changed: read the folder. */
  readonly rescan: boolean;
}

/** Whether the system tells that a writer closes its file. */
export const reportsClosing = Deno.build.os === "linux";

/** The events of one folder, collected until taken. */
export class CsvEvents {
  readonly #onEvent: () => void;
  #watcher: Deno.FsWatcher | undefined;
  #watched: { path: string; inode: number | null; reading: Promise<void> } | undefined;
  #signs = new Map<string, Sign>();
  #rescan = false;
  #complained = false;
  #hasPipe = false;
  #isProven = false;

  /** `onEvent` is called for each relevant event. */
  constructor(options: { onEvent: () => void }) {
    this.#onEvent = options.onEvent;
  }

  /** Whether the watch works: an event has come. */
  get isProven(): boolean {
    return this.#isProven;
  }

  /**
   * Watches this folder from now on; a new path, or a new folder in the same place, starts a new watch. Whether this
   * folder was watched before.
   */
  async watch(path: string): Promise<boolean> {
    if (this.#hasPipe) return false;
    const inode = (await Deno.stat(path)).ino;
    if (this.#watched?.path === path && this.#watched.inode === inode) return true;
    await this.close();
    const pipe = await pipeIn(path);
    if (pipe !== undefined) this.pipeFound(pipe, path);
    else this.#start(path, inode);
    return false;
  }

  /** There is a pipe of this name in the folder: from now on it does without events. */
  pipeFound(name: string, folder: string): void {
    if (this.#hasPipe) return;
    this.#hasPipe = true;
    this.#complained = false;
    this.#complain(folder, `it contains the pipe ${JSON.stringify(name)}; move it elsewhere and restart the agent`);
  }

  /** What has happened since the last call. */
  take(): Happened {
    const happened = { signs: this.#signs, rescan: this.#rescan };
    this.#signs = new Map();
    this.#rescan = false;
    return happened;
  }

  /** Stops watching. */
  async close(): Promise<void> {
    if (this.#hasPipe) return;
    this.#watcher?.close();
    this.#watcher = undefined;
    await this.#watched?.reading;
    this.#watched = undefined;
  }

  #start(path: string, inode: number | null): void {
    try {
      this.#watcher = Deno.watchFs(path, { recursive: false });
    } catch (error) {
      return this.#complain(path, fileReason(error));
    }
    this.#complained = this.#isProven = false;
    this.#watched = { path, inode, reading: this.#read(this.#watcher, path) };
  }

  #complain(folder: string, reason: string): void {
    if (this.#complained) return;
    this.#complained = true;
    log.warn(
      "Cannot watch {folder} for changes: {reason}. New files are found a little later, when the folder is read.",
      { folder, reason },
    );
  }

  async #read(watcher: Deno.FsWatcher, folder: string): Promise<void> {
    try {
      for await (const event of watcher) this.#note(event, folder);
    } catch (error) {
      log.debug("Watching {folder} has ended: {reason}.", { folder, reason: fileReason(error) });
      this.#rescan = true;
      this.#watched = undefined;
      this.#onEvent();
    }
  }

  #note(event: Deno.FsEvent, folder: string): void {
    let worthALook = false;
    if (event.flag === "rescan" || event.paths.some((path) => path === folder)) {
      this.#rescan = worthALook = true;
    }
    for (const path of event.paths) {
      const name = basename(path);
      if (dirname(path) !== folder || !isImportName(name)) continue;
      worthALook = this.#isProven = true;
      const sign = signOf(event.kind);
      if (sign === undefined || (sign === "renamed" && this.#signs.get(name) === "closed")) continue;
      this.#signs.set(name, sign);
    }
    if (worthALook) this.#onEvent();
  }
}

async function pipeIn(folder: string): Promise<string | undefined> {
  for await (const entry of Deno.readDir(folder)) {
    if (await isPipe(entry, folder)) return entry.name;
  }
  return undefined;
}

function signOf(kind: Deno.FsEvent["kind"]): Sign | undefined {
  switch (kind) {
    case "access":
      return "closed";
    case "rename":
      return "renamed";
    case "create":
      return "created";
    case "remove":
      return undefined;
    default:
      return "written";
  }
}
