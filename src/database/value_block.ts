/** A block of JavaScript values, as SQLite's binding gives them: integers as `bigint`, exact. */
import type { CsvBuffer } from "./csv_buffer.ts";
import { csvField } from "./csv_buffer.ts";
import { parseTime } from "./parse_time.ts";
import type { Block, Column } from "./row_source.ts";

/** SQLite's five storage classes: the type belongs to the value, not to the column. */
export type SqliteValue = null | bigint | number | string | Uint8Array;

const comma = 0x2c;
const quote = 0x22;
const carriageReturn = 0x0d;
const lineFeed = 0x0a;
const encoder = new TextEncoder();
/** UTF-16 to UTF-8, or every character a quote that is doubled. */
const bytesPerUnitMax = 3;

/** Answers the same questions as a block of bound memory, so that checks and CSV need not know which one they read. */
export class ValueBlock implements Block {
  readonly #columns: readonly Column[];
  readonly #values: readonly (readonly SqliteValue[])[];

  constructor(columns: readonly Column[], values: readonly (readonly SqliteValue[])[]) {
    this.#columns = columns;
    this.#values = values;
  }

  get rows(): number {
    return this.#values.length;
  }

  isNull(column: number, row: number): boolean {
    return this.#value(column, row) === null;
  }

  text(column: number, row: number): string | null {
    const value = this.#value(column, row);
    return value === null ? null : textOf(value);
  }

  isLonger(column: number, row: number, charactersMax: number): boolean {
    const value = this.#value(column, row);
    if (typeof value === "string") return value.length > charactersMax;
    return value instanceof Uint8Array && textOf(value).length > charactersMax;
  }

  integer(column: number, row: number): number {
    const value = this.#value(column, row);
    if (value === null || value instanceof Uint8Array) return NaN;
    if (typeof value === "string" && !/^\s*[+-]?\d+(\.0*)?\s*$/.test(value)) return NaN;
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : NaN;
  }

  timeMs(column: number, row: number): number {
    const value = this.#value(column, row);
    const parsed = typeof value === "string" ? parseTime(value) : undefined;
    return parsed && parsed.hasOffset === (this.#columns[column]?.kind === "timestamp-with-zone") ? parsed.ms : NaN;
  }

  encode(csv: CsvBuffer, options: { from: number; refused?: Uint8Array | undefined }): number {
    for (let row = options.from; row < this.#values.length; row++) {
      if (options.refused && options.refused[row] !== 0) continue;
      const values = this.#values[row] ?? [];
      if (csv.room < roomFor(values)) return row;
      writeRow(csv, values);
    }
    return this.#values.length;
  }

  #value(column: number, row: number): SqliteValue {
    return this.#values[row]?.[column] ?? null;
  }
}

function textOf(value: Exclude<SqliteValue, null>): string {
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array) return value.toBase64();
  return Object.is(value, -0) ? "-0" : String(value);
}

function roomFor(values: readonly SqliteValue[]): number {
  let bytes = 2 + values.length;
  for (const value of values) {
    bytes += typeof value === "string" || value instanceof Uint8Array ? value.length * bytesPerUnitMax + 4 : 26;
  }
  return bytes;
}

function writeRow(csv: CsvBuffer, values: readonly SqliteValue[]): void {
  const out = csv.bytes;
  let o = csv.length;
  for (let column = 0; column < values.length; column++) {
    if (column > 0) out[o++] = comma;
    const value = values[column] ?? null;
    if (value === null) continue;
    o = writeField(out, o, textOf(value));
  }
  out[o++] = carriageReturn;
  out[o++] = lineFeed;
  csv.length = o;
}

/** ASCII without quotes, which most values are, byte by byte: a call of the encoder costs more than a short value. */
function writeField(out: Uint8Array, start: number, text: string): number {
  let o = start;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80 || unit === comma || unit === quote || unit === carriageReturn || unit === lineFeed) {
      return start + encoder.encodeInto(csvField(text), out.subarray(start)).written;
    }
    out[o++] = unit;
  }
  if (text !== "") return o;
  out[o++] = quote;
  out[o++] = quote;
  return o;
}
