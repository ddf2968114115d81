/** A block of JavaScript values, as SQLite's binding returns them: integers as exact `bigint`. */
import type { CsvBuffer } from "./csv_buffer.ts";
import { parseTime } from "./parse_time.ts";
import type { Block, Column } from "./row_source.ts";
import { writeDouble, writeUnsigned } from "./write_number.ts";
import { writeString } from "./write_string.ts";

/** SQLite's five storage classes: the type belongs to the value, not to the column. */
export type SqliteValue = null | bigint | number | string | Uint8Array;

const comma = 0x2c;
const minus = 0x2d;
const carriageReturn = 0x0d;
const lineFeed = 0x0a;
/** From UTF-16 to UTF-8, or if every character is a doubled quote. */
const bytesPerUnitMax = 3;
/** Quotes and comma, or a number. */
const fieldBytesMax = 32;

/** Has the same interface as a block of bound memory, so that checks and CSV work on either. */
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
      const wanted = 2 + values.length * fieldBytesMax + unitsOf(values) * bytesPerUnitMax;
      if (csv.room < wanted) {
        csv.roomWanted = wanted;
        return row;
      }
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

/** Lengths of a row's texts and bytes. */
export function unitsOf(values: readonly SqliteValue[]): number {
  let units = 0;
  for (let column = 0; column < values.length; column++) {
    const value = values[column] ?? null;
    if (typeof value === "string" || (typeof value === "object" && value !== null)) units += value.length;
  }
  return units;
}

function writeRow(csv: CsvBuffer, values: readonly SqliteValue[]): void {
  const { bytes } = csv;
  let o = csv.length;
  for (let column = 0; column < values.length; column++) {
    if (column > 0) bytes[o++] = comma;
    o = writeValue(csv, o, values[column] ?? null);
  }
  bytes[o++] = carriageReturn;
  bytes[o++] = lineFeed;
  csv.length = o;
}

/** Like `textOf`, but without creating a string for each number. */
function writeValue(csv: CsvBuffer, o: number, value: SqliteValue): number {
  const { bytes, view } = csv;
  switch (typeof value) {
    case "string":
      return writeString(csv, o, value);
    case "number":
      return writeDouble(view, o, value);
    case "bigint": {
      const number = Number(value);
      if (!Number.isSafeInteger(number)) return writeString(csv, o, String(value));
      if (number >= 0) return writeUnsigned(view, o, number);
      bytes[o] = minus;
      return writeUnsigned(view, o + 1, -number);
    }
    default:
      return value === null ? o : writeString(csv, o, value.toBase64());
  }
}
