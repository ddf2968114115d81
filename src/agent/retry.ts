/** How long to wait after a failed call of the hub. */
import { backoffMs } from "../runtime/backoff.ts";
import { HubError } from "./ports.ts";

/** First step of the exponential backoff, in ms. */
const retryFirstMs = 1000;
/** Longest step, in ms. */
const retryMsMax = 5 * 60_000;
/**
 * How far beyond the time a hub asks for a retry is spread, as a fraction of it: agents given the same time must not
 * all come at once.
 */
const spreadPart = 0.25;
/** Bounds of that spread. */
const spreadMs = { least: retryFirstMs, most: 60_000 };

/**
 * The wait before try `failures + 1`: full jitter over an exponential step (at least half of it). Never less than the
 * hub asked for, with some jitter on top.
 *
 * @param failures Number of consecutive failed calls, from 1.
 * @param options.stepMsMax The longest step, 5 min unless given.
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * import { HubError } from "./ports.ts";
 * assertEquals(retryDelayMs(3, { random: () => 1 }), 4000);
 * assertEquals(retryDelayMs(30, { random: () => 0 }), 150_000);
 * const error = new HubError("busy", { kind: "busy", retryAfterMs: 60_000 });
 * assertEquals(retryDelayMs(1, { random: () => 0, error }), 60_000);
 * assertEquals(retryDelayMs(1, { random: () => 1, error }), 75_000);
 * ```
 */
export function retryDelayMs(
  failures: number,
  options: { random: () => number; error?: unknown; stepMsMax?: number },
): number {
  const { random, error, stepMsMax = retryMsMax } = options;
  const step = backoffMs(failures, { firstMs: retryFirstMs, mostMs: stepMsMax });
  const jitter = random();
  const jittered = Math.round(step / 2 + jitter * (step / 2));
  const askedMs = error instanceof HubError ? error.retryAfterMs : undefined;
  if (askedMs === undefined) return jittered;
  const spread = Math.min(spreadMs.most, Math.max(spreadMs.least, askedMs * spreadPart));
  return Math.max(jittered, askedMs + Math.round(jitter * spread));
}
