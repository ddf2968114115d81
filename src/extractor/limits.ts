/** What an extractor process may use before it is replaced or ended. */

/** What an extractor may take. */
export interface ExtractorLimits {
  /** After this many queries the process is replaced: drivers leak. */
  readonly queriesMax: number;
  /** A process larger than this is replaced, or ended in the middle of a query, in bytes. */
  readonly memoryBytesMax: number;
  /** How long after its own time limit a query is cancelled, in ms. */
  readonly graceMs: number;
  /** How long a cancelled query may take to end before the process is ended, in ms. */
  readonly cancelMs: number;
  /** How long the process may take to start, in ms. */
  readonly startMs: number;
  /** How long the process may take to disconnect and end, in ms. */
  readonly closeMs: number;
}

/** The default limits. */
export const defaultLimits: ExtractorLimits = {
  queriesMax: 5_000,
  memoryBytesMax: 1024 ** 3,
  graceMs: 5_000,
  cancelMs: 5_000,
  startMs: 20_000,
  closeMs: 2_000,
};
