/** Limits how many do something at the same time; a limited number of others wait for their turn. */
import { HubProblem } from "./services.ts";

/** The wait suggested to those turned away, in seconds. */
const retryAfterSeconds = 5;

/** For work that costs memory or a core: hashing passwords, checking large batches. */
export class Turns {
  readonly #waitingMax: number;
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(options: { atOnce: number; waitingMax: number }) {
    this.#free = options.atOnce;
    this.#waitingMax = options.waitingMax;
  }

  /**
   * Resolves when it is the caller's turn; disposing passes it on. Throws {@linkcode HubProblem} when too many are
   * waiting.
   */
  async take(): Promise<Disposable> {
    if (this.#free > 0) {
      this.#free--;
    } else {
      if (this.#waiting.length >= this.#waitingMax) {
        throw new HubProblem("unavailable", "The hub is busy. Try again in a few seconds.", { retryAfterSeconds });
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return {
      [Symbol.dispose]: () => {
        const next = this.#waiting.shift();
        if (next === undefined) this.#free++;
        else next();
      },
    };
  }
}
