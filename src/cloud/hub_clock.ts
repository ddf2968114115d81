/**
 * The hub's clock, as known from its answers (the `Date` header), so that a wrong local clock does not lock the agent
 * out. Between answers it advances with the monotonic clock, so jumps of the local clock do not affect it.
 */
import type { Clock } from "../runtime/clock.ts";

/** Keeps the hub's time. */
export class HubClock {
  readonly #clock: Clock;
  #seen: { readonly hubMs: number; readonly monotonicMs: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The hub's time, in ms since the epoch; the local clock's until the hub's first answer. */
  now(): number {
    if (this.#seen === undefined) return this.#clock.now();
    return this.#seen.hubMs + this.#clock.monotonicMs() - this.#seen.monotonicMs;
  }

  /** Takes the time of an answer, accurate to a second, if it has one. */
  observe(answer: Response): void {
    const hubMs = Date.parse(answer.headers.get("date") ?? "");
    if (!Number.isNaN(hubMs)) this.#seen = { hubMs, monotonicMs: this.#clock.monotonicMs() };
  }
}
