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

  /**
   * How far the local clock is ahead of the hub's, in ms; `undefined` until the hub's first answer. Accurate to a
   * second.
   */
  get offsetMs(): number | undefined {
    return this.#seen === undefined ? undefined : this.#clock.now() - this.now();
  }

  /**
   * Takes the time of an answer.
   * @returns How far the hub's time differs from the estimate, in ms; 0 if the answer has none.
   */
  observe(answer: Response): number {
    const hubMs = Date.parse(answer.headers.get("date") ?? "");
    if (Number.isNaN(hubMs)) return 0;
    const correctionMs = hubMs - this.now();
    this.#seen = { hubMs, monotonicMs: this.#clock.monotonicMs() };
    return correctionMs;
  }
}
