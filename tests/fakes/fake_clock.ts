/** A clock that moves only when told to. */
import type { Clock } from "../../src/runtime/clock.ts";

interface Sleeper {
  readonly dueMs: number;
  readonly wake: () => void;
}

/** Wall clock and monotonic clock move together with {@linkcode FakeClock.advance}. */
export class FakeClock implements Clock {
  #nowMs: number;
  readonly #startMs: number;
  #sleepers: Sleeper[] = [];
  #waiting: (() => void)[] = [];
  /** Every look at the monotonic clock takes so long, in ms: the next one tells a later time. */
  lookMs = 0;

  constructor(start: string = "2026-03-02T08:00:00Z") {
    this.#startMs = this.#nowMs = Date.parse(start);
  }

  now(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    const elapsedMs = this.#nowMs - this.#startMs;
    this.#nowMs += this.lookMs;
    return elapsedMs;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const sleeper: Sleeper = {
        dueMs: this.#nowMs + ms,
        wake: () => {
          signal.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      const onAbort = () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        reject(signal.reason);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#sleepers.push(sleeper);
      for (const tell of this.#waiting.splice(0)) tell();
    });
  }

  /** Resolves as soon as something sleeps. */
  async sleeping(): Promise<void> {
    while (this.#sleepers.length === 0) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** How long the next sleeper has still to wait, in ms; `undefined` when nothing sleeps. */
  get nextDueMs(): number | undefined {
    if (this.#sleepers.length === 0) return undefined;
    return Math.min(...this.#sleepers.map(({ dueMs }) => dueMs)) - this.#nowMs;
  }

  /** Moves on by `ms`, waking what falls due in its order, with time for each to act. */
  async advance(ms: number): Promise<void> {
    const targetMs = this.#nowMs + ms;
    for (;;) {
      const next = this.#sleepers.toSorted((a, b) => a.dueMs - b.dueMs)[0];
      if (next === undefined || next.dueMs > targetMs) break;
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      this.#sleepers = this.#sleepers.filter((other) => other !== next);
      next.wake();
      await settle();
    }
    this.#nowMs = targetMs;
    await settle();
  }
}

/** Lets everything that can go on without a clock go on. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}
