/** The size of parts, by how the line to the object store does; all transfers share the line. */
import { partBytesAfter, partBytesAfterFailure, partBytesFirst } from "./part_size.ts";
import type { PartSizing } from "./transfer.ts";

/** Learns from every part, of whatever batch. */
export class LineSizing implements PartSizing {
  readonly #bytesMax: number;
  #bytes = partBytesFirst;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return Math.min(this.#bytes, this.#bytesMax);
  }

  sent(part: { bytes: number; ms: number }): void {
    this.#bytes = partBytesAfter(this.#bytes, part);
  }

  failed(): void {
    this.#bytes = partBytesAfterFailure(this.#bytes);
  }
}
