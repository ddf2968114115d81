/**
 * What a failed call makes of another one's success. After a long outage each part of the agent is deep in its backoff;
 * the first that gets through tells the others.
 */
import type { HubError } from "./ports.ts";

/** The others are told this often at most, in ms: less than what lies between two reports, so that each of those counts. */
export const tellEveryMs = 4_000;

/** A hub that answered, but not as it should, is left in peace for this long, in ms, whatever else it answers. */
const busyRestMs = 30_000;

/**
 * How long after a failure an answer to something else makes another try worth while, in ms. It is no invitation to ask
 * again before the time that the hub named.
 *
 * @param options.waitMs after which it is tried anyway, in ms
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
