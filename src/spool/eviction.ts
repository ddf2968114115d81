/** Removes acknowledged batches: those kept long enough, and the oldest when their room is needed. */
import { join } from "node:path";
import type { FileSystem } from "../durable/file_system.ts";
import type { StateDatabase } from "../state/state_database.ts";
import type { IndexedBatch, SpoolIndex } from "./spool_index.ts";

/** How many batches are removed in one transaction. */
const groupMax = 256;

/** What to remove: the oldest, until `bytes` are free or only younger ones are left. Times in ms since the epoch. */
export interface EvictionOrder {
  readonly bytes: number;
  readonly acknowledgedBefore: number;
}

/**
 * The spool's own files, rows and index, from which a batch goes in an order that survives a kill (see disk_spool.ts).
 */
export interface EvictionOptions {
  readonly folder: string;
  readonly fs: FileSystem;
  readonly database: StateDatabase;
  readonly index: SpoolIndex;
  /** So many bytes of files have gone. */
  readonly onRemoved: (bytes: number) => void;
}

/** Removes one group of batches after the other. */
export class Eviction {
  readonly #options: EvictionOptions;
  #last: Promise<void> = Promise.resolve();

  constructor(options: EvictionOptions) {
    this.#options = options;
  }

  /** Resolves when it is done. One at a time: two would choose the same batches. */
  evict(order: EvictionOrder): Promise<void> {
    const eviction = this.#last.catch(() => {}).then(() => this.#evict(order));
    this.#last = eviction;
    return eviction;
  }

  /** Resolves when nothing is being removed. */
  async settled(): Promise<void> {
    await this.#last.catch(() => {});
  }

  async #evict({ bytes, acknowledgedBefore }: EvictionOrder): Promise<void> {
    for (let wanted = bytes; wanted > 0;) {
      const group: IndexedBatch[] = [];
      for (const row of this.#options.index.oldestAcknowledged({ acknowledgedBefore, limit: groupMax })) {
        if (wanted <= 0) break;
        group.push(row);
        wanted -= row.fileBytes;
      }
      if (group.length === 0) return;
      await this.#remove(group);
    }
  }

  async #remove(group: readonly IndexedBatch[]): Promise<void> {
    const { fs, folder, database, index, onRemoved } = this.#options;
    // Flushed: an acknowledgement that is forgotten after its file has gone would look like a lost batch.
    database.transaction(() => group.forEach(({ batch }) => index.expire(batch.id)));
    for (const { file } of group) await fs.remove(join(folder, file));
    // Before the rows go: a file that comes back without a row would be taken for a new batch.
    await fs.syncFolder(folder);
    const removed = database.transaction(() => group.filter((row) => index.remove(row)), { relaxed: true });
    onRemoved(removed.reduce((sum, { fileBytes }) => sum + fileBytes, 0));
  }
}
