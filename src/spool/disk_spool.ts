/**
 * The spool: batches on disk between their source and the hub, of which a kill or a power cut at any instant loses none
 * and doubles none. The file format is described in batch_file.ts, what a start makes of a crash in recovery.ts.
 *
 * ```
 * state/spool/<lane>-<sequence>-<id>.batch   admitted
 * state/spool/incoming/<random>.tmp          being written
 * state/state.db, table batch                the index
 * ```
 *
 * - **Write.** Content is hashed and compressed; a small batch stays in memory, a large one goes to a file in `incoming/`.
 *   Nothing refers to it yet.
 * - **Admit.** The footer is appended and the file synced; it is renamed into the spool and the folder is synced; then one
 *   transaction writes the index row, the running number and what the source wants recorded. Only then does `admit`
 *   resolve. Concurrent admissions share the folder's sync and the transaction.
 * - **Read.** Only what has a row is handed out. Every range is checked against the CRCs behind the payload.
 * - **Acknowledge.** The row changes its state, without a flush: an acknowledgement that is lost is found out by asking
 *   the hub again.
 * - **Delete.** Acknowledged batches are kept for a while. Then the row is marked expired (flushed), the file removed, the
 *   row removed: in that order, so that no file is left without a row that tells it was delivered.
 *
 * A batch belongs to an account's integration, not to a link: see {@linkcode DiskSpool.use}.
 */
import { join } from "node:path";
import { getLogger } from "@logtape/logtape";
import type { BatchFile, BatchWriter, Lane, Spool, StoredBatch } from "../agent/ports.ts";
import type { FileSystem } from "../durable/file_system.ts";
import { makeSetAsideFolder } from "../durable/set_aside.ts";
import { replaceFile } from "../durable/replace_file.ts";
import { batchTitle } from "../protocol/batch_title.ts";
import type { BatchOrigin, Receipt } from "../protocol/delivery.ts";
import type { Link } from "../protocol/linking.ts";
import type { Clock } from "../runtime/clock.ts";
import { integrationKey, recordImport } from "../state/integration.ts";
import type { StateDatabase } from "../state/state_database.ts";
import { Admission, type BatchOwner, type IncomingPlace, type RoomWanted } from "./admission.ts";
import { type BatchDescription, payloadIsWhole } from "./batch_file.ts";
import { Eviction } from "./eviction.ts";
import type { LostBatch } from "./lost_batch.ts";
import { recover } from "./recovery.ts";
import { Room, type RoomLimits } from "./room.ts";
import { type IndexedBatch, SpoolIndex, type Waiting } from "./spool_index.ts";
import { storedBatch } from "./stored_batch.ts";

/** Name of the folder in the spool folder where batches are written. */
export const incomingFolderName = "incoming";
/** How often batches that were kept long enough are looked for, in ms. */
const pruneEveryMs = 60 * 60 * 1000;
const dayMs = 24 * 60 * 60 * 1000;

const log = getLogger(["cloud-link", "spool"]);

/** Both folders are on one file system: batches are moved between them by renaming. */
export interface DiskSpoolOptions {
  /** `state/spool`. */
  readonly folder: string;
  /** `state/set-aside`. */
  readonly setAsideFolder: string;
  readonly fs: FileSystem;
  readonly database: StateDatabase;
  readonly clock: Clock;
  readonly limits: RoomLimits & { readonly keepDays: number };
  /** Has the source's ledger forget a batch, within the running transaction. */
  readonly onLost: (lost: LostBatch) => void;
}

/** Opens the spool: creates the folders, recovers from whatever ended the run before, removes what was kept long enough. */
export async function openSpool(options: DiskSpoolOptions): Promise<DiskSpool> {
  const { folder, fs, database, clock } = options;
  const incomingFolder = join(folder, incomingFolderName);
  await fs.makeFolder(incomingFolder);
  const index = new SpoolIndex(database);
  await recover({ ...options, incomingFolder, incomingName: incomingFolderName, index, now: clock.now() });
  const spool = new DiskSpool(options, index);
  await spool.prune();
  return spool;
}

/** Whose batches are in the foreground. */
interface Current extends BatchOwner {
  readonly link: Link;
}

/** The spool on disk. One per state folder. Disposing it ends all waits; batches that are not admitted then are lost. */
export class DiskSpool implements Spool, AsyncDisposable {
  readonly #options: DiskSpoolOptions;
  readonly #index: SpoolIndex;
  readonly #room: Room;
  readonly #admission: Admission;
  readonly #eviction: Eviction;
  readonly #closing = new AbortController();
  /** Sequence of each batch as it was last handed out: an acknowledgement is for that one. */
  readonly #handedOut = new Map<string, number>();
  /** Fires `change` whenever there may be more to deliver. */
  readonly changed: EventTarget = new EventTarget();
  #current: Current | undefined;
  #storedBytes: number;
  #prunedAtMs = -Infinity;

  /** Use {@linkcode openSpool}. */
  constructor(options: DiskSpoolOptions, index: SpoolIndex) {
    this.#options = options;
    this.#index = index;
    this.#storedBytes = index.storedBytes();
    const onRemoved = (bytes: number) => {
      this.#storedBytes -= bytes;
      this.#room.changed();
    };
    this.#eviction = new Eviction({ ...options, index, onRemoved });
    const view = {
      storedBytes: () => this.#storedBytes,
      isIdle: () => this.#current === undefined || !index.hasWaiting(this.#current.key),
      freeBytes: () => options.fs.freeBytes(options.folder),
      evict: (bytes: number) => this.#eviction.evict({ bytes, acknowledgedBefore: Infinity }),
    };
    this.#room = new Room(view, { limits: options.limits, clock: options.clock, closing: this.#closing.signal });
    this.#admission = new Admission({
      ...options,
      incomingFolder: join(options.folder, incomingFolderName),
      index,
      room: this.#room,
      onStored: (bytes) => this.#storedBytes += bytes,
    });
  }

  /**
   * From now on the batches of this link's integration are handed out and declared with this link; those of others stay
   * where they are. `undefined`: none are. A batch that was opened before goes to the integration it was opened for.
   */
  use(link: Link | undefined): void {
    if (link === undefined) this.#current = undefined;
    else {
      const name = { accountId: link.account.id, integrationId: link.integration.id };
      this.#current = { link, name, key: integrationKey(this.#options.database, name) };
    }
    this.#handedOut.clear();
    this.#room.changed();
    this.#tellChange();
  }

  open(options: RoomWanted): Promise<BatchWriter> {
    return this.#withOwner((owner) => this.#admission.open(owner, options));
  }

  /**
   * Waits for room as `open` does and names a file for another process to write with `createIncomingWriter`. The
   * resulting {@linkcode BatchFile} is admitted before the place is disposed.
   */
  reserve(options: RoomWanted): Promise<IncomingPlace> {
    return this.#withOwner((owner) => this.#admission.reserve(owner, options));
  }

  /** Gives up a finished file that will not be admitted. */
  async discard(file: BatchFile): Promise<void> {
    await this.#admission.discard(file.path);
  }

  async admit(
    file: BatchFile,
    options: { origin: BatchOrigin; lane: Lane; alongside?: (batchId: string) => void },
  ): Promise<"admitted" | "known"> {
    const answer = await this.#admission.admit(file, options);
    if (answer === "admitted") this.#tellChange();
    return answer;
  }

  next(options: { except: ReadonlySet<string>; limit: number }): readonly StoredBatch[] {
    const current = this.#current;
    if (current === undefined) return [];
    return this.#index.next(current.key, options).map(({ batch }) => this.#handOut(batch, current.link));
  }

  acknowledge(receipts: readonly Receipt[]): void {
    const { database, clock } = this.#options;
    const at = clock.now();
    database.transaction(() => {
      const delivered = receipts.map((receipt) => this.#acknowledgeOne(receipt.batch, at));
      const last = delivered.findLast((row) => row !== undefined);
      if (last) recordImport(database, last.integration, { at, name: batchTitle(last.batch.origin) });
    }, { relaxed: true });
    this.#room.changed();
    if (this.#options.limits.keepDays === 0 || clock.monotonicMs() - this.#prunedAtMs >= pruneEveryMs) {
      void this.prune().catch((error: unknown) =>
        log.warn("Cannot remove delivered batches: {reason}. It is tried again later.", { reason: String(error) })
      );
    }
  }

  async setAside(id: string, reason: string): Promise<void> {
    const { fs, database, folder, clock, onLost } = this.#options;
    const row = this.#index.get(id);
    if (row === undefined) return;
    const path = join(folder, row.file);
    const isWhole = await fileIsWhole(path, { fs, batch: row.batch });
    const to = await makeSetAsideFolder(this.#options.setAsideFolder, "batch", { fs, now: clock.now() });
    await replaceFile(join(to, "reason.txt"), `${reason}\n`, { fs });
    if (isWhole !== undefined) await fs.rename(path, join(to, row.file));
    await fs.syncFolder(to);
    await fs.syncFolder(folder);
    database.transaction(() => {
      if (!this.#index.remove(row)) return;
      onLost({ integration: row.integration, batch: row.batch, reread: isWhole !== true });
      this.#storedBytes -= row.fileBytes;
    });
    this.#handedOut.delete(id);
    log.error(
      isWhole === true
        ? "Set {title} aside, the hub does not take it: {reason}. It is in {to} now. Save the file again to try once more."
        : "Set {title} aside, it is damaged: {reason}. What is left is in {to}; the source is read again.",
      { title: batchTitle(row.batch.origin), reason, to },
    );
    this.#room.changed();
    this.#tellChange();
  }

  /** What waits of the current integration. */
  waiting(): Waiting {
    const current = this.#current;
    return current === undefined ? { batches: 0, bytes: 0, oldestAt: undefined } : this.#index.waiting(current.key);
  }

  /** Why sources wait now, for people; `undefined` when they need not. */
  get problem(): string | undefined {
    return this.#room.problem;
  }

  /** Resolves when there may be more to deliver than at the call. */
  async waitForWork(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = () => reject(signal.reason);
    const onChange = () => resolve();
    signal.addEventListener("abort", onAbort, { once: true });
    this.changed.addEventListener("change", onChange, { once: true });
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
      this.changed.removeEventListener("change", onChange);
    }
  }

  /** How many batches of the current integration were ever acknowledged, those no longer kept included. */
  acknowledgedCount(): number {
    return this.#current === undefined ? 0 : this.#index.acknowledgedCount(this.#current.key);
  }

  /** Kept acknowledged batches of the current integration with a sequence above `after`, by rising sequence. */
  acknowledged(page: { after: number; limit: number }): { id: string; sequence: number }[] {
    return this.#current === undefined ? [] : this.#index.acknowledged(this.#current.key, page);
  }

  /** The ids of the current integration's kept batches that were acknowledged last. */
  newestAcknowledged(limit: number): string[] {
    return this.#current === undefined ? [] : this.#index.newestAcknowledged(this.#current.key, limit);
  }

  /** The hub has forgotten these: they wait again. Returns how many of them are still kept. */
  resend(ids: readonly string[]): number {
    const current = this.#current;
    if (current === undefined) return 0;
    const found = this.#options.database.transaction(
      () => ids.filter((id) => this.#index.resend(current.key, id)).length,
      { relaxed: true },
    );
    if (found > 0) this.#tellChange();
    return found;
  }

  /** Removes acknowledged batches that were kept long enough. Happens by itself from time to time. */
  async prune(): Promise<void> {
    const { clock, limits } = this.#options;
    this.#prunedAtMs = clock.monotonicMs();
    const acknowledgedBefore = limits.keepDays === 0 ? Infinity : clock.now() - limits.keepDays * dayMs;
    await this.#eviction.evict({ bytes: Infinity, acknowledgedBefore });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new DOMException("The spool is closed", "AbortError"));
    await this.#admission.settled();
    await this.#room.settled();
    await this.#eviction.settled();
  }

  #handOut(batch: BatchDescription, link: Link): StoredBatch {
    const { id, sequence } = batch;
    this.#handedOut.set(id, sequence);
    return storedBatch(batch, {
      fs: this.#options.fs,
      linkId: link.id,
      path: () => {
        const row = this.#index.get(id);
        return row === undefined ? undefined : join(this.#options.folder, row.file);
      },
    });
  }

  /** The batch, unless it is acknowledged already or waits anew. */
  #acknowledgeOne(id: string, at: number): IndexedBatch | undefined {
    const row = this.#index.get(id);
    const handedOut = this.#handedOut.get(id);
    this.#handedOut.delete(id);
    if (row === undefined || row.state !== "waiting") return undefined;
    // Replaced while it was sent: what waits now has a later sequence, which the hub must learn.
    if (handedOut !== undefined && handedOut !== row.batch.sequence) return undefined;
    this.#index.acknowledge(row, { at });
    return row;
  }

  #withOwner<T>(act: (owner: Current) => Promise<T>): Promise<T> {
    if (this.#current !== undefined) return act(this.#current);
    return Promise.reject(new Error("Cannot take a batch: this installation is not linked"));
  }

  #tellChange(): void {
    this.changed.dispatchEvent(new Event("change"));
  }
}

/** Whether the payload is whole; `undefined` when there is no file. */
async function fileIsWhole(
  path: string,
  options: { fs: FileSystem; batch: BatchDescription },
): Promise<boolean | undefined> {
  try {
    return await payloadIsWhole(path, options);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
