/** What a source is told of a batch that the spool had to give up. */
import type { IntegrationKey } from "../state/integration.ts";
import type { BatchDescription } from "./batch_file.ts";

/** A batch that will not be delivered from the spool. Its source's ledger must forget it. */
export interface LostBatch {
  readonly integration: IntegrationKey;
  readonly batch: BatchDescription;
  /** Read the source again as it is; else only when it changes (the hub refused what it has now). */
  readonly reread: boolean;
}
