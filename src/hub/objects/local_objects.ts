/** The hub's own object store: small objects in its database, all others as files. */
import type { Part } from "../../protocol/delivery.ts";
import type { DiskObjects } from "./disk_objects.ts";
import { isSmallKey } from "./object_keys.ts";
import { ObjectMissingError, type ObjectStore, type UploadAddress } from "./objects.ts";
import { checked, type Incoming } from "../delivery/checked_upload.ts";
import type { SmallObjects } from "./small_objects.ts";

/** The key tells where an object is, so that no lookup has to try both. */
export class LocalObjects implements ObjectStore {
  readonly #files: DiskObjects;
  readonly #small: SmallObjects;

  constructor(options: { files: DiskObjects; small: SmallObjects }) {
    this.#files = options.files;
    this.#small = options.small;
  }

  address(key: string, options: { part: Part; expiresAt: Date }): Promise<UploadAddress> {
    return this.#files.address(key, options);
  }

  /**
   * Stores the bytes of one object. Throws {@linkcode HubProblem} `checksum-mismatch` or `too-large`, and stores
   * nothing, unless they are exactly what was announced.
   */
  async put(key: string, incoming: Incoming): Promise<void> {
    if (!isSmallKey(key)) return await this.#files.put(key, incoming);
    const bytes = new Uint8Array(incoming.bytes);
    let received = 0;
    for await (const chunk of checked(incoming)) {
      bytes.set(chunk, received);
      received += chunk.length;
    }
    await this.#small.put(key, bytes);
  }

  list(folder: string): Promise<readonly string[]> {
    return this.#files.list(folder);
  }

  async *read(key: string): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
    if (!isSmallKey(key)) return yield* this.#files.read(key);
    const small = await this.#small.get(key);
    if (small === undefined) throw new ObjectMissingError(key);
    yield small;
  }

  async settle(keys: readonly string[]): Promise<void> {
    // The small ones are already in the database's log.
    await this.#files.settle(keys.filter((key) => !isSmallKey(key)));
  }

  async remove(keys: readonly string[], options?: { folders?: readonly string[] }): Promise<void> {
    await this.#small.remove(keys.filter(isSmallKey));
    await this.#files.remove(keys.filter((key) => !isSmallKey(key)), options);
  }

  /** Fails when objects cannot be written. */
  async check(): Promise<void> {
    await this.#files.check();
  }
}
