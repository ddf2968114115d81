/** The machine's clock, so many times as fast: for real waits that a test need not sit out. */
import { type Clock, systemClock } from "../../src/runtime/clock.ts";

export function fastClock(factor: number): Clock {
  const startMs = systemClock.now();
  return {
    now: () => startMs + (systemClock.now() - startMs) * factor,
    monotonicMs: () => systemClock.monotonicMs() * factor,
    sleep: (ms, signal) => systemClock.sleep(Math.min(ms / factor, 2 ** 31 - 1), signal),
  };
}
