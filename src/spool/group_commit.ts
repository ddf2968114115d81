/**
 * Makes synced batch files part of the spool, many at once: one rename each, then one sync of the folder and one
 * transaction for everything that arrived meanwhile.
 */
import type { FileSystem } from "../durable/file_system.ts";
import type { StateDatabase } from "../state/state_database.ts";

/** How many batches one commit takes at most. */
const groupMax = 256;

/** One batch to commit. */
export interface Commit {
  /** The synced file in the incoming folder. */
  readonly from: string;
  /** Its name in the spool. */
  readonly to: string;
  /** Writes the index row and the source's records, within the transaction. */
  readonly write: () => void;
}

interface Waiting extends Commit {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Commits in groups. One group at a time; what arrives meanwhile forms the next one. */
export class GroupCommit {
  readonly #fs: FileSystem;
  readonly #folder: string;
  readonly #database: StateDatabase;
  #queue: Waiting[] = [];
  #running = false;

  /** @param folder the spool's folder, to which the files are moved */
  constructor(folder: string, options: { fs: FileSystem; database: StateDatabase }) {
    this.#folder = folder;
    this.#fs = options.fs;
    this.#database = options.database;
  }

  /**
   * When it resolves, the file has its name and what `write` wrote is committed, both durably. When it rejects, `write`
   * had no effect, and the file is removed as far as the disk allows (see recovery.ts for what a crash leaves).
   */
  commit(commit: Commit): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#queue.push({ ...commit, resolve, reject });
    if (!this.#running) {
      this.#running = true;
      void this.#run();
    }
    return promise;
  }

  /** Never rejects: the waiting callers get the errors. */
  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      const group = this.#queue.slice(0, groupMax);
      this.#queue = this.#queue.slice(groupMax);
      const failures = new Map<Waiting, unknown>();
      try {
        await this.#commitGroup(group, failures);
      } catch (error) {
        for (const one of group) failures.set(one, error);
      }
      for (const one of group) {
        if (failures.has(one)) {
          await this.#undo(one);
          one.reject(failures.get(one));
        } else one.resolve();
      }
    }
    this.#running = false;
  }

  async #commitGroup(group: readonly Waiting[], failures: Map<Waiting, unknown>): Promise<void> {
    const results = await Promise.allSettled(group.map(({ from, to }) => this.#fs.rename(from, to)));
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    await this.#fs.syncFolder(this.#folder);
    this.#database.transaction(() => {
      failures.clear();
      for (const one of group) {
        try {
          // A savepoint: a failure of one batch affects only that one.
          this.#database.transaction(one.write);
        } catch (error) {
          failures.set(one, error);
        }
      }
    });
  }

  async #undo({ from, to }: Commit): Promise<void> {
    try {
      await this.#fs.remove(from);
      await this.#fs.remove(to);
    } catch {
      // The disk is failing: the caller already has its error, and the next start deals with what is left.
    }
  }
}
