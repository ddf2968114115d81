/** Restarts a query when a value was longer than its column's declared length. */
import { LongValueError } from "./row_source.ts";

/** How often a query is restarted because values were longer than declared. */
const roundsMax = 8;

/**
 * Calls `read` with the columns whose values may be of any length, and again from the beginning for each {@linkcode
 * LongValueError}, with the columns found so far. `startOver` discards what the previous round has written.
 */
export async function readLongValues<T>(
  read: (longColumns: ReadonlySet<string>) => Promise<T>,
  { startOver }: { startOver: () => Promise<void> },
): Promise<T> {
  let longColumns: ReadonlySet<string> = new Set();
  for (let round = 1;; round++) {
    try {
      return await read(longColumns);
    } catch (error) {
      if (!(error instanceof LongValueError) || round === roundsMax) throw error;
      longColumns = new Set([...longColumns, ...error.columns]);
      await startOver();
    }
  }
}
