/** The rows of a running ODBC query. */
import type { Block, Column, QueryOptions, RowSource } from "../database/row_source.ts";
import { BoundBlock } from "./bound_block.ts";
import { planColumn } from "./column_plan.ts";
import type { ColumnSet } from "./column_set.ts";
import { fetchBlocks, type FetchOptions } from "./fetch_blocks.ts";
import { fetchRows } from "./fetch_rows.ts";
import type { OdbcLibrary } from "./library.ts";
import type { Statement } from "./statement.ts";

/** How to read from this driver. */
export interface DriverTraits {
  readonly refetch: boolean;
  readonly textOnly: boolean;
  readonly narrow: boolean;
  readonly utf8Text: boolean;
  readonly lowerGuids: boolean;
  readonly sizesHold: boolean;
  readonly losesOffset: boolean;
  /** SQLGetData also reads bound columns of the current row. */
  readonly boundAgain: boolean;
}

/** Describes the result of an executed statement. `onEnd` is called when the statement is freed. */
export function openRows(
  library: OdbcLibrary,
  statement: Statement,
  options: { traits: DriverTraits; query: QueryOptions; onEnd: () => Promise<void> },
): RowSource {
  const described = statement.describe();
  if (described.length === 0) {
    throw new Error("Cannot read rows: the statement returns none; the query must be a single SELECT");
  }
  const { longColumns = new Set<string>(), zonedColumns = new Set<string>() } = options.query;
  const columns = described.map((column) => planColumn(column, { ...options.traits, longColumns, zonedColumns }));
  const { refetch, boundAgain } = options.traits;
  return new OdbcRows({ library, statement, columns, refetch, boundAgain }, options.onEnd);
}

class OdbcRows implements RowSource {
  readonly columns: readonly Column[];
  readonly #source: FetchOptions;
  readonly #onEnd: () => Promise<void>;

  constructor(source: FetchOptions, onEnd: () => Promise<void>) {
    this.columns = source.columns;
    this.#source = source;
    this.#onEnd = onEnd;
  }

  async *blocks(): AsyncIterableIterator<Block> {
    const inPieces = !this.#source.refetch && this.#source.columns.some((column) => column.long);
    const sets = inPieces ? fetchRows(this.#source) : fetchBlocks(this.#source);
    const blocks = new Map<ColumnSet, BoundBlock>();
    for await (const set of sets) {
      let block = blocks.get(set);
      if (!block) blocks.set(set, block = new BoundBlock(set));
      yield block;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#source.statement[Symbol.asyncDispose]();
    if (!this.#source.statement.hangs) await this.#onEnd();
  }
}
