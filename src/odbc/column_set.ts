/**
 * The memory that a driver writes one block of rows into: for each column its cells and, per row, the indicator with
 * the value's length or NULL. It is all one `ArrayBuffer`, which does not move and lives as long as this object.
 */
import { lengthBytes } from "./constants.ts";
import type { PlannedColumn } from "./column_plan.ts";

/** Indicator of a cell whose value did not fit, and is in `overflow`. */
export const overflowed = -99;

/** Typed views of the same memory, so that a value can be read without copying it or creating an object first. */
export class ColumnSet {
  readonly columns: readonly PlannedColumn[];
  /** Rows in this block; set after a fetch. */
  rows = 0;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly units: Uint16Array<ArrayBuffer>;
  readonly words: Uint32Array<ArrayBuffer>;
  readonly signed: Int32Array<ArrayBuffer>;
  readonly floats: Float32Array<ArrayBuffer>;
  readonly doubles: Float64Array<ArrayBuffer>;
  /** Per column: offset of its cells, in bytes. */
  readonly cellsAt: Int32Array;
  /** Per column: offset of its indicators, in 32-bit words. */
  readonly indicatorsAt: Int32Array;
  readonly widths: Int32Array;
  readonly kinds: Uint8Array;
  /** Whole values of cells marked {@linkcode overflowed}, by `row * columns + column`. */
  readonly overflow = new Map<number, Uint8Array<ArrayBuffer>>();
  /** Where the long values of this block are stored. */
  readonly arena = new Arena();

  constructor(columns: readonly PlannedColumn[], rowsMax: number) {
    this.columns = columns;
    this.cellsAt = new Int32Array(columns.length);
    this.indicatorsAt = new Int32Array(columns.length);
    this.widths = Int32Array.from(columns, (column) => column.width);
    this.kinds = Uint8Array.from(columns, (column) => column.cell);
    let at = 0;
    columns.forEach((column, index) => {
      this.indicatorsAt[index] = at / 4;
      at += rowsMax * lengthBytes;
      this.cellsAt[index] = at;
      at = Math.ceil((at + rowsMax * column.width) / lengthBytes) * lengthBytes;
    });
    const memory = new ArrayBuffer(at);
    this.bytes = new Uint8Array(memory);
    this.units = new Uint16Array(memory);
    this.words = new Uint32Array(memory);
    this.signed = new Int32Array(memory);
    this.floats = new Float32Array(memory);
    this.doubles = new Float64Array(memory);
  }

  /** Forgets the rows, before the next fetch. */
  clear(): void {
    this.rows = 0;
    this.overflow.clear();
    this.arena.clear();
  }

  /** A column's cells from `row` on, for binding. */
  cells(column: number, row = 0): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray((this.cellsAt[column] ?? 0) + row * (this.widths[column] ?? 0));
  }

  /** A column's indicators from `row` on, for binding. */
  indicators(column: number, row = 0): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray((this.indicatorsAt[column] ?? 0) * 4 + row * lengthBytes);
  }

  /** Length of a value in bytes, or a negative indicator. */
  length(column: number, row: number): number {
    return this.signed[(this.indicatorsAt[column] ?? 0) + row * 2] ?? 0;
  }

  setLength(column: number, options: { row: number; length: number }): void {
    const at = (this.indicatorsAt[column] ?? 0) + options.row * 2;
    this.signed[at] = options.length;
    this.signed[at + 1] = options.length < 0 ? -1 : 0;
  }

  setOverflow(column: number, options: { row: number; value: Uint8Array<ArrayBuffer> }): void {
    this.setLength(column, { row: options.row, length: overflowed });
    this.overflow.set(options.row * this.columns.length + column, options.value);
  }

  /** The bytes of a value that is not NULL, wherever they are. */
  value(column: number, row: number): Uint8Array<ArrayBuffer> {
    const length = this.length(column, row);
    if (length === overflowed) return this.overflow.get(row * this.columns.length + column) ?? new Uint8Array(0);
    const at = (this.cellsAt[column] ?? 0) + row * (this.widths[column] ?? 0);
    return this.bytes.subarray(at, at + Math.max(0, length));
  }
}

const arenaBytesMin = 256 * 1024;
/** Up to this size it doubles; beyond, it is as large as the value. */
const arenaBytesDoubledMax = 2 * 1024 * 1024;
/** At most this much is kept from one block to the next. */
const arenaBytesKept = 16 * 1024 * 1024;

/** Memory for values of unknown length, reused for each block, since a heap full of them is slow to collect. */
export class Arena {
  #bytes = new Uint8Array(new ArrayBuffer(0));
  #used = 0;

  clear(): void {
    this.#used = 0;
    if (this.#bytes.length > arenaBytesKept) this.#bytes = new Uint8Array(new ArrayBuffer(0));
  }

  /** Room for `bytes`. Earlier allocations stay valid. */
  take(bytes: number): Uint8Array<ArrayBuffer> {
    const at = Math.ceil(this.#used / 8) * 8;
    if (at + bytes > this.#bytes.length) {
      const doubled = Math.min(this.#bytes.length * 2, arenaBytesDoubledMax);
      this.#bytes = new Uint8Array(new ArrayBuffer(Math.max(arenaBytesMin, bytes, doubled)));
      this.#used = bytes;
      return this.#bytes.subarray(0, bytes);
    }
    this.#used = at + bytes;
    return this.#bytes.subarray(at, at + bytes);
  }
}
