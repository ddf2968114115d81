/** The way of a batch into the spool: room, writing, the footer, the commit. The order of it is told in disk_spool.ts. */
import { join } from "node:path";
import { getLogger } from "@logtape/logtape";
import type { BatchFile, BatchWriter, Lane } from "../agent/ports.ts";
import { type FileSystem, isDiskFull } from "../durable/file_system.ts";
import type { BatchOrigin } from "../protocol/delivery.ts";
import type { Clock } from "../runtime/clock.ts";
import { type IntegrationKey, type IntegrationName, lastSequence } from "../state/integration.ts";
import type { StateDatabase } from "../state/state_database.ts";
import { type BatchDescription, batchFileName, checksBytes, encodeFooter } from "./batch_file.ts";
import { batchId } from "./batch_id.ts";
import { SpoolFullError } from "./errors.ts";
import { GroupCommit } from "./group_commit.ts";
import { PayloadWriter } from "./payload_writer.ts";
import type { Reservation, Room } from "./room.ts";
import type { IndexedBatch, SpoolIndex } from "./spool_index.ts";

const log = getLogger(["cloud-link", "spool"]);

/** Content up to this length is compressed in memory and written at once, in bytes. */
const memoryBytesMax = 1024 * 1024;
/** Room for checks, footer and trailer of a batch, in bytes. */
const footerBytesReserved = 4096;

/** The integration that a batch is filed under. */
export interface BatchOwner {
  readonly name: IntegrationName;
  readonly key: IntegrationKey;
}

/** What a source asks for. */
export interface RoomWanted {
  readonly bytes: number;
  readonly lane: Lane;
  readonly signal: AbortSignal;
}

/** The parts that an admission passes through, in this order: room, files, database, index. */
export interface AdmissionOptions {
  readonly folder: string;
  readonly incomingFolder: string;
  readonly fs: FileSystem;
  readonly database: StateDatabase;
  readonly clock: Pick<Clock, "now">;
  readonly index: SpoolIndex;
  readonly room: Room;
  /** The spool's files have become so much longer, in bytes. */
  readonly onStored: (bytes: number) => void;
}

/** A batch on its way in: from `open` to the end of `admit`. */
interface Incoming {
  readonly owner: BatchOwner;
  readonly reservation: Reservation;
  readonly memory: readonly Uint8Array[] | undefined;
}

/** A place in the incoming folder for another process to write to. Disposing removes what was not admitted. */
export interface IncomingPlace extends AsyncDisposable {
  readonly path: string;
}

/** Takes batches in. */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #groupCommit: GroupCommit;
  readonly #incoming = new Map<string, Incoming>();
  readonly #admitting = new Map<string, Promise<unknown>>();
  readonly #sequences = new Map<IntegrationKey, number>();

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#groupCommit = new GroupCommit(options.folder, options);
  }

  /** See `Spool.open`. */
  async open(owner: BatchOwner, options: RoomWanted): Promise<BatchWriter> {
    const { fs } = this.#options;
    const reservation = await this.#options.room.reserve(options.bytes + footerBytesReserved, options);
    const path = this.#newPath();
    const writer = new PayloadWriter({
      fs,
      path,
      memoryBytesMax,
      reserve: (bytes) => this.#options.room.grow(reservation, bytes + footerBytesReserved),
    });
    let written = 0;
    let isOpen = true;
    const abandon = async () => {
      if (!isOpen) return;
      isOpen = false;
      try {
        await writer.discard();
      } finally {
        this.#options.room.release(reservation);
      }
    };
    return {
      write: (chunk) => {
        written += chunk.length;
        return this.#explainFullDisk(writer.write(chunk), written);
      },
      finish: async () => {
        const { file, memory } = await this.#explainFullDisk(writer.finish(), written);
        isOpen = false;
        this.#incoming.set(path, { owner, reservation, memory });
        return file;
      },
      [Symbol.asyncDispose]: abandon,
    };
  }

  /**
   * Waits for room as `open` does and names a file for another process to write with `createIncomingWriter`. The
   * resulting {@linkcode BatchFile} is admitted before the place is disposed.
   */
  async reserve(owner: BatchOwner, options: RoomWanted): Promise<IncomingPlace> {
    const reservation = await this.#options.room.reserve(options.bytes + footerBytesReserved, options);
    const path = this.#newPath();
    this.#incoming.set(path, { owner, reservation, memory: undefined });
    return { path, [Symbol.asyncDispose]: () => this.discard(path) };
  }

  /** See `Spool.admit`. */
  async admit(
    file: BatchFile,
    options: { origin: BatchOrigin; lane: Lane; alongside?: (batchId: string) => void },
  ): Promise<"admitted" | "known"> {
    const incoming = this.#incoming.get(file.path);
    if (incoming === undefined) {
      throw new Error(`Cannot admit "${file.path}": the spool did not give this path, or it was admitted before`);
    }
    const id = batchId({ integration: incoming.owner.name, origin: options.origin, sha256: file.sha256 });
    // The same content twice at the same time: the second one finds the first in the index.
    const before = this.#admitting.get(id);
    const admission = (async () => {
      await before?.catch(() => {});
      return await this.#admitOne(file, { ...options, id, incoming });
    })();
    this.#admitting.set(id, admission);
    let wasTaken = false;
    try {
      const answer = await this.#explainFullDisk(admission, file.payloadBytes);
      wasTaken = answer === "admitted";
      return answer;
    } finally {
      if (this.#admitting.get(id) === admission) this.#admitting.delete(id);
      await this.discard(file.path, { wasTaken });
    }
  }

  /** Gives up what is at the path, if it was not admitted, and its room. */
  async discard(path: string, { wasTaken = false } = {}): Promise<void> {
    const incoming = this.#incoming.get(path);
    if (incoming === undefined) return;
    this.#incoming.delete(path);
    this.#options.room.release(incoming.reservation);
    if (!wasTaken) await this.#options.fs.remove(path);
  }

  /** Resolves when nothing is being admitted. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#admitting.values());
  }

  async #admitOne(
    file: BatchFile,
    admission: {
      id: string;
      origin: BatchOrigin;
      lane: Lane;
      incoming: Incoming;
      alongside?: (batchId: string) => void;
    },
  ): Promise<"admitted" | "known"> {
    const { database, folder, clock } = this.#options;
    const { id, origin, lane, incoming, alongside } = admission;
    const { owner } = incoming;
    const known = this.#options.index.get(id);
    if (known !== undefined && known.state !== "expired" && !this.#options.index.isSuperseded(known)) {
      database.transaction(() => alongside?.(id));
      return "known";
    }
    const now = clock.now();
    const { sha256, bytes, payloadSha256, payloadBytes } = file;
    const sequence = this.#takeSequence(owner.key, now);
    const createdAt = new Date(now).toISOString();
    const batch = { id, sequence, lane, origin, sha256, bytes, payloadSha256, payloadBytes, createdAt };
    const fileBytes = await this.#complete(file, { owner, memory: incoming.memory, batch });
    const name = batchFileName(batch);
    let replaced: IndexedBatch | undefined;
    await this.#groupCommit.commit({
      from: file.path,
      to: join(folder, name),
      write: () => {
        replaced = this.#options.index.get(id);
        this.#options.index.insert({ integration: owner.key, file: name, fileBytes, batch });
        alongside?.(id);
      },
    });
    this.#options.onStored(fileBytes - (replaced?.fileBytes ?? 0));
    if (replaced !== undefined) await this.#removeReplaced(replaced);
    return "admitted";
  }

  /** The batch is in: that its old file stays until the next start, which removes it, is no reason to fail. */
  async #removeReplaced({ file }: IndexedBatch): Promise<void> {
    try {
      await this.#options.fs.remove(join(this.#options.folder, file));
    } catch (error) {
      log.debug("Cannot remove {file}, which was replaced: {reason}.", { file, reason: String(error) });
    }
  }

  /** Appends the footer (after the rest, when nothing was written yet) and syncs; returns the length of the file. */
  async #complete(
    file: BatchFile,
    { owner, memory, batch }: { owner: BatchOwner; memory: Incoming["memory"]; batch: BatchDescription },
  ): Promise<number> {
    const { fs } = this.#options;
    const footer = encodeFooter({ ...owner.name, batch });
    using open = memory === undefined ? await fs.append(file.path) : await fs.create(file.path);
    await open.write(memory === undefined ? footer : Buffer.concat([...memory, footer]));
    await open.sync();
    return file.payloadBytes + checksBytes(file.payloadBytes) + footer.length;
  }

  /** A number above all given before. Not below the clock, so that another or a lost state's numbers are below too. */
  #takeSequence(key: IntegrationKey, now: number): number {
    const last = this.#sequences.get(key) ?? lastSequence(this.#options.database, key);
    const sequence = Math.max(last + 1, now);
    this.#sequences.set(key, sequence);
    return sequence;
  }

  /** A full disk is nothing to report but something to wait for. */
  async #explainFullDisk<T>(work: Promise<T>, bytesNeeded: number): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      this.#options.room.sawFullDisk();
      throw new SpoolFullError("Cannot write the batch: the disk is full", { bytesNeeded, cause: error });
    }
  }

  #newPath(): string {
    return join(this.#options.incomingFolder, `${crypto.randomUUID()}.tmp`);
  }
}
