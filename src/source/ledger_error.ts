/** The ledger (the state database) failed, not the import folder: which of the two it was decides what is done. */
import { errorText } from "../runtime/error_text.ts";

/** What the ledger was asked in vain; the database's own error is the cause. */
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

/** Whether trying again is of no use: only a restart, which sets the damaged state aside, helps. */
export function isStateDamaged(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.name === "StateDamagedError" || isStateDamaged(error.cause);
}
