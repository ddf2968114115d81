/** How much of the disk may still be written: what is free, less the reserve and what is promised already. */
import type { Clock } from "../runtime/clock.ts";

/** How often the disk is looked at while it is too full, in ms: nobody tells when others free space. */
export const diskPollMs = 5_000;
/** How long a measurement of the free space is believed, in ms. */
const measurementMs = 1_000;

/** The disk and its reserve. */
export interface FreeSpaceOptions {
  /** What is free, in bytes. */
  readonly measure: () => Promise<number>;
  /** What is to stay free, in bytes. */
  readonly freeBytesMin: number;
  readonly clock: Pick<Clock, "monotonicMs">;
}

/** Asks the disk now and then, and keeps account in between. */
export class FreeSpace {
  readonly #options: FreeSpaceOptions;
  /** Until then the disk counts as full, whatever it says. */
  #fullUntilMs = -Infinity;
  #measured: { free: number; atMs: number; reserved: number; granted: number } | undefined;

  constructor(options: FreeSpaceOptions) {
    this.#options = options;
  }

  /**
   * How many bytes are missing for `bytes` more; 0 or less for none.
   *
   * @param reserved what is promised now, in bytes
   */
  async missing(bytes: number, { reserved }: { reserved: number }): Promise<number> {
    const { measure, freeBytesMin, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs < this.#fullUntilMs) return Math.max(bytes, 1);
    if (this.#measured === undefined || nowMs - this.#measured.atMs >= measurementMs) {
      // Part of what is reserved is written already: counted twice, to be on the safe side.
      this.#measured = { free: await measure(), atMs: nowMs, reserved, granted: 0 };
    }
    const measured = this.#measured;
    return freeBytesMin + bytes + measured.reserved + measured.granted - measured.free;
  }

  /** So many bytes were promised now. */
  granted(bytes: number): void {
    if (this.#measured !== undefined) this.#measured.granted += bytes;
  }

  /** Something has changed: the disk is asked anew. */
  changed(): void {
    this.#measured = undefined;
  }

  /** A write has failed for want of space: the disk is believed again at the next look. */
  sawFullDisk(): void {
    this.#fullUntilMs = this.#options.clock.monotonicMs() + diskPollMs;
  }
}
