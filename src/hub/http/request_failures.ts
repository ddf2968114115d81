/**
 * Tells the log of requests that the hub could not answer. What makes one fail (a full disk, a database that is gone)
 * makes all of them fail: as long as it goes on, the same reason is told once a minute, with how often it was met.
 */
import { getLogger } from "@logtape/logtape";
import type { Clock } from "../../runtime/clock.ts";

/** The same reason is told this often, in ms. */
const againMs = 60_000;
/** A reason that was not met for so long had gone: it is told anew, in ms. */
const goneMs = 10_000;
/** So many different reasons are remembered. */
const reasonsMax = 100;

const log = getLogger(["cloud-link", "hub"]);

/** Failures of the requests of one hub. */
export class RequestFailures {
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #told = new Map<string, { atMs: number; metMs: number; since: number }>();

  constructor(options: { clock: Pick<Clock, "monotonicMs"> }) {
    this.#clock = options.clock;
  }

  /** A request could not be answered. */
  failed(error: unknown, { method, path }: { method: string; path: string }): void {
    const nowMs = this.#clock.monotonicMs();
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    const told = this.#told.get(reason);
    if (told !== undefined && nowMs - told.atMs < againMs && nowMs - told.metMs < goneMs) {
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
