/** The machine's clock, moved at will: what depends on minutes passing is tested without them. */
import { type Clock, systemClock } from "../../src/runtime/clock.ts";

export class ShiftedClock implements Clock {
  #shiftMs = 0;

  /** From now on it is `ms` later. */
  advance(ms: number): void {
    this.#shiftMs += ms;
  }

  now(): number {
    return systemClock.now() + this.#shiftMs;
  }

  monotonicMs(): number {
    return systemClock.monotonicMs() + this.#shiftMs;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return systemClock.sleep(ms, signal);
  }
}
