/** Removes acknowledged batches: those kept long enough, and the oldest when their room is needed. */
import { join } from "node:path";
import { getLogger } from "@logtape/logtape";
import type { FileSystem } from "../durable/file_system.ts";
import type { StateDatabase } from "../state/state_database.ts";
import type { IndexedBatch, SpoolIndex } from "./spool_index.ts";

const log = getLogger(["cloud-link", "spool"]);

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
  /** Expired, and their files could not be removed yet. */
  readonly #left: IndexedBatch[] = [];
  #failure: unknown;
  /** Files of which the log tells that they cannot be removed. */
  readonly #told = new Set<string>();

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
    const again = this.#left.splice(0);
    let wanted = bytes - await this.#removeFiles(again);
    while (wanted > 0) {
      // A disk on which nothing can be removed: that is no reason to give up all that is kept.
      if (this.#left.length >= groupMax) throw this.#failure;
      const group: IndexedBatch[] = [];
      let found = 0;
      for (const row of this.#options.index.oldestAcknowledged({ acknowledgedBefore, limit: groupMax })) {
        if (found >= wanted) break;
        group.push(row);
        found += row.fileBytes;
      }
      if (group.length === 0) return;
      const { database, index } = this.#options;
      // Flushed: an acknowledgement that is forgotten after its file has gone would look like a lost batch.
      database.transaction(() => group.forEach(({ batch }) => index.expire(batch.id)));
      wanted -= await this.#removeFiles(group);
    }
  }

  /**
   * Removes the files of expired batches, then the rows; resolves with how much has gone, in bytes. A file that cannot be
   * removed holds up no other.
   */
  async #removeFiles(expired: readonly IndexedBatch[]): Promise<number> {
    if (expired.length === 0) return 0;
    const { fs, folder, database, index, onRemoved } = this.#options;
    const gone: IndexedBatch[] = [];
    for (const row of expired) {
      try {
        await fs.remove(join(folder, row.file));
        gone.push(row);
        this.#told.delete(row.file);
      } catch (error) {
        this.#noteLeft(row, error);
      }
    }
    // Before the rows go: a file that comes back without a row would be taken for a new batch.
    await fs.syncFolder(folder);
    const removed = database.transaction(() => gone.filter((row) => index.remove(row)), { relaxed: true });
    const bytes = removed.reduce((sum, { fileBytes }) => sum + fileBytes, 0);
    onRemoved(bytes);
    return bytes;
  }

  #noteLeft(row: IndexedBatch, error: unknown): void {
    this.#failure = error;
    this.#left.push(row);
    if (this.#told.has(row.file)) return;
    this.#told.add(row.file);
    log.warn("Cannot remove {file}, which was delivered: {reason}. It is tried again later.", {
      file: row.file,
      reason: error instanceof Error ? error.message : String(error),
    });
  }
}
