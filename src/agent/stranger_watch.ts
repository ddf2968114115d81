/**
 * Notices an address that is no hub: it is asked rarely then. Several answers in a row that no hub would give, and over
 * minutes, since a balancer gives some too while hubs are replaced. Pure: it is told what happened and when.
 */
import type { HubError } from "./ports.ts";

/** So many answers of strangers in a row at least, in ... */
const answersMin = 3;
/** ... so much time at least, in ms. */
const durationMinMs = 5 * 60_000;
/** How often an address that is no hub is asked, in ms. */
export const strangerRetryMs = 60 * 60_000;

/** Watches one address. */
export class StrangerWatch {
  #answers = 0;
  #sinceMs = 0;

  /** A call failed. Returns whether the address is no hub. `nowMs` is of the monotonic clock. */
  failed(error: HubError, nowMs: number): boolean {
    if (error.kind !== "not-a-hub") {
      this.answered();
      return false;
    }
    if (this.#answers++ === 0) this.#sinceMs = nowMs;
    return this.#answers >= answersMin && nowMs - this.#sinceMs >= durationMinMs;
  }

  /** A hub answered. */
  answered(): void {
    this.#answers = 0;
  }
}
