/** Marks failures of the ledger (the state database) rather than the import folder: the two are handled differently. */
import { errorText } from "../runtime/error_text.ts";

/** A failed request to the ledger; the database's own error is the cause. */
export class LedgerError extends Error {
  override readonly name = "LedgerError";
}

/** Asks the ledger; its failure becomes a {@linkcode LedgerError}. */
export function askLedger<T>(ask: () => T): T {
  try {
    return ask();
  } catch (cause) {
    const reason = errorText(cause);
    throw new LedgerError(`Cannot look up what was imported: ${reason}`, { cause });
  }
}
