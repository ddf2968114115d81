/** A nap that can be cut short: how a loop waits for "something happened, or it is time". */
import type { Clock } from "./clock.ts";

/** Upper limit of a timer, in ms; a nap may end early anyway. */
const napMsMax = 2 ** 31 - 1;

/** Why a nap ended; a constant, because creating an error for every wake takes time. */
const woken = "woken";

/** One loop naps, anyone wakes it. Waking a loop that is not napping ends its next nap at once. */
export class Waker {
  #woken = false;
  #nap: AbortController | undefined;

  /** Ends the nap, or the next one. */
  wake(): void {
    this.#woken = true;
    this.#nap?.abort(woken);
  }

  /** Resolves after `ms`, or as soon as it is woken; rejects with the signal's reason when aborted. */
  async nap(ms: number, options: { clock: Clock; signal: AbortSignal }): Promise<void> {
    const { clock, signal } = options;
    signal.throwIfAborted();
    if (!this.#woken && ms > 0) await this.#sleep(ms, clock, signal);
    this.#woken = false;
  }

  async #sleep(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
    const nap = new AbortController();
    const onAbort = () => nap.abort();
    signal.addEventListener("abort", onAbort, { once: true });
    this.#nap = nap;
    try {
      await clock.sleep(Math.min(ms, napMsMax), nap.signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!nap.signal.aborted) throw error;
    } finally {
      this.#nap = undefined;
      signal.removeEventListener("abort", onAbort);
    }
  }
}
