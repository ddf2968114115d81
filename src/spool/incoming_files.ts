/** Batches on their way in: the room they hold, and their files in the incoming folder. */
import { join } from "node:path";
import { type BatchWriter, type Lane, SpoolFullError } from "../agent/ports.ts";
import { type Files, isDiskFull } from "../durable/file_system.ts";
import type { IntegrationKey, IntegrationName } from "../state/integration.ts";
import { PayloadWriter } from "./payload_writer.ts";
import type { Reservation, Room } from "./room.ts";

/** Content up to this length is compressed in memory and written in one go, in bytes. */
const memoryBytesMax = 1024 * 1024;
/** Room for checksums, footer and trailer of a batch, in bytes. */
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

/** A place in the incoming folder for another process to write to. Disposing removes what was not admitted. */
export interface IncomingPlace extends AsyncDisposable {
  readonly path: string;
}

/** A batch between the end of its writing and the end of its admission. */
export interface IncomingFile {
  readonly owner: BatchOwner;
  readonly reservation: Reservation;
  /** Payload and checksums, if no file was written. */
  readonly memory: readonly Uint8Array[] | undefined;
}

/** Where the files are, and how much there may be. */
export interface IncomingFilesOptions {
  readonly incomingFolder: string;
  readonly fs: Files;
  readonly room: Room;
}

/** The incoming folder of one spool. */
export class IncomingFiles {
  readonly #options: IncomingFilesOptions;
  readonly #files = new Map<string, IncomingFile>();

  constructor(options: IncomingFilesOptions) {
    this.#options = options;
  }

  /** See `Spool.open`. */
  async open(owner: BatchOwner, wanted: RoomWanted): Promise<BatchWriter> {
    const { fs, room } = this.#options;
    const reservation = await this.#reserveRoom({ ...wanted, refuseInVain: true });
    const path = this.#newPath();
    const writer = new PayloadWriter({
      fs,
      path,
      memoryBytesMax,
      reserve: (bytes) => room.grow(reservation, bytes + footerBytesReserved),
    });
    let written = 0;
    let isOpen = true;
    return {
      write: (chunk) => {
        written += chunk.length;
        return explainFullDisk(writer.write(chunk), { room, bytesNeeded: written });
      },
      finish: async () => {
        const { file, memory } = await explainFullDisk(writer.finish(), { room, bytesNeeded: written });
        isOpen = false;
        this.#files.set(path, { owner, reservation, memory });
        return file;
      },
      [Symbol.asyncDispose]: async () => {
        if (!isOpen) return;
        isOpen = false;
        try {
          await writer.discard();
        } finally {
          room.release(reservation);
        }
      },
    };
  }

  /** See `DiskSpool.reserve`. */
  async reserve(owner: BatchOwner, wanted: RoomWanted): Promise<IncomingPlace> {
    const reservation = await this.#reserveRoom(wanted);
    const path = this.#newPath();
    this.#files.set(path, { owner, reservation, memory: undefined });
    return { path, [Symbol.asyncDispose]: () => this.discard(path) };
  }

  /** What was written at the path; `undefined` when that is unknown, or done with. */
  get(path: string): IncomingFile | undefined {
    return this.#files.get(path);
  }

  /** Returns the room, and removes the file unless it `wasTaken`. */
  async discard(path: string, { wasTaken = false } = {}): Promise<void> {
    const { fs, room } = this.#options;
    const file = this.#files.get(path);
    if (file === undefined) return;
    this.#files.delete(path);
    room.release(file.reservation);
    if (!wasTaken) await fs.remove(path);
  }

  /** A disk on which not even delivered batches can be removed counts as full, too. */
  #reserveRoom(wanted: RoomWanted & { refuseInVain?: boolean }): Promise<Reservation> {
    const { room } = this.#options;
    const bytes = wanted.bytes + footerBytesReserved;
    return explainFullDisk(room.reserve(bytes, wanted), { room, bytesNeeded: bytes });
  }

  #newPath(): string {
    return join(this.#options.incomingFolder, `${crypto.randomUUID()}.tmp`);
  }
}

/**
 * A full disk is not an error to report but something to wait for: turns the failure into a {@linkcode SpoolFullError}.
 */
export async function explainFullDisk<T>(
  work: Promise<T>,
  { room, bytesNeeded }: { room: Room; bytesNeeded: number },
): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!isDiskFull(error)) throw error;
    room.sawFullDisk();
    throw new SpoolFullError("Cannot write the batch: the disk is full", { bytesNeeded, cause: error });
  }
}
