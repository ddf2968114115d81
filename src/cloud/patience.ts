/**
 * How long an answer is waited for beyond what sending takes: short at first, so that a connection that has died without
 * a word costs little time, and longer each time it was too short, so that a store that is merely slow is not sent the
 * same again and again.
 */

/** Shortest (unless said otherwise) and longest, in ms. */
const graceMsLimits = { least: 15_000, most: 120_000 };

/** Shared by all requests of one kind, such as the parts on the way to one hub's object stores. */
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

  /** An answer came, so long after what sending was thought to take: half the patience may do, if it would have now. */
  sufficed(beyondMs: number): void {
    if (beyondMs < this.#graceMs / 2) this.#graceMs = Math.max(this.#leastMs, this.#graceMs / 2);
  }
}
