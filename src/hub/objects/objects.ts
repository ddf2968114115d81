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

/** What delivery, downloads and loading need from the object store. */
export interface ObjectStore {
  /** An address that accepts exactly `part.bytes` bytes with `part.sha256` as the object `key`. */
  address(key: string, options: { part: Part; expiresAt: Date }): Promise<UploadAddress>;
  /** The names of the objects directly under a folder; none if it does not exist. */
  list(folder: string): Promise<readonly string[]>;
  /** The bytes of an object; fails with {@linkcode ObjectMissingError}. The reader owns each chunk. */
  read(key: string): AsyncIterable<Uint8Array<ArrayBuffer>>;
  /** When it resolves, these existing objects are as durable as the database's next durable commit. */
  settle(keys: readonly string[]): Promise<void>;
  /**
   * Deletes objects; missing ones are not an error. Also removes `folders`, which nobody may write to any more, and
   * their parents as far as they are empty; once it resolves, a power cut does not bring any of them back.
   */
  remove(keys: readonly string[], options?: { folders?: readonly string[] }): Promise<void>;
}

/** The object does not exist. */
export class ObjectMissingError extends Error {
  override readonly name = "ObjectMissingError";
  readonly key: string;
  constructor(key: string, options: { cause?: unknown } = {}) {
    super(`Cannot read object "${key}": it is not there`, options);
    this.key = key;
  }
}
