/**
 * One transaction for the writes of many requests: whatever comes while a commit is under way shares the next one, so
 * that a thousand small deliveries do not wait for a thousand syncs of the disk.
 *
 * A write may be run twice: when one of a group fails, the group is rolled back and each runs alone. So it touches
 * nothing but the transaction that it is given.
 */
import { sql } from "kysely";
import type { Clock } from "../../runtime/clock.ts";
import type { Database, DatabaseTransaction } from "./schema.ts";

/** Writes of one transaction. */
const groupMax = 256;
/**
 * Under load a group gathers writes for as long as the commit before took, within these limits, in ms: nothing else runs
 * while the disk syncs, so a slow one gets larger groups, and requests keep half of the time.
 */
const gatherMsMin = 2;
const gatherMsMax = 50;
/** Under load means: the last commit ended less than this ago, in ms. */
const loadMs = 10;

type Write<Result> = (transaction: DatabaseTransaction) => Promise<Result>;

interface Waiting {
  readonly write: Write<unknown>;
  readonly durable: boolean;
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** Gathers writes. */
export class GroupCommit {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;
  #committedAtMs = -Infinity;
  #commitMs = 0;

  constructor(options: { database: Database; clock: Clock }) {
    this.#database = options.database;
    this.#clock = options.clock;
  }

  /**
   * When it resolves, `write` is committed; when it rejects, nothing of it was done. `durable: false`: a power cut (not
   * a crash of the hub) may undo it until the next durable commit. @default true
   */
  run<Result>(write: Write<Result>, options: { durable?: boolean } = {}): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      this.#waiting.push({
        write,
        durable: options.durable ?? true,
        resolve: (result) => resolve(result as Result),
        reject,
      });
      this.#running ??= this.#work();
    });
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #work(): Promise<void> {
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const busy = this.#clock.monotonicMs() - this.#committedAtMs < loadMs;
      const gatherMs = Math.min(Math.max(this.#commitMs, gatherMsMin), gatherMsMax);
      if (busy && this.#waiting.length < groupMax) await this.#clock.sleep(gatherMs, never);
      const startedMs = this.#clock.monotonicMs();
      await this.#commit(this.#waiting.splice(0, groupMax));
      this.#committedAtMs = this.#clock.monotonicMs();
      this.#commitMs = this.#committedAtMs - startedMs;
    }
    this.#running = undefined;
  }

  async #commit(group: readonly Waiting[]): Promise<void> {
    try {
      const results = group.some(({ durable }) => durable)
        ? await this.#transact(this.#database, group)
        : await this.#transactRelaxed(group);
      group.forEach((waiting, index) => waiting.resolve(results[index]));
    } catch (error) {
      const [only] = group;
      if (only !== undefined && group.length === 1) return only.reject(error);
      for (const waiting of group) await this.#commit([waiting]);
    }
  }

  async #transact(database: Database, group: readonly Waiting[]): Promise<readonly unknown[]> {
    return await database.transaction().execute(async (transaction) => {
      const results: unknown[] = [];
      for (const { write } of group) results.push(await write(transaction));
      return results;
    });
  }

  /** In WAL, `synchronous = normal` leaves out the sync of the commit and nothing else. */
  async #transactRelaxed(group: readonly Waiting[]): Promise<readonly unknown[]> {
    return await this.#database.connection().execute(async (connection) => {
      await sql.raw("pragma synchronous = normal").execute(connection);
      try {
        return await this.#transact(connection, group);
      } finally {
        await sql.raw("pragma synchronous = full").execute(connection);
      }
    });
  }
}

const never = new AbortController().signal;
