/** What a source learns of a batch that the spool had to give up. */
import type { IntegrationKey } from "../state/integration.ts";
import type { BatchDescription } from "./batch_file.ts";

/** A batch that will not be delivered from the spool. Its source's ledger must forget it. */
export interface LostBatch {
  readonly integration: IntegrationKey;
  readonly batch: BatchDescription;
  /** Reread the source as it is; otherwise only once it changes (the hub refused its current content). */
  readonly reread: boolean;
}
