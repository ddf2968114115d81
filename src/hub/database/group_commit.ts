/**
 * One transaction for the writes of many requests: whatever comes while a commit is under way shares the next one, so
 * that a thousand small deliveries do not wait for a thousand syncs of the disk.
 *
 * A write may be run twice: when one of a group fails, the group is rolled back and each runs alone. So it touches
 * nothing but the transaction that it is given.
 */
import type { Database, DatabaseTransaction } from "./schema.ts";

/** Writes of one transaction. */
const groupMax = 256;

type Write<Result> = (transaction: DatabaseTransaction) => Promise<Result>;

interface Waiting {
  readonly write: Write<unknown>;
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** Gathers writes. */
export class GroupCommit {
  readonly #database: Database;
  readonly #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;

  constructor(database: Database) {
    this.#database = database;
  }

  /** When it resolves, what `write` did is durable; when it rejects, nothing of it was done. */
  run<Result>(write: Write<Result>): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      this.#waiting.push({ write, resolve: (result) => resolve(result as Result), reject });
      this.#running ??= this.#work();
    });
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #work(): Promise<void> {
    // Requests that were read in the same turn of the event loop join the first group.
    await Promise.resolve();
    while (this.#waiting.length > 0) await this.#commit(this.#waiting.splice(0, groupMax));
    this.#running = undefined;
  }

  async #commit(group: readonly Waiting[]): Promise<void> {
    try {
      const results = await this.#database.transaction().execute(async (transaction) => {
        const gathered: unknown[] = [];
        for (const { write } of group) gathered.push(await write(transaction));
        return gathered;
      });
      group.forEach((waiting, index) => waiting.resolve(results[index]));
    } catch (error) {
      const [only] = group;
      if (only !== undefined && group.length === 1) return only.reject(error);
      for (const waiting of group) await this.#commit([waiting]);
    }
  }
}
