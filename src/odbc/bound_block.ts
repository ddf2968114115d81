/** A {@linkcode ColumnSet} as the checks and the CSV see it. */
import type { Block } from "../database/row_source.ts";
import type { CsvBuffer } from "../database/csv_buffer.ts";
import { parseTime, wallClockMs } from "../database/parse_time.ts";
import { cell } from "./column_plan.ts";
import { type ColumnSet, overflowed } from "./column_set.ts";
import { encodeBlock, encodedRowBytesMax } from "./csv_encoder.ts";
import { formatDouble, formatReal, writeInteger64, writeTimestamp } from "../database/write_number.ts";
import { writeBase64 } from "./write_text.ts";

const utf16 = new TextDecoder("utf-16le", { ignoreBOM: true });
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const twoTo32 = 4_294_967_296;
const scratchBytes = 64;

/** Rows in bound memory. */
export class BoundBlock implements Block {
  readonly #set: ColumnSet;
  readonly #rowBytesMax: number;
  readonly #scratch = new DataView(new ArrayBuffer(scratchBytes));

  constructor(set: ColumnSet) {
    this.#set = set;
    this.#rowBytesMax = encodedRowBytesMax(set);
  }

  get rows(): number {
    return this.#set.rows;
  }

  isNull(column: number, row: number): boolean {
    const length = this.#set.length(column, row);
    return length < 0 && length !== overflowed;
  }

  text(column: number, row: number): string | null {
    if (this.isNull(column, row)) return null;
    const set = this.#set;
    const at = this.#at(column, row);
    switch (set.kinds[column]) {
      case cell.wide:
        return utf16.decode(set.value(column, row));
      case cell.integer:
        return this.#ascii(writeInteger64(this.#scratch, 0, set.signed[at >> 2] ?? 0, set.signed[(at >> 2) + 1] ?? 0));
      case cell.timestamp:
        return this.#ascii(writeTimestamp(this.#scratch, 0, set.units, at >> 1, set.words[(at >> 2) + 3] ?? 0));
      case cell.double:
        return formatDouble(set.doubles[at >> 3] ?? 0);
      case cell.real:
        return formatReal(set.floats[at >> 2] ?? 0);
      case cell.bit:
        return set.bytes[at] === 0 ? "0" : "1";
      case cell.binary: {
        const value = set.value(column, row);
        const out = new Uint8Array(Math.ceil(value.length / 3) * 4 + 2);
        return value.length === 0 ? "" : utf8.decode(out.subarray(0, writeBase64(out, 0, value, 0, value.length)));
      }
      case cell.lowerGuid:
        return utf8.decode(set.value(column, row)).toLowerCase();
      default:
        return utf8.decode(set.value(column, row));
    }
  }

  isLonger(column: number, row: number, charactersMax: number): boolean {
    // A text never has more code units than its value has bytes, except for binary values, which become Base64.
    const bytes = this.#set.length(column, row);
    if (bytes !== overflowed && bytes * (this.#set.kinds[column] === cell.binary ? 2 : 1) <= charactersMax) {
      return false;
    }
    return (this.text(column, row) ?? "").length > charactersMax;
  }

  integer(column: number, row: number): number {
    if (this.isNull(column, row)) return NaN;
    const set = this.#set;
    const at = this.#at(column, row);
    switch (set.kinds[column]) {
      case cell.integer: {
        const value = (set.signed[(at >> 2) + 1] ?? 0) * twoTo32 + (set.words[at >> 2] ?? 0);
        return Number.isSafeInteger(value) ? value : NaN;
      }
      case cell.double:
        return whole(set.doubles[at >> 3] ?? NaN);
      case cell.real:
        return whole(set.floats[at >> 2] ?? NaN);
      case cell.bit:
        return set.bytes[at] === 0 ? 0 : 1;
      case cell.timestamp:
      case cell.binary:
        return NaN;
      default:
        return integerOf(this.text(column, row) ?? "");
    }
  }

  timeMs(column: number, row: number): number {
    if (this.isNull(column, row)) return NaN;
    const set = this.#set;
    if (set.kinds[column] !== cell.timestamp) return this.#parsedTimeMs(column, row);
    const at = this.#at(column, row) >> 1;
    const { units } = set;
    const ms = wallClockMs({
      year: ((units[at] ?? 0) << 16) >> 16,
      month: units[at + 1] ?? 0,
      day: units[at + 2] ?? 0,
      hour: units[at + 3] ?? 0,
      minute: units[at + 4] ?? 0,
      second: units[at + 5] ?? 0,
    });
    return ms + (set.words[(at >> 1) + 3] ?? 0) / 1e6;
  }

  encode(csv: CsvBuffer, options: { from: number; refused?: Uint8Array | undefined }): number {
    return encodeBlock(this.#set, csv, { ...options, refused: options.refused, rowBytesMax: this.#rowBytesMax });
  }

  /** A text with an offset counts only if the column says that its times have one. */
  #parsedTimeMs(column: number, row: number): number {
    const kind = this.#set.columns[column]?.kind;
    if (kind === "binary" || kind === "integer" || kind === "decimal" || kind === "float") return NaN;
    const parsed = parseTime(this.text(column, row) ?? "");
    return parsed && parsed.hasOffset === (kind === "timestamp-with-zone") ? parsed.ms : NaN;
  }

  #at(column: number, row: number): number {
    return (this.#set.cellsAt[column] ?? 0) + row * (this.#set.widths[column] ?? 0);
  }

  #ascii(end: number): string {
    return utf8.decode(new Uint8Array(this.#scratch.buffer, 0, end));
  }
}

/** An integer in text: digits, optionally with a fraction of zeros as decimals have. */
function integerOf(text: string): number {
  return /^\s*[+-]?\d+(\.0*)?\s*$/.test(text) ? whole(Number(text)) : NaN;
}

function whole(value: number): number {
  return Number.isSafeInteger(value) ? value : NaN;
}
