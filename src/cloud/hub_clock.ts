/**
 * The hub's clock as far as its answers tell (the `Date` header), so that a wrong local clock does not lock the agent
 * out. Between answers it goes on with the monotonic clock: when the local one jumps, it does not.
 */
import type { Clock } from "../runtime/clock.ts";

/** Tells the hub's time. */
export class HubClock {
  readonly #clock: Clock;
  #seen: { readonly hubMs: number; readonly monotonicMs: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The hub's time, in ms since the epoch; the local clock's until the hub has answered once. */
  now(): number {
    if (this.#seen === undefined) return this.#clock.now();
    return this.#seen.hubMs + this.#clock.monotonicMs() - this.#seen.monotonicMs;
  }

  /** How much the local clock is ahead of the hub's, in ms; `undefined` until the hub has answered. Good to a second. */
  get offsetMs(): number | undefined {
    return this.#seen === undefined ? undefined : this.#clock.now() - this.now();
  }

  /**
   * Takes the time of an answer.
   * @returns By how much the hub's time is other than was thought, in ms; 0 when the answer has none.
   */
  observe(answer: Response): number {
    const hubMs = Date.parse(answer.headers.get("date") ?? "");
    if (Number.isNaN(hubMs)) return 0;
    const correctionMs = hubMs - this.now();
    this.#seen = { hubMs, monotonicMs: this.#clock.monotonicMs() };
    return correctionMs;
  }
}
