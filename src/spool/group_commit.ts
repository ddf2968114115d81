/**
 * Makes synced batch files part of the spool, many at once: one rename each, one sync of the folder and one transaction
 * for all that came meanwhile.
 */
import type { FileSystem } from "../durable/file_system.ts";
import type { StateDatabase } from "../state/state_database.ts";

/** How many batches one commit takes at most. */
const groupMax = 256;

/** One batch to be committed. */
export interface Commit {
  /** The synced file in the incoming folder. */
  readonly from: string;
  /** Its name in the spool. */
  readonly to: string;
  /** Writes the index row and what the source wants beside it, within the transaction. */
  readonly write: () => void;
}

interface Waiting extends Commit {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Commits in groups. One group at a time; what comes meanwhile is the next one. */
export class GroupCommit {
  readonly #fs: FileSystem;
  readonly #folder: string;
  readonly #database: StateDatabase;
  #queue: Waiting[] = [];
  #running = false;

  /** @param folder the spool's, where the files go */
  constructor(folder: string, options: { fs: FileSystem; database: StateDatabase }) {
    this.#folder = folder;
    this.#fs = options.fs;
    this.#database = options.database;
  }

  /**
   * When it resolves the file has its name and what `write` wrote is committed, both durable. When it rejects `write` did
   * nothing, and the file is removed as far as the disk allows (see recovery.ts for what is left by a crash).
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

  /** Never rejects: whatever happens is the answer to those who wait. */
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
          // A savepoint: what fails for one batch fails for that one only.
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
      // The disk is failing: the caller has its error already, and the next start looks at what is left.
    }
  }
}
