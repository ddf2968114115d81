/** Clocks that are moved at will: what depends on minutes passing is tested without them. */
import { type Clock, systemClock } from "../../src/runtime/clock.ts";

/** The machine's clock. */
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

/** Stands still until it is moved. */
export class StillClock implements Clock {
  #now = Date.UTC(2026, 0, 1);
  now(): number {
    return this.#now;
  }
  monotonicMs(): number {
    return this.#now;
  }
  sleep(): Promise<void> {
    throw new Error("nothing sleeps here");
  }
  advance(ms: number): void {
    this.#now += ms;
  }
}
