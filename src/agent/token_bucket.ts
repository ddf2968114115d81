/** How many bytes may go now under a limit per second. */
import type { Clock } from "../runtime/clock.ts";

/** How long unused capacity is saved up, in ms. */
const savedMs = 1000;

/**
 * Filled by time and drained by bytes. A request larger than the content may go as soon as the bucket is not in debt,
 * and is paid off afterwards: on average the limit holds.
 */
export class TokenBucket {
  readonly #bytesPerMs: number;
  readonly #clock: Pick<Clock, "monotonicMs">;
  #bytes = 0;
  #atMs: number;

  constructor(options: { bytesPerSecondMax: number; clock: Pick<Clock, "monotonicMs"> }) {
    this.#bytesPerMs = options.bytesPerSecondMax / 1000;
    this.#clock = options.clock;
    this.#atMs = options.clock.monotonicMs();
  }

  /** How long until something may go, in ms; 0 when it may go now. */
  get waitMs(): number {
    this.#fill();
    return this.#bytes >= 0 ? 0 : Math.ceil(-this.#bytes / this.#bytesPerMs);
  }

  /** Takes this many bytes out. */
  spend(bytes: number): void {
    this.#fill();
    this.#bytes -= bytes;
  }

  #fill(): void {
    const nowMs = this.#clock.monotonicMs();
    const filled = this.#bytes + (nowMs - this.#atMs) * this.#bytesPerMs;
    this.#bytes = Math.min(filled, savedMs * this.#bytesPerMs);
    this.#atMs = nowMs;
  }
}
