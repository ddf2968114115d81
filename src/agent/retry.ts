/** How long to wait after a failed call of the hub. */
import { HubError } from "./ports.ts";

/** First step of the exponential backoff, in ms. */
export const retryFirstMs = 1000;
/** Longest wait, in ms. */
export const retryMaxMs = 5 * 60_000;
/** After this many answers that no hub would give, the address is asked hourly only. */
export const strangerAnswersMax = 3;
/** How often an address that is no hub is asked, in ms. */
export const strangerRetryMs = 60 * 60_000;

/**
 * The wait before try `failures + 1`: full jitter over an exponential step (at least half of it), never less than the
 * hub asked for.
 *
 * @param failures How many calls in a row have failed, from 1.
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(retryDelayMs(3, { random: () => 1 }), 4000);
 * assertEquals(retryDelayMs(30, { random: () => 0 }), 150_000);
 * ```
 */
export function retryDelayMs(failures: number, options: { random: () => number; error?: unknown }): number {
  const { random, error } = options;
  const step = Math.min(retryMaxMs, retryFirstMs * 2 ** Math.min(failures - 1, 20));
  const jittered = Math.round(step / 2 + random() * (step / 2));
  return Math.max(jittered, error instanceof HubError ? error.retryAfterMs ?? 0 : 0);
}
