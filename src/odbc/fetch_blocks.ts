/**
 * Fetches a result in blocks into two sets of bound memory: the driver fills one, on its own thread, while the other is
 * read here. If the driver supports it ({@linkcode FetchOptions.refetch}), values that did not fit are fetched whole
 * before the next block is requested; otherwise a {@linkcode LongValueError} says for which columns to rerun the query.
 */
import { LongValueError } from "../database/row_source.ts";
import { isVariable, type PlannedColumn } from "./column_plan.ts";
import { ColumnSet } from "./column_set.ts";
import { indicator, lengthBytes, returnCode, rowStatus, statementAttribute } from "./constants.ts";
import type { OdbcLibrary } from "./library.ts";
import { LongReader } from "./read_long.ts";
import type { Statement } from "./statement.ts";

/** An executed statement with its planned columns, and how to get values that do not fit (SQL_GETDATA_EXTENSIONS). */
export interface FetchOptions {
  readonly library: OdbcLibrary;
  readonly statement: Statement;
  readonly columns: readonly PlannedColumn[];
  /** SQLGetData reads any value of a fetched block, bound or not. */
  readonly refetch: boolean;
  /** SQLGetData reads any value of the current row, bound or not. */
  readonly boundAgain: boolean;
}

/** Bound memory of one set; small enough for the processor's caches. */
const blockBytes = 2 * 1024 * 1024;
const blockRowsMax = 2000;
/** Rows of the first block if values may be long: each could be megabytes. */
const cautiousRows = 1;
/** Memory for long values of one block. */
const overflowBytes = 1024 * 1024;

const position = 0;
const noLock = 0;

/** How many rows' bound memory stays within the limit. */
export function rowsOfBlock(columns: readonly PlannedColumn[]): number {
  const rowBytes = columns.reduce((sum, column) => sum + column.width + lengthBytes, 0);
  return Math.max(1, Math.min(blockRowsMax, Math.floor(blockBytes / Math.max(1, rowBytes))));
}

/** Yields one set after the other; a set is valid until the next one is requested. */
export async function* fetchBlocks(options: FetchOptions): AsyncGenerator<ColumnSet, void, void> {
  const { columns } = options;
  const rowsMax = rowsOfBlock(columns);
  const block = new BlockFetch(options, rowsMax);
  const cautious = columns.some((column) => column.long);
  let rows = cautious ? Math.min(rowsMax, cautiousRows) : rowsMax;
  block.setRows(rows);
  let filling = new ColumnSet(columns, rowsMax);
  let other = new ColumnSet(columns, rowsMax);
  options.statement.keep(filling, other);
  let fetch = block.start(filling);
  while (await block.finish(filling, fetch)) {
    const full = filling;
    if (cautious) {
      const wanted = rowsFor(full, { rows, rowsMax });
      if (wanted !== rows) block.setRows(rows = wanted);
    }
    filling = other;
    other = full;
    fetch = block.start(filling);
    yield full;
  }
}

/** As many rows as the long values of the last block suggest; grows slowly and shrinks at once. */
function rowsFor(set: ColumnSet, { rows, rowsMax }: { rows: number; rowsMax: number }): number {
  let bytes = 0;
  for (const value of set.overflow.values()) bytes += value.length;
  const perRow = bytes / Math.max(1, set.rows);
  const fitting = perRow === 0 ? rowsMax : Math.floor(overflowBytes / perRow);
  return Math.max(1, Math.min(rowsMax, rows * 4, fitting));
}

class BlockFetch {
  readonly #options: FetchOptions;
  readonly #reader: LongReader;
  /** Written by the driver on every fetch. */
  readonly #fetched = new Uint32Array(new ArrayBuffer(lengthBytes));
  readonly #status: Uint16Array<ArrayBuffer>;

  constructor(options: FetchOptions, rowsMax: number) {
    const { library, statement } = options;
    this.#options = options;
    this.#reader = new LongReader(library, statement);
    this.#status = new Uint16Array(new ArrayBuffer(rowsMax * 2));
    statement.keep(this.#fetched, this.#status);
    const set = library.symbols.SQLSetStmtAttrAddress;
    statement.check(set(statement.handle, statementAttribute.rowsFetchedPtr, this.#fetched, 0), "fetch in blocks");
    statement.check(set(statement.handle, statementAttribute.rowStatusPtr, this.#status, 0), "fetch in blocks");
  }

  setRows(rows: number): void {
    const { library, statement } = this.#options;
    const code = library.symbols.SQLSetStmtAttrW(statement.handle, statementAttribute.rowArraySize, BigInt(rows), 0);
    statement.check(code, "fetch in blocks");
  }

  start(set: ColumnSet): Promise<number> {
    const { library, statement, columns } = this.#options;
    set.clear();
    columns.forEach((column, index) => {
      const code = library.symbols.SQLBindCol(
        statement.handle,
        index + 1,
        column.cType,
        set.cells(index),
        BigInt(column.width),
        set.indicators(index),
      );
      statement.check(code, `bind column "${column.name}"`);
    });
    const fetch = statement.fetch();
    // A consumer that stops reading does not wait for this fetch; the statement does.
    fetch.catch(() => {});
    return fetch;
  }

  /** Waits for the block and completes it; `false` at the end of the rows. */
  async finish(set: ColumnSet, fetch: Promise<number>): Promise<boolean> {
    const { statement } = this.#options;
    const code = await fetch;
    if (code === returnCode.noData) return false;
    statement.check(code, "fetch rows");
    set.rows = this.#fetched[0] ?? 0;
    if (code === returnCode.successWithInfo) {
      for (let row = 0; row < set.rows; row++) {
        if (this.#status[row] === rowStatus.error) throw statement.error("fetch rows");
      }
    }
    this.#completeCut(set);
    return true;
  }

  #completeCut(set: ColumnSet): void {
    const { columns, refetch } = this.#options;
    const cut: string[] = [];
    columns.forEach((column, index) => {
      if (!isVariable(column)) return;
      const room = column.width - column.terminator;
      for (let row = 0; row < set.rows; row++) {
        const length = set.length(index, row);
        if (length <= room && length !== indicator.noTotal) continue;
        if (refetch) this.#refetch(set, { index, row, column });
        else if (!cut.includes(column.name)) cut.push(column.name);
      }
    });
    if (cut.length > 0) throw new LongValueError(cut);
  }

  #refetch(set: ColumnSet, at: { index: number; row: number; column: PlannedColumn }): void {
    const { library, statement } = this.#options;
    const { index, row, column } = at;
    const code = library.symbols.SQLSetPos(statement.handle, BigInt(row + 1), position, noLock);
    statement.check(code, `read column "${column.name}"`);
    const value = this.#reader.read(index, { column, arena: set.arena });
    if (value === null) {
      throw new Error(`Cannot read column "${column.name}": the driver first gave a value, then NULL`);
    }
    set.setOverflow(index, { row, value });
  }
}
