// deno-lint-ignore-file no-non-null-assertion -- indexes of the inner loops are within what their callers allocated
/**
 * A block of bound cells as CSV, byte for byte from the driver's memory into the output: no JavaScript value is created
 * for a cell, except for floats without a short decimal form.
 *
 * The layout is that of csv_buffer.ts. Integers and decimals are exact, floats in the shortest form that reads back,
 * bits 1 and 0, timestamps `YYYY-MM-DD hh:mm:ss[.fraction]` without trailing zeros of the fraction, binary in base64.
 */
import type { CsvBuffer } from "../database/csv_buffer.ts";
import { cell } from "./column_plan.ts";
import { type ColumnSet, overflowed } from "./column_set.ts";
import { writeDouble, writeInteger64, writeReal, writeTimestamp } from "../database/write_number.ts";
import { writeBase64, writeBytes, writeLowerCase, writeUtf8, writeWide } from "./write_text.ts";

const comma = 0x2c;
const carriageReturn = 0x0d;
const lineFeed = 0x0a;

/** Maximum size of one row's bound cells in CSV, in bytes. */
export function encodedRowBytesMax(set: ColumnSet): number {
  let bytes = 2;
  for (const column of set.columns) {
    // UTF-16 to UTF-8 is at most 3 bytes for 2, quotes double single bytes, base64 is 4 for 3, numbers are short.
    bytes += 1 + 2 + (column.cell === cell.wide ? Math.ceil(column.width * 1.5) : column.width * 3) + 40;
  }
  return bytes;
}

/** Maximum bytes of CSV per byte of a long value: quotes are doubled, and an invalid UTF-8 byte becomes three. */
const overflowFactorMax = 3;

/** See `Block.encode`. */
export function encodeBlock(
  set: ColumnSet,
  csv: CsvBuffer,
  options: { from: number; refused: Uint8Array | undefined; rowBytesMax: number },
): number {
  const { refused, rowBytesMax } = options;
  const { bytes, units, signed, floats, doubles, cellsAt, indicatorsAt, widths, kinds } = set;
  const columns = kinds.length;
  const rows = set.rows;
  const { bytes: out, view } = csv;
  const limit = out.length - rowBytesMax;
  let o = csv.length;
  for (let row = options.from; row < rows; row++) {
    if (refused !== undefined && refused[row] !== 0) continue;
    if (o > limit) {
      csv.roomWanted = rowBytesMax;
      csv.length = o;
      return row;
    }
    const rowStart = o;
    const replacedBefore = csv.replacedCharacters;
    for (let column = 0; column < columns; column++) {
      if (column > 0) out[o++] = comma;
      const length = signed[indicatorsAt[column]! + row * 2]!;
      if (length < 0) {
        if (length !== overflowed) continue;
        const value = set.value(column, row);
        const end = o + value.length * overflowFactorMax + rowBytesMax;
        if (end > out.length) {
          // The whole row again, in a buffer with more room.
          csv.roomWanted = end - rowStart;
          csv.replacedCharacters = replacedBefore;
          csv.length = rowStart;
          return row;
        }
        o = writeOverflow(csv, o, { value, kind: kinds[column]! });
        continue;
      }
      const at = cellsAt[column]! + row * widths[column]!;
      switch (kinds[column]) {
        case cell.integer:
          o = writeInteger64(view, o, signed[at >> 2]!, signed[(at >> 2) + 1]!);
          break;
        case cell.wide:
          o = writeWide(out, o, units, at >> 1, length >> 1, csv);
          break;
        case cell.ascii:
          o = writeBytes(csv, o, set, at, length);
          break;
        case cell.timestamp:
          o = writeTimestamp(view, o, units, at >> 1, signed[(at >> 2) + 3]!);
          break;
        case cell.double:
          o = writeDouble(view, o, doubles[at >> 3]!);
          break;
        case cell.real:
          o = writeReal(view, o, floats[at >> 2]!);
          break;
        case cell.bit:
          out[o++] = bytes[at] === 0 ? 0x30 : 0x31;
          break;
        case cell.utf8:
          o = writeUtf8(csv, o, set, at, length);
          break;
        case cell.lowerGuid:
          o = writeLowerCase(out, o, bytes, at, length);
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
  csv: CsvBuffer,
  o: number,
  { value, kind }: { value: Uint8Array<ArrayBuffer>; kind: number },
): number {
  switch (kind) {
    case cell.wide: {
      const units = new Uint16Array(value.buffer, value.byteOffset, value.length >> 1);
      return writeWide(csv.bytes, o, units, 0, units.length, csv);
    }
    case cell.utf8:
    case cell.ascii: {
      const aligned = value.byteOffset % 4 === 0 ? value : value.slice();
      const bytes = new Uint8Array(aligned.buffer);
      const signed = new Int32Array(aligned.buffer, 0, bytes.length >> 2);
      const write = kind === cell.utf8 ? writeUtf8 : writeBytes;
      return write(csv, o, { bytes, signed }, aligned.byteOffset, aligned.length);
    }
    case cell.lowerGuid:
      return writeLowerCase(csv.bytes, o, value, 0, value.length);
    default:
      return writeBase64(csv.bytes, o, value, 0, value.length);
  }
}
