/**
 * Notices an address that is not a hub, which is then asked only rarely. It takes several answers in a row that no hub
 * would give, spread over minutes, since a load balancer also gives some while hubs are being replaced. Pure: told what
 * happened and when.
 */
import type { HubError } from "./ports.ts";

/** How many such answers in a row it takes at least, ... */
const answersMin = 3;
/** ... and over how long at least, in ms. */
const durationMsMin = 5 * 60_000;
/** How often an address that is not a hub is asked, in ms. */
export const strangerRetryMs = 60 * 60_000;

/** Watches one address. */
export class StrangerWatch {
  #answers = 0;
  #sinceMs = 0;

  /** A call failed. Returns whether the address is not a hub. `nowMs` is on the monotonic clock. */
  failed(error: HubError, nowMs: number): boolean {
    if (error.kind !== "not-a-hub") {
      this.answered();
      return false;
    }
    if (this.#answers++ === 0) this.#sinceMs = nowMs;
    return this.#answers >= answersMin && nowMs - this.#sinceMs >= durationMsMin;
  }

  /** A hub answered. */
  answered(): void {
    this.#answers = 0;
  }
}
