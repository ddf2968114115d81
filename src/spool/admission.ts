/** The last steps of a batch into the spool: the footer and the commit. disk_spool.ts describes their order. */
import { join } from "node:path";
import { getLogger } from "@logtape/logtape";
import type { BatchFile, Lane } from "../agent/ports.ts";
import type { FileSystem } from "../durable/file_system.ts";
import type { BatchOrigin } from "../protocol/delivery.ts";
import type { Clock } from "../runtime/clock.ts";
import { type IntegrationKey, lastSequence } from "../state/integration.ts";
import type { StateDatabase } from "../state/state_database.ts";
import { type BatchDescription, batchFileName, checksBytes, encodeFooter } from "./batch_file.ts";
import { batchId } from "./batch_id.ts";
import { GroupCommit } from "./group_commit.ts";
import { type BatchOwner, explainFullDisk, type IncomingFile, type IncomingFiles } from "./incoming_files.ts";
import type { Room } from "./room.ts";
import type { IndexedBatch, SpoolIndex } from "./spool_index.ts";

const log = getLogger(["cloud-link", "spool"]);

/** The parts involved in an admission. */
export interface AdmissionOptions {
  readonly folder: string;
  readonly fs: FileSystem;
  readonly database: StateDatabase;
  readonly clock: Pick<Clock, "now">;
  readonly index: SpoolIndex;
  readonly incoming: IncomingFiles;
  readonly room: Room;
  /** The spool's files have grown by this much, in bytes. */
  readonly onStored: (bytes: number) => void;
}

/** Admits batches. */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #groupCommit: GroupCommit;
  readonly #admitting = new Map<string, Promise<unknown>>();
  readonly #sequences = new Map<IntegrationKey, number>();

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#groupCommit = new GroupCommit(options.folder, options);
  }

  /** See `Spool.admit`. */
  async admit(
    file: BatchFile,
    options: { origin: BatchOrigin; lane: Lane; alongside?: (batchId: string) => void },
  ): Promise<"admitted" | "known"> {
    const { incoming: files, room } = this.#options;
    const incoming = files.get(file.path);
    if (incoming === undefined) {
      throw new Error(`Cannot admit "${file.path}": the spool did not give this path, or it was admitted before`);
    }
    const id = batchId({ integration: incoming.owner.name, origin: options.origin, sha256: file.sha256 });
    // If the same content is admitted twice at the same time, the second one finds the first in the index.
    const before = this.#admitting.get(id);
    const admission = (async () => {
      await before?.catch(() => {});
      return await this.#admitOne(file, { ...options, id, incoming });
    })();
    this.#admitting.set(id, admission);
    let wasTaken = false;
    try {
      const answer = await explainFullDisk(admission, { room, bytesNeeded: file.payloadBytes });
      wasTaken = answer === "admitted";
      return answer;
    } finally {
      if (this.#admitting.get(id) === admission) this.#admitting.delete(id);
      await files.discard(file.path, { wasTaken });
    }
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
      incoming: IncomingFile;
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

  /** The batch is in: if its old file cannot be removed until the next start, that is no reason to fail. */
  async #removeReplaced({ file }: IndexedBatch): Promise<void> {
    try {
      await this.#options.fs.remove(join(this.#options.folder, file));
    } catch (error) {
      log.debug("Cannot remove {file}, which was replaced: {reason}.", { file, reason: String(error) });
    }
  }

  /** Appends the footer (after the rest, if nothing was written yet) and syncs; returns the length of the file. */
  async #complete(
    file: BatchFile,
    { owner, memory, batch }: { owner: BatchOwner; memory: IncomingFile["memory"]; batch: BatchDescription },
  ): Promise<number> {
    const { fs } = this.#options;
    const footer = encodeFooter({ ...owner.name, batch });
    using open = memory === undefined ? await fs.append(file.path) : await fs.create(file.path);
    await open.write(memory === undefined ? footer : Buffer.concat([...memory, footer]));
    await open.sync();
    return file.payloadBytes + checksBytes(file.payloadBytes) + footer.length;
  }

  /**
   * A number above all previous ones. Not below the clock, so that it also exceeds the numbers of another or a lost
   * state.
   */
  #takeSequence(key: IntegrationKey, now: number): number {
    // The database's may have been raised above those taken since; see `outnumber`.
    const last = Math.max(this.#sequences.get(key) ?? 0, lastSequence(this.#options.database, key));
    const sequence = Math.max(last + 1, now);
    this.#sequences.set(key, sequence);
    return sequence;
  }
}
