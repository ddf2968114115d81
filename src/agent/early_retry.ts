/**
 * How one successful call shortens the backoff of the others. After a long outage every part of the agent is deep in
 * its backoff; the first to get through tells the rest.
 */
import type { HubError } from "./ports.ts";

/**
 * How often the others are told at most, in ms: less than the interval between two reports, so that every report
 * counts.
 */
export const tellEveryMs = 4_000;

/** A hub that answered with an error is left alone for this long, in ms, whatever else it answers. */
const busyRestMs = 30_000;

/**
 * How long after a failure an answer to another request makes a retry worth while, in ms. Never earlier than the hub
 * asked for.
 *
 * @param options.waitMs when the regular retry is due, in ms
 * @example
 * ```ts
 * import { HubError } from "./ports.ts";
 * import { assertEquals } from "../../tests/assert.ts";
 * const unreachable = new HubError("no route", { kind: "unreachable" });
 * const busy = new HubError("maintenance", { kind: "busy", retryAfterMs: 90_000 });
 * assertEquals([unreachable, busy].map((error) => restMs(error, { waitMs: 100_000 })), [0, 100_000]);
 * ```
 */
export function restMs(error: HubError, { waitMs }: { waitMs: number }): number {
  if (error.retryAfterMs !== undefined) return waitMs;
  return error.kind === "unreachable" ? 0 : Math.min(waitMs, busyRestMs);
}
