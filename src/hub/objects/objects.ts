/**
 * Where the bytes are: parts of batches as objects under keys. A key is a path of letters, digits, `-`, `_` and `/`.
 * Objects are written once by whoever has a signed address, and read by the hub.
 */
import type { Part } from "../../protocol/delivery.ts";

/** A signed address to PUT one object to. */
export interface UploadAddress {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What delivery, downloads and loading need of the place where the bytes are. */
export interface ObjectStore {
  /** An address that takes exactly `part.bytes` bytes with `part.sha256` as the object `key`. */
  address(key: string, options: { part: Part; expiresAt: Date }): Promise<UploadAddress>;
  /** The names of the objects directly under a folder; none when there is no such folder. */
  list(folder: string): Promise<readonly string[]>;
  /** The bytes of an object; fails with {@linkcode ObjectMissingError}. Each chunk is the reader's to keep. */
  read(key: string): AsyncIterable<Uint8Array<ArrayBuffer>>;
  /** When it resolves, these objects, which are there, survive whatever the database's next durable commit survives. */
  settle(keys: readonly string[]): Promise<void>;
  /**
   * Deletes objects; those that are not there are no error. `folders`, which nobody may write to any more, go with those
   * above them as far as they are empty then; when it resolves, a power cut brings nothing of them back.
   */
  remove(keys: readonly string[], options?: { folders?: readonly string[] }): Promise<void>;
}

/** There is no such object. */
export class ObjectMissingError extends Error {
  override readonly name = "ObjectMissingError";
  readonly key: string;
  constructor(key: string, options: { cause?: unknown } = {}) {
    super(`Cannot read object "${key}": it is not there`, options);
    this.key = key;
  }
}
