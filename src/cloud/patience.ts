/**
 * How long to wait for an answer beyond the time for sending: short at first, so that a silently dead connection costs
 * little time, and longer each time it was too short, so that a slow store is not sent the same data again and again.
 */

/** Shortest (by default) and longest, in ms. */
const graceMsLimits = { least: 15_000, most: 120_000 };

/** Shared by all requests of one kind, such as the parts sent to one hub's object stores. */
export class Patience {
  readonly #leastMs: number;
  #graceMs: number;

  constructor(options: { leastMs?: number } = {}) {
    this.#graceMs = this.#leastMs = options.leastMs ?? graceMsLimits.least;
  }

  get graceMs(): number {
    return this.#graceMs;
  }

  /** No answer came in time. */
  ranOut(): void {
    this.#graceMs = Math.min(graceMsLimits.most, this.#graceMs * 2);
  }

  /**
   * An answer came, this long after the expected end of sending: halves the patience if half would have been enough.
   */
  sufficed(beyondMs: number): void {
    if (beyondMs < this.#graceMs / 2) this.#graceMs = Math.max(this.#leastMs, this.#graceMs / 2);
  }
}
