/**
 * A disk that loses at a crash what a real one may lose: any subset of the writes that were not synced (torn ones among
 * them), and any subset of the names that were created, renamed or removed since their folder was synced. A folder that is
 * lost takes all with it that lies in it; those at the top are there from the beginning.
 *
 * Every operation that changes something is a point where it can crash, before the operation takes effect.
 */
import type { FileSystem, FolderEntry, WritableFile } from "../../src/durable/file_system.ts";

/** The power went. Everything fails from here on. */
export class CrashError extends Error {
  override readonly name = "CrashError";
}

interface Content {
  /** What everybody sees. */
  bytes: Uint8Array;
  /** What survives a crash for sure. */
  durable: Uint8Array;
  /** Writes since the last sync: each may survive or not. */
  unsynced: { at: number; bytes: Uint8Array }[];
}

/** A change of names that may be lost until the folder it happened in is synced. */
interface NameChange {
  /** Changes happened in ascending order. */
  readonly order: number;
  readonly apply: (names: Map<string, Content>) => void;
  /** A folder that it made. */
  readonly made?: string;
}

export interface SimulatedDiskOptions {
  /** 0 to below 1, repeatable. */
  readonly random: () => number;
  /** What `sync` of a file is worth. */
  readonly fileSync?: boolean;
  /** What `syncFolder` is worth; or the path of the only folder for which it does nothing. */
  readonly folderSync?: boolean | string;
  readonly freeBytes?: number;
}

export class SimulatedDisk implements FileSystem {
  /** How many points there were where it could have crashed. */
  points = 0;
  /** The point at which it crashes. */
  crashAt = Infinity;
  /** How much may still be written before the disk is full, in bytes. */
  spaceLeft: number;
  #crashed = false;
  readonly #options: SimulatedDiskOptions;
  #folders = new Set<string>();
  #durableFolders = new Set<string>();
  #names = new Map<string, Content>();
  #durableNames = new Map<string, Content>();
  /** By folder. */
  readonly #pending = new Map<string, NameChange[]>();
  #changes = 0;

  constructor(options: SimulatedDiskOptions) {
    this.#options = options;
    this.spaceLeft = options.freeBytes ?? Infinity;
  }

  /** Counts a point, and crashes when its turn has come. Also for what is durable elsewhere (the database). */
  point(): void {
    if (this.#crashed || ++this.points === this.crashAt) {
      this.#crashed = true;
      throw new CrashError("crash");
    }
  }

  get hasCrashed(): boolean {
    return this.#crashed;
  }

  /** Switches the power on again: what was not durable is there, or not, as chance will have it. */
  restart(): void {
    const { random } = this.#options;
    const names = new Map(this.#durableNames);
    const folders = new Set(this.#durableFolders);
    for (const change of [...this.#pending.values()].flat().toSorted((a, b) => a.order - b.order)) {
      if (random() >= 0.5) continue;
      change.apply(names);
      if (change.made !== undefined) folders.add(change.made);
    }
    const isThere = (folder: string): boolean =>
      folder.length <= 1 || (folders.has(folder) && isThere(folderOf(folder)));
    this.#folders = new Set([...folders].filter(isThere));
    this.#durableFolders = new Set(this.#folders);
    for (const path of [...names.keys()]) if (!isThere(folderOf(path))) names.delete(path);
    for (const [path, content] of names) {
      const bytes = afterCrash(content, random);
      names.set(path, { bytes, durable: bytes, unsynced: [] });
    }
    this.#names = names;
    this.#durableNames = new Map(names);
    this.#pending.clear();
    this.#crashed = false;
    this.crashAt = Infinity;
  }

  async create(path: string): Promise<WritableFile> {
    await tick();
    this.point();
    if (this.#names.has(path)) throw new Deno.errors.AlreadyExists(path);
    const content: Content = { bytes: new Uint8Array(), durable: new Uint8Array(), unsynced: [] };
    this.#change(folderOf(path), (names) => names.set(path, content));
    return this.#file(content);
  }

  async append(path: string): Promise<WritableFile> {
    await tick();
    return this.#file(this.#found(path));
  }

  async read(path: string, range: { offset: number; bytes: number }): Promise<Uint8Array<ArrayBuffer>> {
    await tick();
    if (this.#crashed) throw new CrashError("crash");
    return this.#found(path).bytes.slice(range.offset, range.offset + range.bytes);
  }

  async rename(from: string, to: string): Promise<void> {
    await tick();
    this.point();
    const content = this.#found(from);
    // Atomic: the old name goes only together with the new one coming.
    this.#change(folderOf(to), (names) => {
      names.delete(from);
      names.set(to, content);
    });
  }

  async remove(path: string): Promise<void> {
    await tick();
    this.point();
    if (this.#names.has(path)) this.#change(folderOf(path), (names) => names.delete(path));
  }

  async makeFolder(path: string): Promise<boolean> {
    await tick();
    if (path.length <= 1 || this.#folders.has(path)) return false;
    const above = folderOf(path);
    await this.makeFolder(above);
    this.point();
    this.#folders.add(path);
    if (above === "/") this.#durableFolders.add(path);
    else this.#delay(above, { apply: () => {}, made: path });
    return true;
  }

  /** The folder itself goes at once: nothing asks whether it was there. */
  async removeFolder(path: string): Promise<void> {
    for (const name of [...this.#names.keys()]) if (folderOf(name) === path) await this.remove(name);
    this.#folders.delete(path);
    this.#durableFolders.delete(path);
  }

  async list(path: string): Promise<FolderEntry[]> {
    await tick();
    if (this.#crashed) throw new CrashError("crash");
    const entries: FolderEntry[] = [];
    for (const [name, { bytes }] of this.#names) {
      if (folderOf(name) === path) entries.push({ name: baseOf(name), isFile: true, bytes: bytes.length });
    }
    for (const folder of this.#folders) {
      if (folderOf(folder) === path) entries.push({ name: baseOf(folder), isFile: false, bytes: 0 });
    }
    return entries;
  }

  async syncFolder(path: string): Promise<void> {
    await tick();
    this.point();
    const { folderSync = true } = this.#options;
    if (folderSync === false || folderSync === path) return;
    for (const change of this.#pending.get(path) ?? []) {
      if (change.made !== undefined) this.#durableFolders.add(change.made);
      else change.apply(this.#durableNames);
    }
    this.#pending.delete(path);
  }

  freeBytes(): Promise<number> {
    return Promise.resolve(this.spaceLeft);
  }

  /** Changes the content of a file behind everybody's back. */
  damage(path: string, change: (bytes: Uint8Array) => Uint8Array): void {
    const content = this.#found(path);
    content.bytes = content.durable = change(content.bytes.slice());
  }

  #found(path: string): Content {
    const content = this.#names.get(path);
    if (content === undefined) throw new Deno.errors.NotFound(path);
    return content;
  }

  #change(folder: string, apply: NameChange["apply"]): void {
    apply(this.#names);
    this.#delay(folder, { apply });
  }

  #delay(folder: string, change: Omit<NameChange, "order">): void {
    const changes = this.#pending.getOrInsert(folder, []);
    changes.push({ ...change, order: this.#changes++ });
  }

  #file(content: Content): WritableFile {
    return {
      write: async (chunk) => {
        await tick();
        this.point();
        if (chunk.length > this.spaceLeft) {
          throw Object.assign(new Error("No space left on device (os error 28)"), { code: "ENOSPC" });
        }
        this.spaceLeft -= chunk.length;
        const at = content.bytes.length;
        content.unsynced.push({ at, bytes: chunk.slice() });
        content.bytes = joined(content.bytes, chunk);
      },
      sync: async () => {
        await tick();
        this.point();
        if (this.#options.fileSync === false) return;
        content.durable = content.bytes;
        content.unsynced = [];
      },
      [Symbol.dispose]: () => {},
    };
  }
}

/** Each unsynced write survives whole, in part, or not at all; what lies behind a hole is zeros. */
function afterCrash({ durable, unsynced }: Content, random: () => number): Uint8Array {
  let bytes: Uint8Array = durable.slice();
  for (const write of unsynced) {
    const chance = random();
    if (chance < 1 / 3) continue;
    const kept = chance < 2 / 3 ? write.bytes : write.bytes.slice(0, Math.floor(random() * write.bytes.length));
    const longer = new Uint8Array(Math.max(bytes.length, write.at + kept.length));
    longer.set(bytes);
    longer.set(kept, write.at);
    bytes = longer;
  }
  return bytes;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf("/"), 1));
}

function baseOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** What is asynchronous on a real disk is so here. */
function tick(): Promise<void> {
  return Promise.resolve();
}
