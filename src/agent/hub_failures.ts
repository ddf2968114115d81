/** Consecutive failed calls of the hub: decides what to log of them, each kind of failure once. */
import type { HubError, HubErrorKind } from "./ports.ts";

/** The failures of one loop. */
export class HubFailures {
  readonly #told = new Set<HubErrorKind>();
  #latest: HubError | undefined;
  #total = 0;

  /** Why the last call failed; `undefined` when it did not. */
  get latest(): HubError | undefined {
    return this.#latest;
  }

  /** How many calls have ever failed. */
  get total(): number {
    return this.#total;
  }

  /** A call failed. Returns whether that is news: the first failure in a row, or the first of its kind. */
  add(error: HubError): boolean {
    const isNews = !this.#told.has(error.kind);
    this.#told.add(error.kind);
    this.#latest = error;
    this.#total++;
    return isNews;
  }

  /** A call got through. Returns whether the previous one had failed. */
  end(): boolean {
    const hadFailed = this.#latest !== undefined;
    this.#latest = undefined;
    this.#told.clear();
    return hadFailed;
  }
}
