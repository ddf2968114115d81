/** The way of a batch out of the spool: handed out, acknowledged, and handed out again if the hub has lost it. */
import { join } from "node:path";
import type { StoredBatch } from "../agent/ports.ts";
import type { Files } from "../durable/file_system.ts";
import { batchTitle } from "../protocol/batch_title.ts";
import type { Receipt } from "../protocol/delivery.ts";
import type { Link } from "../protocol/linking.ts";
import type { Clock } from "../runtime/clock.ts";
import { integrationKey, integrationNameOf, recordImport, setDeleted } from "../state/integration.ts";
import type { StateDatabase } from "../state/state_database.ts";
import type { BatchDescription } from "./batch_file.ts";
import type { BatchOwner } from "./incoming_files.ts";
import type { IndexedBatch, SpoolIndex, Waiting } from "./spool_index.ts";
import { storedBatch } from "./stored_batch.ts";

/** The spool's own files, rows and index. */
export interface OutgoingOptions {
  readonly folder: string;
  readonly fs: Files;
  readonly database: StateDatabase;
  readonly clock: Pick<Clock, "now">;
  readonly index: SpoolIndex;
}

/** Whose batches are currently handed out. */
interface Current extends BatchOwner {
  readonly link: Link;
}

/** Hands out the batches of one integration at a time. */
export class Outgoing {
  readonly #options: OutgoingOptions;
  /** Sequence of each batch as last handed out, to which an acknowledgement refers. */
  readonly #handedOut = new Map<string, number>();
  #current: Current | undefined;

  constructor(options: OutgoingOptions) {
    this.#options = options;
  }

  /** See `DiskSpool.use`. */
  use(link: Link | undefined): void {
    if (link === undefined) this.#current = undefined;
    else {
      const name = integrationNameOf(link);
      const { database } = this.#options;
      const key = integrationKey(database, name);
      // The integration exists, whatever a hub since restored from a backup said.
      setDeleted(database, key, undefined);
      this.#current = { link, name, key };
    }
    this.#handedOut.clear();
  }

  /** The current integration. */
  get owner(): BatchOwner | undefined {
    return this.#current;
  }

  /** Nothing waits for the current integration. */
  get isIdle(): boolean {
    return this.#current === undefined || !this.#options.index.hasWaiting(this.#current.key);
  }

  /** What waits for the current integration. */
  get waiting(): Waiting {
    const current = this.#current;
    if (current === undefined) return { batches: 0, bytes: 0, oldestAt: undefined };
    return this.#options.index.waiting(current.key);
  }

  /** See `Spool.next`. */
  next(options: { except: ReadonlySet<string>; limit: number }): readonly StoredBatch[] {
    const current = this.#current;
    if (current === undefined) return [];
    return this.#options.index.next(current.key, options).map(({ batch }) => this.#handOut(batch, current.link));
  }

  /** See `Spool.acknowledge`. */
  acknowledge(receipts: readonly Receipt[]): void {
    const { database, clock } = this.#options;
    const at = clock.now();
    database.transaction(() => {
      const delivered = receipts.map((receipt) => this.#acknowledgeOne(receipt));
      const last = delivered.findLast((row) => row !== undefined);
      if (last) recordImport(database, last.integration, { at, name: batchTitle(last.batch.origin) });
    }, { relaxed: true });
  }

  /** See `DiskSpool.resend`. */
  resend(ids: readonly string[]): number {
    const { database, index } = this.#options;
    const current = this.#current;
    if (current === undefined) return 0;
    return database.transaction(() => ids.filter((id) => index.resend(current.key, id)).length, { relaxed: true });
  }

  /** The batch has left the spool in another way. */
  forget(id: string): void {
    this.#handedOut.delete(id);
  }

  #handOut(batch: BatchDescription, link: Link): StoredBatch {
    const { fs, folder, index } = this.#options;
    const { id, sequence } = batch;
    this.#handedOut.set(id, sequence);
    return storedBatch(batch, {
      fs,
      linkId: link.id,
      path: () => {
        const row = index.get(id);
        return row === undefined ? undefined : join(folder, row.file);
      },
    });
  }

  /** The batch, unless it is already acknowledged or waits again. */
  #acknowledgeOne({ batch: id, receivedAt }: Receipt): IndexedBatch | undefined {
    const { index } = this.#options;
    const row = index.get(id);
    const handedOut = this.#handedOut.get(id);
    this.#handedOut.delete(id);
    if (row === undefined || row.state !== "waiting") return undefined;
    // Replaced while it was being sent: the waiting one has a later sequence, which the hub must learn.
    if (handedOut !== undefined && handedOut !== row.batch.sequence) return undefined;
    index.acknowledge(row, { receivedAt: Date.parse(receivedAt) });
    return row;
  }
}
