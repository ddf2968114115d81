/**
 * Wakes those who wait for a change: at once when this process made it, within a second when another one did, which
 * is seen in the table `change`. The look costs nothing while nobody waits.
 */
import { getLogger } from "@logtape/logtape";
import type { Clock } from "../runtime/clock.ts";
import type { Database, DatabaseTransaction } from "./database/schema.ts";
import { changePollMs, changesKeptMs } from "./limits.ts";
import type { Changes } from "./services.ts";

const log = getLogger(["cloud-link", "hub"]);

/** Records and hands out changes. */
export class ChangeFeed implements Changes, AsyncDisposable {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #stop = new AbortController();
  #looking: Promise<void> | undefined;

  constructor(options: { database: Database; clock: Clock }) {
    this.#database = options.database;
    this.#clock = options.clock;
  }

  /** Records a change of `topic` with what changed it. Call {@linkcode wake} once the transaction is committed. */
  async record(transaction: DatabaseTransaction, topic: string): Promise<void> {
    await transaction.insertInto("change").values({ topic, at: this.#clock.now() }).execute();
  }

  /** Wakes those who wait in this process. */
  wake(topic: string): void {
    const waiting = this.#waiting.get(topic);
    if (waiting === undefined) return;
    this.#waiting.delete(topic);
    for (const resolve of waiting) resolve();
  }

  next(topic: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted || this.#stop.signal.aborted) return resolve();
      const done = () => {
        signal.removeEventListener("abort", done);
        const waiting = this.#waiting.get(topic);
        waiting?.delete(done);
        if (waiting?.size === 0) this.#waiting.delete(topic);
        resolve();
      };
      signal.addEventListener("abort", done, { once: true });
      const waiting = this.#waiting.get(topic) ?? new Set();
      waiting.add(done);
      this.#waiting.set(topic, waiting);
      this.#looking ??= this.#look();
    });
  }

  /** Forgets old changes. */
  async sweep(): Promise<void> {
    await this.#database.deleteFrom("change").where("at", "<", this.#clock.now() - changesKeptMs).execute();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    for (const topic of [...this.#waiting.keys()]) this.wake(topic);
    await this.#looking;
  }

  async #look(): Promise<void> {
    let seen: number | undefined;
    let failing = false;
    try {
      while (this.#waiting.size > 0 && !this.#stop.signal.aborted) {
        try {
          // The first look only learns where the table ends, a little before whoever waits began to wait.
          seen = seen === undefined ? await this.#end() : await this.#wakeSince(seen);
          failing = false;
        } catch (error) {
          if (!failing) {
            log.error("Cannot look for changes: {reason}. It is tried again every second.", { reason: error });
          }
          failing = true;
        }
        await this.#clock.sleep(changePollMs, this.#stop.signal).catch(() => {});
      }
    } finally {
      this.#looking = undefined;
    }
  }

  async #end(): Promise<number> {
    const row = await this.#database.selectFrom("change").select("id").orderBy("id", "desc").limit(1)
      .executeTakeFirst();
    return row?.id ?? 0;
  }

  async #wakeSince(seen: number): Promise<number> {
    const rows = await this.#database.selectFrom("change").select(["id", "topic"]).where("id", ">", seen)
      .orderBy("id").limit(10_000).execute();
    for (const topic of new Set(rows.map((row) => row.topic))) this.wake(topic);
    return rows.at(-1)?.id ?? seen;
  }
}
