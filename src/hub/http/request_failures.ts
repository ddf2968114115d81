/**
 * Logs requests that the hub could not answer. The usual causes (a full disk, a database that is gone) make every
 * request fail: while that lasts, the same reason is logged once a minute, with the number of occurrences.
 */
import { getLogger } from "@logtape/logtape";
import type { Clock } from "../../runtime/clock.ts";

/** How often the same reason is logged, in ms. */
const againMs = 60_000;
/** A reason not seen for this long is over and is logged as new when it recurs, in ms. */
export const failureGoneMs = 10_000;
/** How many different reasons are remembered. */
const reasonsMax = 100;

const log = getLogger(["cloud-link", "hub"]);

/** Failures of the requests of one hub. */
export class RequestFailures {
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #told = new Map<string, { atMs: number; metMs: number; since: number }>();

  constructor(options: { clock: Pick<Clock, "monotonicMs"> }) {
    this.#clock = options.clock;
  }

  /** Records a request that could not be answered. */
  failed(error: unknown, { method, path }: { method: string; path: string }): void {
    const nowMs = this.#clock.monotonicMs();
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    const told = this.#told.get(reason);
    if (told !== undefined && nowMs - told.atMs < againMs && nowMs - told.metMs < failureGoneMs) {
      told.since++;
      told.metMs = nowMs;
      return;
    }
    if (this.#told.size >= reasonsMax) this.#told.clear();
    this.#told.set(reason, { atMs: nowMs, metMs: nowMs, since: 0 });
    const since = told === undefined ? {} : { since: told.since };
    log.error("Cannot answer {method} {path}: {reason}", { method, path, reason, error, ...since });
  }
}
