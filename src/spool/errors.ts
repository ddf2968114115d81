/** Errors of the spool that its callers tell from others. */

/**
 * There is no room for (the rest of) a batch. What was written of it has gone; the source opens another writer, which
 * waits until there is room. Ask for `bytesNeeded` then.
 */
export class SpoolFullError extends Error {
  override readonly name = "SpoolFullError";
  /** How much of the batch is known to be, in bytes. */
  readonly bytesNeeded: number;

  constructor(message: string, options: { bytesNeeded: number; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.bytesNeeded = options.bytesNeeded;
  }
}
