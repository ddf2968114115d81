/** The size of parts, adapted to the line to the object store, which all transfers share. */
import { partSizeAfter, partSizeAfterFailure, partSizeFirst } from "./part_size.ts";
import type { PartSizing } from "./transfer.ts";

/** Learns from every part, of whatever batch. */
export class LineSizing implements PartSizing {
  readonly #bytesMax: number;
  #size = partSizeFirst;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return Math.min(this.#size.bytes, this.#bytesMax);
  }

  sent(part: { bytes: number; ms: number }): void {
    this.#size = partSizeAfter(this.#size, part);
  }

  failed(): void {
    this.#size = partSizeAfterFailure(this.#size);
  }
}
