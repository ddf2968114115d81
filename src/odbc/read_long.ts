/** Reads one value of any length in pieces (SQLGetData). */
import { indicator, returnCode } from "./constants.ts";
import type { PlannedColumn } from "./column_plan.ts";
import type { Arena } from "./column_set.ts";
import type { OdbcLibrary } from "./library.ts";
import type { Statement } from "./statement.ts";

const pieceBytes = 64 * 1024;
/** Larger single values are refused: they could not be part of a batch. */
const valueBytesMax = 1024 * 1024 * 1024;

/** Memory for the first piece, reused for every value. */
export class LongReader {
  readonly #library: OdbcLibrary;
  readonly #statement: Statement;
  readonly #piece = new Uint8Array(new ArrayBuffer(pieceBytes));
  readonly #indicator = new BigInt64Array(new ArrayBuffer(8));

  constructor(library: OdbcLibrary, statement: Statement) {
    this.#library = library;
    this.#statement = statement;
  }

  /** The whole value of a column (numbered from 0) in the current row; `null` for NULL. */
  read(index: number, options: { column: PlannedColumn; arena: Arena }): Uint8Array<ArrayBuffer> | null {
    const { column, arena } = options;
    let value: Uint8Array<ArrayBuffer> | undefined;
    let filled = 0;
    for (;;) {
      const target: Uint8Array<ArrayBuffer> = value === undefined ? this.#piece : value.subarray(filled);
      const code = this.#library.symbols.SQLGetData(
        this.#statement.handle,
        index + 1,
        column.cType,
        target,
        BigInt(target.length),
        this.#indicator,
      );
      if (code === returnCode.noData) return this.#finish(value, filled);
      this.#statement.check(code, `read column "${column.name}"`);
      const length = Number(this.#indicator[0]);
      if (length === indicator.nullData) return null;
      const room = target.length - column.terminator;
      const whole = length !== indicator.noTotal && length <= room;
      const got = whole ? length : room;
      const rest = length === indicator.noTotal ? filled + got : length - got;
      const bytes = filled + got + (whole ? 0 : rest) + column.terminator + 8;
      if (bytes > valueBytesMax) throw new Error(`Cannot read column "${column.name}": a value is over 1 GiB`);
      if (value === undefined) {
        value = arena.take(bytes);
        value.set(this.#piece.subarray(0, got));
      } else if (filled + got + rest > value.length - column.terminator && !whole) {
        const grown = arena.take(Math.max(bytes, 2 * value.length));
        grown.set(value.subarray(0, filled + got));
        value = grown;
      }
      filled += got;
      if (whole) return this.#finish(value, filled);
    }
  }

  #finish(value: Uint8Array<ArrayBuffer> | undefined, filled: number): Uint8Array<ArrayBuffer> {
    return (value ?? new Uint8Array(new ArrayBuffer(0))).subarray(0, filled);
  }
}
