// deno-lint-ignore-file no-non-null-assertion -- indexes of the inner loops are within what their callers allocated
/**
 * A block of bound cells as CSV, byte for byte from the driver's memory into the output: no JavaScript value is made for
 * a cell, except for floats that have no short decimal form.
 *
 * The layout is that of csv_buffer.ts. Integers and decimals are exact, floats in the shortest form that reads back,
 * bits 1 and 0, timestamps `YYYY-MM-DD hh:mm:ss[.fraction]` without trailing zeros of the fraction, binary in base64.
 */
import type { CsvBuffer } from "../database/csv_buffer.ts";
import { cell } from "./column_plan.ts";
import { type ColumnSet, overflowed } from "./column_set.ts";
import { writeDouble, writeInteger64, writeReal, writeTimestamp } from "../database/write_number.ts";
import { writeBase64, writeBytes, writeUtf8, writeWide } from "./write_text.ts";

const comma = 0x2c;
const carriageReturn = 0x0d;
const lineFeed = 0x0a;

/** The most bytes that one row's bound cells can become. */
export function encodedRowBytesMax(set: ColumnSet): number {
  let bytes = 2;
  for (const column of set.columns) {
    // UTF-16 to UTF-8 is at most 3 bytes for 2, quotes double single bytes, base64 is 4 for 3, numbers are short.
    bytes += 1 + 2 + (column.cell === cell.wide ? Math.ceil(column.width * 1.5) : column.width * 3) + 40;
  }
  return bytes;
}

/** See `Block.encode`. */
export function encodeBlock(
  set: ColumnSet,
  csv: CsvBuffer,
  options: { from: number; refused: Uint8Array | undefined; rowBytesMax: number },
): number {
  const { refused, rowBytesMax } = options;
  const { bytes, units, signed, cellsAt, indicatorsAt, widths, kinds } = set;
  const columns = kinds.length;
  const rows = set.rows;
  const out = csv.bytes;
  const limit = out.length - rowBytesMax;
  let o = csv.length;
  for (let row = options.from; row < rows; row++) {
    if (refused !== undefined && refused[row] !== 0) continue;
    if (o > limit) {
      csv.length = o;
      return row;
    }
    const rowStart = o;
    for (let column = 0; column < columns; column++) {
      if (column > 0) out[o++] = comma;
      const length = signed[indicatorsAt[column]! + row * 2]!;
      if (length < 0) {
        if (length !== overflowed) continue;
        const value = set.value(column, row);
        if (o + value.length * 2 + rowBytesMax > out.length) {
          // The whole row again, in a buffer with more room.
          csv.length = rowStart;
          return row;
        }
        o = writeOverflow(out, o, { value, kind: kinds[column]!, csv });
        continue;
      }
      const at = cellsAt[column]! + row * widths[column]!;
      switch (kinds[column]) {
        case cell.integer:
          o = writeInteger64(out, o, set.words[at >> 2]!, signed[(at >> 2) + 1]!);
          break;
        case cell.wide:
          o = writeWide(out, o, units, at >> 1, length >> 1, csv);
          break;
        case cell.ascii:
          o = writeBytes(out, o, bytes, at, length);
          break;
        case cell.timestamp:
          o = writeTimestamp(out, o, units, at >> 1, set.words[(at >> 2) + 3]!);
          break;
        case cell.double:
          o = writeDouble(out, o, set.doubles[at >> 3]!);
          break;
        case cell.real:
          o = writeReal(out, o, set.floats[at >> 2]!);
          break;
        case cell.bit:
          out[o++] = bytes[at] === 0 ? 0x30 : 0x31;
          break;
        case cell.utf8:
          o = writeUtf8(out, o, bytes, at, length, csv);
          break;
        default:
          o = writeBase64(out, o, bytes, at, length);
      }
    }
    out[o++] = carriageReturn;
    out[o++] = lineFeed;
  }
  csv.length = o;
  return rows;
}

function writeOverflow(
  out: Uint8Array,
  o: number,
  cellValue: { value: Uint8Array<ArrayBuffer>; kind: number; csv: CsvBuffer },
): number {
  const { value, kind, csv } = cellValue;
  switch (kind) {
    case cell.wide: {
      const units = new Uint16Array(value.buffer, value.byteOffset, value.length >> 1);
      return writeWide(out, o, units, 0, units.length, csv);
    }
    case cell.utf8:
      return writeUtf8(out, o, value, 0, value.length, csv);
    case cell.ascii:
      return writeBytes(out, o, value, 0, value.length);
    default:
      return writeBase64(out, o, value, 0, value.length);
  }
}
