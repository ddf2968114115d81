/**
 * Objects as files: `objects/<key>`, written as `temporary/<random>` first. An object appears under its name by a
 * rename, complete, hashed and synced; the name itself is durable after `settle`, which syncs the folder.
 */
import { dirname, join } from "node:path";
import type { Part } from "../../protocol/delivery.ts";
import type { Clock } from "../../runtime/clock.ts";
import { ignoreMissing } from "../../runtime/ignore_missing.ts";
import { FolderSync } from "./folder_sync.ts";
import { checked, type Incoming } from "../delivery/checked_upload.ts";
import { newId } from "../ids.ts";
import { temporaryFileKeptMs } from "../limits.ts";
import { ObjectMissingError, type ObjectStore, type UploadAddress } from "./objects.ts";
import { signUpload } from "../delivery/upload_address.ts";

/** How many bytes are read at once. */
const readBytes = 64 * 1024;
/** How many objects are deleted together. */
const batchSize = 64;

/** Needs a file system whose rename replaces a file atomically and whose folders can be synced. */
export class DiskObjects implements ObjectStore {
  readonly #objects: string;
  readonly #temporary: string;
  readonly #origin: () => string;
  readonly #secret: Uint8Array;
  readonly #sync = new FolderSync();
  /** Folders known to exist durably, with all their parents. */
  readonly #folders = new Map<string, Promise<void>>();
  /** Names of the temporary files that are being written. */
  readonly #writing = new Set<string>();

  private constructor(options: { folder: string; origin: () => string; secret: Uint8Array }) {
    this.#objects = join(options.folder, "objects");
    this.#temporary = join(options.folder, "temporary");
    this.#origin = options.origin;
    this.#secret = options.secret;
  }

  static async open(options: { folder: string; origin: () => string; secret: Uint8Array }): Promise<DiskObjects> {
    const store = new DiskObjects(options);
    await Deno.mkdir(store.#objects, { recursive: true, mode: 0o700 });
    await Deno.mkdir(store.#temporary, { recursive: true, mode: 0o700 });
    return store;
  }

  address(key: string, options: { part: Part; expiresAt: Date }): Promise<UploadAddress> {
    const { bytes, sha256 } = options.part;
    const upload = { key, bytes, sha256, expiresAtMs: options.expiresAt.getTime() };
    return Promise.resolve({
      url: signUpload(upload, { origin: this.#origin(), secret: this.#secret }),
      headers: { "Content-Type": "application/octet-stream" },
    });
  }

  /**
   * Stores the bytes of one object. Throws `HubProblem` `checksum-mismatch` or `too-large`, and stores nothing, unless
   * they are exactly what was announced.
   */
  async put(
    key: string,
    incoming: Incoming,
  ): Promise<void> {
    const name = newId();
    const temporary = join(this.#temporary, name);
    const target = join(this.#objects, key);
    await this.#ensureFolder(dirname(target));
    this.#writing.add(name);
    try {
      using file = await Deno.open(temporary, { write: true, createNew: true, mode: 0o600 });
      await writeAll(file, checked(incoming));
      await file.sync();
      await Deno.rename(temporary, target);
    } catch (error) {
      await Deno.remove(temporary).catch(ignoreMissing);
      throw error;
    } finally {
      this.#writing.delete(name);
    }
  }

  async list(folder: string): Promise<readonly string[]> {
    const names: string[] = [];
    try {
      for await (const { name, isFile } of Deno.readDir(join(this.#objects, folder))) {
        if (isFile) names.push(name);
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    return names;
  }

  async *read(key: string): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
    using file = await this.#open(key);
    for (;;) {
      const buffer = new Uint8Array(readBytes);
      const bytes = await file.read(buffer);
      if (bytes === null) return;
      yield buffer.subarray(0, bytes);
    }
  }

  async settle(keys: readonly string[]): Promise<void> {
    // The bytes were synced when they were written; only the name may still be lost.
    const folders = new Set(keys.map((key) => dirname(join(this.#objects, key))));
    await Promise.all([...folders].map((folder) => this.#sync.sync(folder)));
  }

  async remove(keys: readonly string[], { folders }: { folders?: readonly string[] } = {}): Promise<void> {
    for (let start = 0; start < keys.length; start += batchSize) {
      await Promise.all(
        keys.slice(start, start + batchSize).map((key) => Deno.remove(join(this.#objects, key)).catch(ignoreMissing)),
      );
    }
    if (folders !== undefined) return await this.#removeFolders(folders);
    // A batch's own folder is removed with its last object; a shared one stays.
    for (const folder of new Set(keys.filter((key) => key.split("/").length === 4).map(dirname))) {
      this.#folders.delete(join(this.#objects, folder));
      await Deno.remove(join(this.#objects, folder)).catch(() => {});
    }
  }

  /** Fails when objects cannot be written. */
  async check(): Promise<void> {
    const probe = join(this.#temporary, `check-${newId()}`);
    await Deno.writeTextFile(probe, "", { createNew: true, mode: 0o600 });
    await Deno.remove(probe);
  }

  /** Deletes what uploads cut off by a crash or a broken connection have left behind. */
  async sweep(clock: Clock): Promise<number> {
    let swept = 0;
    for await (const { name } of Deno.readDir(this.#temporary)) {
      // The clock may have been set meanwhile: its age says nothing then.
      if (this.#writing.has(name)) continue;
      const path = join(this.#temporary, name);
      const file = await Deno.lstat(path).catch(ignoreMissing);
      if (file === undefined || clock.now() - (file.mtime?.getTime() ?? 0) < temporaryFileKeptMs) continue;
      await Deno.remove(path).catch(ignoreMissing);
      swept++;
    }
    return swept;
  }

  async #open(key: string): Promise<Deno.FsFile> {
    try {
      return await Deno.open(join(this.#objects, key));
    } catch (cause) {
      if (cause instanceof Deno.errors.NotFound) throw new ObjectMissingError(key, { cause });
      throw cause;
    }
  }

  /** Removes empty folders and their empty parents, and syncs the first ones that are not empty. */
  async #removeFolders(folders: readonly string[]): Promise<void> {
    const left = new Set<string>();
    for (let folder of new Set(folders)) {
      while (folder !== "." && await this.#removeEmpty(join(this.#objects, folder))) folder = dirname(folder);
      left.add(folder);
    }
    // One that was not empty when checked may have been removed with the next.
    for (const folder of left) await this.#sync.sync(join(this.#objects, folder)).catch(ignoreMissing);
  }

  /** Whether the folder is gone. */
  async #removeEmpty(folder: string): Promise<boolean> {
    this.#folders.delete(folder);
    try {
      await Deno.remove(folder);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) return false;
    }
    return true;
  }

  async #ensureFolder(folder: string): Promise<void> {
    if (folder === this.#objects) return;
    const known = this.#folders.get(folder);
    if (known !== undefined) return await known;
    const made = this.#makeFolder(folder);
    this.#folders.set(folder, made);
    try {
      await made;
    } catch (error) {
      this.#folders.delete(folder);
      throw error;
    }
    // Only recently used folders matter.
    if (this.#folders.size > 1000) this.#folders.clear();
  }

  async #makeFolder(folder: string): Promise<void> {
    const parent = dirname(folder);
    await this.#ensureFolder(parent);
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    await this.#sync.sync(parent);
  }
}

async function writeAll(file: Deno.FsFile, body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of body) {
    for (let written = 0; written < chunk.length;) written += await file.write(chunk.subarray(written));
  }
}
