/**
 * The spool: batches on disk between their source and the hub. A kill or a power cut at any instant neither loses nor
 * duplicates any. batch_file.ts describes the file format, recovery.ts how a start recovers from a crash.
 *
 * ```
 * state/spool/<lane>-<sequence>-<id>.batch   admitted
 * state/spool/incoming/<random>.tmp          being written
 * state/state.db, table batch                the index
 * ```
 *
 * - **Write.** Content is hashed and compressed; a small batch stays in memory, a large one goes to a file in `incoming/`.
 *   Nothing refers to it yet.
 * - **Admit.** The footer is appended and the file synced; it is renamed into the spool and the folder is synced; then
 *   one transaction writes the index row, the sequence number and what the source wants recorded. Only then does
 *   `admit` resolve. Concurrent admissions share the folder's sync and the transaction.
 * - **Read.** Only batches with a row are handed out. Every range is checked against the CRCs after the payload.
 * - **Acknowledge.** The row changes state, without a flush: a lost acknowledgement is recovered by asking the hub
 *   again.
 * - **Delete.** Acknowledged batches are kept for a while. Then the row is marked expired (flushed), the file removed,
 *   the row removed: in that order, so that no file is left without a row that records its delivery.
 *
 * A batch belongs to an account's integration, not to a link: see {@linkcode DiskSpool.use}. What waits for an
 * integration that is no longer linked is kept until it is linked again. Once the hub has said that the integration was
 * deleted, its batches can never be sent: they are kept as long as acknowledged ones, and evicted after those.
 */
import { dirname, join } from "node:path";
import { getLogger } from "@logtape/logtape";
import type { BatchFile, BatchWriter, Lane, Spool, StoredBatch } from "../agent/ports.ts";
import type { FileSystem } from "../durable/file_system.ts";
import type { BatchOrigin, Receipt } from "../protocol/delivery.ts";
import type { Link } from "../protocol/linking.ts";
import type { Clock } from "../runtime/clock.ts";
import { errorText, sentence } from "../runtime/error_text.ts";
import type { StateDatabase } from "../state/state_database.ts";
import { Admission } from "./admission.ts";
import { Eviction } from "./eviction.ts";
import { type BatchOwner, IncomingFiles, type IncomingPlace, type RoomWanted } from "./incoming_files.ts";
import type { LostBatch } from "./lost_batch.ts";
import { Outgoing } from "./outgoing.ts";
import { recover } from "./recovery.ts";
import { Room, type RoomLimits } from "./room.ts";
import { setAsideBatch } from "./set_aside_batch.ts";
import { SetAsideLimit } from "./set_aside_limit.ts";
import { SpoolIndex, type Waiting } from "./spool_index.ts";

/** Name of the subfolder in which batches are written. */
const incomingFolderName = "incoming";
/** How often to look for batches that have been kept long enough, in ms. */
const pruneEveryMs = 60 * 60 * 1000;
const dayMs = 24 * 60 * 60 * 1000;
const ofAnyAge = { receivedBefore: Number.MAX_SAFE_INTEGER, deletedBefore: Number.MAX_SAFE_INTEGER };

const log = getLogger(["cloud-link", "spool"]);

/** Both folders must be on the same file system: batches are moved between them by renaming. */
export interface DiskSpoolOptions {
  /** `state/spool`. */
  readonly folder: string;
  /** `state/set-aside`. */
  readonly setAsideFolder: string;
  readonly fs: FileSystem;
  readonly database: StateDatabase;
  readonly clock: Clock;
  readonly limits: RoomLimits & { readonly keepDays: number };
  /** Makes the source's ledger forget a batch, within the running transaction. */
  readonly onLost: (lost: LostBatch) => void;
}

/**
 * Opens the spool: creates the folders, recovers from whatever ended the previous run, removes what was kept long
 * enough.
 */
export async function openSpool(options: DiskSpoolOptions): Promise<DiskSpool> {
  const { folder, fs, database, clock } = options;
  const incomingFolder = join(folder, incomingFolderName);
  await fs.makeFolder(incomingFolder);
  // At every start: the run that created the folder may have been killed before it synced the name.
  await fs.syncFolder(dirname(folder));
  const index = new SpoolIndex(database);
  await recover({ ...options, incomingFolder, incomingName: incomingFolderName, index, now: clock.now() });
  const spool = new DiskSpool(options, index);
  await spool.prune();
  return spool;
}

/** The spool on disk. One per state folder. Disposing it ends all waits; batches not admitted by then are lost. */
export class DiskSpool implements Spool, AsyncDisposable {
  readonly #options: DiskSpoolOptions;
  readonly #index: SpoolIndex;
  readonly #room: Room;
  readonly #incoming: IncomingFiles;
  readonly #admission: Admission;
  readonly #outgoing: Outgoing;
  readonly #eviction: Eviction;
  readonly #setAsideLimit: SetAsideLimit;
  readonly #closing = new AbortController();
  /** Fires `change` whenever there may be more to deliver. */
  readonly changed: EventTarget = new EventTarget();
  #storedBytes: number;
  #prunedAtMs = -Infinity;

  /** Use {@linkcode openSpool}. */
  constructor(options: DiskSpoolOptions, index: SpoolIndex) {
    this.#options = options;
    this.#index = index;
    this.#storedBytes = index.storedBytes();
    this.#outgoing = new Outgoing({ ...options, index });
    this.#setAsideLimit = new SetAsideLimit(options.setAsideFolder, options);
    this.#eviction = new Eviction({ ...options, index, onRemoved: (bytes) => this.#onRemoved(bytes) });
    const view = {
      storedBytes: () => this.#storedBytes,
      othersBytes: () => this.waitingForOthers().bytes,
      isIdle: () => this.#outgoing.isIdle,
      freeBytes: () => options.fs.freeBytes(options.folder),
      evict: (bytes: number) => this.#eviction.evict({ bytes, ...ofAnyAge }),
    };
    this.#room = new Room(view, { limits: options.limits, clock: options.clock, closing: this.#closing.signal });
    const incomingFolder = join(options.folder, incomingFolderName);
    this.#incoming = new IncomingFiles({ incomingFolder, fs: options.fs, room: this.#room });
    this.#admission = new Admission({
      ...options,
      index,
      incoming: this.#incoming,
      room: this.#room,
      onStored: (bytes) => this.#storedBytes += bytes,
    });
  }

  /**
   * From now on hands out the batches of this link's integration and declares them with this link; those of others stay
   * where they are. `undefined`: hands out none. A batch opened earlier goes to the integration it was opened for.
   */
  use(link: Link | undefined): void {
    this.#outgoing.use(link);
    this.#room.changed();
    this.#tellChange();
  }

  open(options: RoomWanted): Promise<BatchWriter> {
    return this.#withOwner((owner) => this.#incoming.open(owner, options));
  }

  /**
   * Waits for room as `open` does and names a file for another process to write with `createIncomingWriter`. The
   * resulting {@linkcode BatchFile} is admitted before the place is disposed.
   */
  reserve(options: RoomWanted): Promise<IncomingPlace> {
    return this.#withOwner((owner) => this.#incoming.reserve(owner, options));
  }

  /** Discards a finished file that was not admitted; does nothing if it was. */
  async discard(file: BatchFile): Promise<void> {
    await this.#incoming.discard(file.path);
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
    return this.#outgoing.next(options);
  }

  acknowledge(receipts: readonly Receipt[]): void {
    const { clock, limits } = this.#options;
    this.#outgoing.acknowledge(receipts);
    this.#room.changed();
    if (limits.keepDays === 0 || clock.monotonicMs() - this.#prunedAtMs >= pruneEveryMs) {
      void this.prune().catch((error: unknown) =>
        log.warn("Cannot remove batches that are no longer needed: {reason} This is retried later.", {
          reason: sentence(errorText(error)),
        })
      );
    }
  }

  async setAside(id: string, reason: string): Promise<void> {
    const row = this.#index.get(id);
    if (row === undefined) return;
    await setAsideBatch(row, reason, {
      ...this.#options,
      index: this.#index,
      limit: this.#setAsideLimit,
      onRemoved: (bytes) => this.#onRemoved(bytes),
    });
    this.#outgoing.forget(id);
    this.#tellChange();
  }

  /** What waits for the current integration. */
  waiting(): Waiting {
    return this.#outgoing.waiting;
  }

  /** What waits for integrations that this installation was linked to before, and may be again. */
  waitingForOthers(): Omit<Waiting, "oldestAt"> {
    return this.#index.waitingForOthers(this.#outgoing.owner?.key);
  }

  /** Why sources are waiting now, for people; `undefined` if they are not. */
  get problem(): string | undefined {
    return this.#room.problem;
  }

  /** How many batches of the current integration have ever been acknowledged, including those no longer kept. */
  acknowledgedCount(): number {
    const { owner } = this.#outgoing;
    return owner === undefined ? 0 : this.#index.acknowledgedCount(owner.key);
  }

  /** Kept acknowledged batches of the current integration with a sequence above `after`, in ascending order. */
  acknowledged(page: { after: number; limit: number }): { id: string; sequence: number }[] {
    const { owner } = this.#outgoing;
    return owner === undefined ? [] : this.#index.acknowledged(owner.key, page);
  }

  /** The ids of the most recently acknowledged kept batches of the current integration. */
  newestAcknowledged(limit: number): string[] {
    const { owner } = this.#outgoing;
    return owner === undefined ? [] : this.#index.newestAcknowledged(owner.key, limit);
  }

  /** The hub has lost these: they wait for delivery again. Returns how many of them are still kept. */
  resend(ids: readonly string[]): number {
    const found = this.#outgoing.resend(ids);
    if (found > 0) this.#tellChange();
    return found;
  }

  /**
   * Removes what was kept long enough: acknowledged batches, and those of deleted integrations. Also happens
   * automatically from time to time. What was acknowledged goes only if by both clocks enough time has passed, this
   * computer's and, judged by its latest receipt, the hub's: either may be wrong.
   */
  async prune(): Promise<void> {
    const { clock, limits } = this.#options;
    this.#prunedAtMs = clock.monotonicMs();
    const keepMs = limits.keepDays * dayMs;
    const nowMs = clock.now();
    const hubNowMs = Math.min(nowMs, this.#index.lastReceivedAt() ?? nowMs);
    const ages = { receivedBefore: hubNowMs - keepMs, deletedBefore: nowMs - keepMs };
    await this.#eviction.evict({ bytes: Infinity, ...keepMs === 0 ? ofAnyAge : ages });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new DOMException("The spool is closed", "AbortError"));
    await this.#admission.settled();
    await this.#room.settled();
    await this.#eviction.settled();
  }

  #withOwner<T>(act: (owner: BatchOwner) => Promise<T>): Promise<T> {
    const { owner } = this.#outgoing;
    if (owner !== undefined) return act(owner);
    return Promise.reject(new Error("Cannot accept a batch: this installation is not linked"));
  }

  #onRemoved(bytes: number): void {
    this.#storedBytes -= bytes;
    this.#room.changed();
  }

  #tellChange(): void {
    this.changed.dispatchEvent(new Event("change"));
  }
}
