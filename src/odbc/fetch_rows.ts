/**
 * Fetches a result row by row, for drivers that return long values only in the current row: the columns before the
 * first long one are bound, the others are read with SQLGetData in order. Several rows still make up a block.
 */
import { LongValueError } from "../database/row_source.ts";
import { isVariable, type PlannedColumn } from "./column_plan.ts";
import { ColumnSet } from "./column_set.ts";
import { indicator, returnCode, statementAttribute } from "./constants.ts";
import { type FetchOptions, rowsOfBlock } from "./fetch_blocks.ts";
import { LongReader } from "./read_long.ts";

/** Memory for long values of one block. */
const overflowBytesMax = 1024 * 1024;
/** How long this thread fetches rows before other tasks, such as a cancel, get their turn. */
const turnMs = 20;

/** Yields blocks, each valid until the next one is requested. */
export async function* fetchRows(options: FetchOptions): AsyncGenerator<ColumnSet, void, void> {
  const { library, statement, columns } = options;
  const rowsMax = rowsOfBlock(columns);
  const set = new ColumnSet(columns, rowsMax);
  const rows = new RowFetch(options);
  const one = 1n;
  statement.check(
    library.symbols.SQLSetStmtAttrW(statement.handle, statementAttribute.rowArraySize, one, 0),
    "fetch rows",
  );
  let turnEnds = 0;
  for (;;) {
    set.clear();
    let overflowBytes = 0;
    let code: number = returnCode.success;
    while (set.rows < rowsMax && overflowBytes < overflowBytesMax) {
      rows.bind(set, set.rows);
      if (performance.now() < turnEnds) {
        code = library.symbols.SQLFetchHere(statement.handle);
      } else {
        code = await statement.fetch();
        turnEnds = performance.now() + turnMs;
      }
      if (code === returnCode.noData) break;
      statement.check(code, "fetch rows");
      overflowBytes += rows.complete(set, set.rows);
      set.rows++;
    }
    if (set.rows > 0) yield set;
    if (code === returnCode.noData) return;
  }
}

class RowFetch {
  readonly #options: FetchOptions;
  readonly #reader: LongReader;
  /** Columns before this one are bound. */
  readonly #firstLong: number;

  constructor(options: FetchOptions) {
    this.#options = options;
    this.#reader = new LongReader(options.library, options.statement);
    const first = options.columns.findIndex((column) => column.long);
    this.#firstLong = first < 0 ? options.columns.length : first;
  }

  bind(set: ColumnSet, row: number): void {
    const { library, statement, columns } = this.#options;
    for (let index = 0; index < this.#firstLong; index++) {
      const column = columns[index];
      if (!column) continue;
      const code = library.symbols.SQLBindCol(
        statement.handle,
        index + 1,
        column.cType,
        set.cells(index, row),
        BigInt(column.width),
        set.indicators(index, row),
      );
      statement.check(code, `bind column "${column.name}"`);
    }
  }

  /** Reads the unbound columns; returns the bytes of long values. */
  complete(set: ColumnSet, row: number): number {
    let bytes = 0;
    this.#options.columns.forEach((column, index) => {
      if (index >= this.#firstLong || this.#isCut(set, { index, row, column })) {
        bytes += this.#get(set, { index, row, column });
      }
    });
    return bytes;
  }

  #get(set: ColumnSet, at: { index: number; row: number; column: PlannedColumn }): number {
    const { index, row, column } = at;
    const value = this.#reader.read(index, { column, arena: set.arena });
    if (value === null) {
      set.setLength(index, { row, length: indicator.nullData });
      return 0;
    }
    if (value.length <= column.width) {
      set.cells(index, row).set(value);
      set.setLength(index, { row, length: value.length });
      return 0;
    }
    set.setOverflow(index, { row, value });
    return value.length;
  }

  /** Whether a bound value did not fit, and can be read again. */
  #isCut(set: ColumnSet, { index, row, column }: { index: number; row: number; column: PlannedColumn }): boolean {
    if (!isVariable(column)) return false;
    const length = set.length(index, row);
    if (length !== indicator.noTotal && length <= column.width - column.terminator) return false;
    if (!this.#options.boundAgain) throw new LongValueError([column.name]);
    return true;
  }
}
