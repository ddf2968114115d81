/**
 * Removes what need not be kept: first acknowledged batches, then those for an integration that was deleted in the hub,
 * which can never be sent. Batches go when kept long enough, or oldest first when their room is needed. What waits for
 * an integration that may be linked again stays.
 */
import { join } from "node:path";
import { getLogger } from "@logtape/logtape";
import type { FileSystem } from "../durable/file_system.ts";
import { errorText, sentence } from "../runtime/error_text.ts";
import type { StateDatabase } from "../state/state_database.ts";
import type { LostBatch } from "./lost_batch.ts";
import type { IndexedBatch, SpoolIndex } from "./spool_index.ts";

const log = getLogger(["cloud-link", "spool"]);

/** How many batches are removed in one transaction. */
const groupMax = 256;

/** What to remove: the oldest batches, until `bytes` are free or only younger ones are left. */
export interface EvictionOrder {
  readonly bytes: number;
  /** Younger are those that the hub received after this, in ms since the epoch by its clock. */
  readonly receivedBefore: number;
  /** Younger are those orphaned after this, in ms since the epoch. */
  readonly deletedBefore: number;
}

/**
 * The spool's files, rows and index, from which a batch is removed in an order that survives a kill (see
 * disk_spool.ts).
 */
export interface EvictionOptions {
  readonly folder: string;
  readonly fs: FileSystem;
  readonly database: StateDatabase;
  readonly index: SpoolIndex;
  /** Makes the source's ledger forget an undelivered batch, within the running transaction. */
  readonly onLost: (lost: LostBatch) => void;
  /** Called with the number of bytes of files removed. */
  readonly onRemoved: (bytes: number) => void;
}

/** Removes one group of batches after the other. */
export class Eviction {
  readonly #options: EvictionOptions;
  #last: Promise<void> = Promise.resolve();
  /** Expired batches whose files could not be removed yet. */
  readonly #left: IndexedBatch[] = [];
  #failure: unknown;
  /** Whether they have been logged. */
  #told = false;

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

  async #evict({ bytes, ...ages }: EvictionOrder): Promise<void> {
    const again = this.#left.splice(0);
    let wanted = bytes - await this.#removeFiles(again);
    while (wanted > 0) {
      // Nothing on the disk can be removed: that is no reason to give up everything that is kept.
      if (this.#left.length >= groupMax) throw this.#failure;
      const group = this.#choose({ bytes: wanted, ...ages });
      if (group.length === 0) return;
      this.#expire(group);
      wanted -= await this.#removeFiles(group);
    }
  }

  /** The next group to go, all of one kind. */
  #choose({ bytes, receivedBefore, deletedBefore }: EvictionOrder): IndexedBatch[] {
    const { index } = this.#options;
    const acknowledged = index.oldestAcknowledged({ receivedBefore, limit: groupMax });
    const rows = acknowledged.length > 0 ? acknowledged : index.oldestOrphans({ deletedBefore, limit: groupMax });
    let found = 0;
    const enough = rows.findIndex(({ fileBytes }) => (found += fileBytes) >= bytes);
    return enough < 0 ? rows : rows.slice(0, enough + 1);
  }

  /** Flushed: if an acknowledgement were forgotten after its file was removed, the batch would look lost. */
  #expire(group: readonly IndexedBatch[]): void {
    const { database, index, onLost } = this.#options;
    const orphans = group.filter(({ state }) => state === "waiting");
    database.transaction(() => {
      for (const { batch } of group) index.expire(batch.id);
      // Should the hub find the integration again, in a backup, its source is reread.
      for (const { integration, batch } of orphans) onLost({ integration, batch, reread: true });
    });
    if (orphans.length === 0) return;
    log.warn(
      "Removed {batches} batches ({bytes} bytes) that waited for an integration which was deleted in the hub.",
      { batches: orphans.length, bytes: orphans.reduce((sum, { fileBytes }) => sum + fileBytes, 0) },
    );
  }

  /**
   * Removes the files of expired batches, then the rows; resolves with how much was removed, in bytes. A file that
   * cannot be removed does not hold up others.
   */
  async #removeFiles(expired: readonly IndexedBatch[]): Promise<number> {
    if (expired.length === 0) return 0;
    const { fs, folder } = this.#options;
    const gone: IndexedBatch[] = [];
    for (const row of expired) {
      try {
        await fs.remove(join(folder, row.file));
        gone.push(row);
      } catch (error) {
        this.#failure = error;
        this.#left.push(row);
      }
    }
    this.#tellLeft();
    try {
      return await this.#removeRows(gone);
    } catch (error) {
      // Their rows are still there, and count.
      this.#left.push(...gone);
      throw error;
    }
  }

  async #removeRows(gone: readonly IndexedBatch[]): Promise<number> {
    const { fs, folder, database, index, onRemoved } = this.#options;
    // Before the rows are removed: a file that reappears without a row would be taken for a new batch.
    await fs.syncFolder(folder);
    const removed = database.transaction(() => gone.filter((row) => index.remove(row)), { relaxed: true });
    const bytes = removed.reduce((sum, { fileBytes }) => sum + fileBytes, 0);
    onRemoved(bytes);
    return bytes;
  }

  /** Logged once, until all could be removed: on a full disk there may be hundreds. */
  #tellLeft(): void {
    const [first, ...others] = this.#left;
    if (first === undefined) {
      this.#told = false;
      return;
    }
    if (this.#told) return;
    this.#told = true;
    const files = others.length === 0 ? first.file : `${first.file} and ${others.length} more`;
    const reason = sentence(errorText(this.#failure));
    log.warn("Cannot remove batches that are no longer needed ({files}): {reason} This is retried later.", {
      files,
      reason,
    });
  }
}
