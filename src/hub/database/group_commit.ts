/**
 * One transaction for the writes of many requests: whatever arrives during a commit shares the next one, so that a
 * thousand small deliveries do not wait for a thousand syncs of the disk.
 *
 * A write may run twice: if one of a group fails, the group is rolled back and each write runs alone. It must therefore
 * touch nothing but the transaction passed to it.
 */
import { sql } from "kysely";
import type { Clock } from "../../runtime/clock.ts";
import type { Database, DatabaseTransaction } from "./schema.ts";

/** How many writes share one transaction at most. */
const groupMax = 256;
/**
 * Under load a group gathers writes for as long as the previous commit took, within these limits, in ms: nothing else
 * runs while the disk syncs, so a slow disk gets larger groups, and requests keep half of the time.
 */
const gatherMsMin = 2;
const gatherMsMax = 50;
/** There is load if the last commit ended less than this ago, in ms. */
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
   * When it resolves, `write` is committed; when it rejects, it has had no effect. `durable: false`: a power cut (not a
   * crash of the hub) may undo it until the next durable commit.
   * @default true
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

  /** Resolves when nothing is waiting. */
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

  /** In WAL mode, `synchronous = normal` only skips the sync of the commit. */
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
