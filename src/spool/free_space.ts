/** How much more may be written to the disk: the free space, less the reserve and what is already promised. */
import type { Clock } from "../runtime/clock.ts";

/** How often the disk is checked while it is too full, in ms: there is no notification when others free space. */
export const diskPollMs = 5_000;
/** How long a measurement of the free space is valid, in ms. */
const measurementMs = 1_000;

/** The disk and its reserve. */
export interface FreeSpaceOptions {
  /** Measures the free space, in bytes. */
  readonly measure: () => Promise<number>;
  /** What must stay free, in bytes. */
  readonly freeBytesMin: number;
  readonly clock: Pick<Clock, "monotonicMs">;
}

/** Measures the disk now and then, and keeps account in between. */
export class FreeSpace {
  readonly #options: FreeSpaceOptions;
  /** Until then the disk counts as full, whatever it reports. */
  #fullUntilMs = -Infinity;
  #measured: { free: number; atMs: number; reserved: number; granted: number } | undefined;

  constructor(options: FreeSpaceOptions) {
    this.#options = options;
  }

  /**
   * How many bytes are missing for `bytes` more; 0 or less for none.
   *
   * @param reserved what is already promised, in bytes
   */
  async missing(bytes: number, { reserved }: { reserved: number }): Promise<number> {
    const { measure, freeBytesMin, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs < this.#fullUntilMs) return Math.max(bytes, 1);
    if (this.#measured === undefined || nowMs - this.#measured.atMs >= measurementMs) {
      // Part of what is reserved is already written and counted twice, to be on the safe side.
      this.#measured = { free: await measure(), atMs: nowMs, reserved, granted: 0 };
    }
    const measured = this.#measured;
    return freeBytesMin + bytes + measured.reserved + measured.granted - measured.free;
  }

  /** This many bytes were promised just now. */
  granted(bytes: number): void {
    if (this.#measured !== undefined) this.#measured.granted += bytes;
  }

  /** Something has changed: measure again. */
  changed(): void {
    this.#measured = undefined;
  }

  /** A write failed for lack of space: the disk counts as full until the next check. */
  sawFullDisk(): void {
    this.#fullUntilMs = this.#options.clock.monotonicMs() + diskPollMs;
  }
}
