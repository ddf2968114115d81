/** Errors of the spool that its callers distinguish. */

/**
 * There is no room for (the rest of) a batch. What was written of it is gone; the source opens another writer for
 * `bytesNeeded`, which waits until there is room.
 */
export class SpoolFullError extends Error {
  override readonly name = "SpoolFullError";
  /** Known minimum size of the batch, in bytes. */
  readonly bytesNeeded: number;
  /** What the disk has room for, in bytes, if waiting for more would be in vain; `undefined`: it may help. */
  readonly bytesFree: number | undefined;

  constructor(message: string, options: { bytesNeeded: number; bytesFree?: number; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.bytesNeeded = options.bytesNeeded;
    this.bytesFree = options.bytesFree;
  }
}
