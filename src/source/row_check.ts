/**
 * Checks rows as they pass, column by column and in place, so that a good value costs next to nothing. A bad row is
 * left out and reported with its number, column and value; the others continue.
 */
import type { Block, Column } from "../database/row_source.ts";
import { booleanOf, channels, type PlacedColumn, type Placement, textCharactersMax } from "./columns.ts";

/** How many refused rows are described. */
export const reasonsMax = 10;
/** How much of a value is shown, in characters. */
const shownValueLength = 80;
const tooLong = `longer than ${textCharactersMax} characters`;

/** The time range a row must lie in. */
export interface TimeBounds {
  /** From inclusive, to exclusive: in wall-clock time, for times without offset. */
  readonly fromWallMs: number;
  readonly toWallMs: number;
  /** The same for times with an offset, in ms since the epoch. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** What rows are checked against: the data type's rules by column, and the requested window. */
export interface RowCheckOptions {
  readonly placement: Extract<Placement, { ok: true }>;
  readonly columns: readonly Column[];
  /** Absent: any time is accepted. */
  readonly bounds?: TimeBounds | undefined;
}

/** What has been found so far. */
export interface Refusals {
  readonly rows: number;
  /** The first few, one line each. */
  readonly reasons: readonly string[];
}

/** Called for each block, as `writeCsv` requires: sets `refused[row]` to 1 for rows to leave out. */
export type BlockCheck = (block: Block, refused: Uint8Array, firstRow: number) => void;

/** Creates the check for one query's rows. */
export function rowCheck(options: RowCheckOptions): { readonly check: BlockCheck; readonly refusals: () => Refusals } {
  const tests = options.placement.columns.filter(({ index }) => index >= 0).map((placed) => cellTest(placed, options));
  const reasons: string[] = [];
  let rows = 0;
  const check: BlockCheck = (block, refused, firstRow) => {
    for (const { index, name, test } of tests) {
      for (let row = 0; row < block.rows; row++) {
        const wrong = test(block, row);
        if (wrong === undefined || refused[row] !== 0) continue;
        refused[row] = 1;
        rows++;
        if (reasons.length < reasonsMax) {
          reasons.push(`Row ${firstRow + row + 1}: ${name} is ${shown(block.text(index, row))}, ${wrong}`);
        }
      }
    }
  };
  return { check, refusals: () => ({ rows, reasons }) };
}

/** Returns what a value should have been; `undefined` if it is fine. */
type CellTest = (block: Block, row: number) => string | undefined;

interface NamedTest {
  readonly index: number;
  readonly name: string;
  readonly test: CellTest;
}

function cellTest({ rule, index }: PlacedColumn, options: RowCheckOptions): NamedTest {
  const column = options.columns[index];
  if (!column) throw new Error(`Column ${index} of ${options.columns.length} does not exist`);
  const test = testOf({ rule, index }, options);
  const { filled } = rule;
  return {
    index,
    name: column.name,
    test(block, row) {
      if (block.isNull(index, row)) return filled ? "but every row must have a value" : undefined;
      return test(block, row);
    },
  };
}

function testOf({ rule, index }: PlacedColumn, options: RowCheckOptions): CellTest {
  switch (rule.kind) {
    case "text":
      return (block, row) => block.isLonger(index, row, textCharactersMax) ? tooLong : undefined;
    case "channel":
      return channelTest(index);
    case "boolean-or-integer":
      return booleanOrIntegerTest(index);
    case "integer":
      return integerTest(index);
    case "time?":
      return (block, row) => Number.isNaN(block.timeMs(index, row)) ? "not a date and time" : undefined;
    case "time":
      return timeTest(index, options);
  }
}

function integerTest(index: number): CellTest {
  return (block, row) => {
    const value = block.integer(index, row);
    if (value >= 0) return undefined;
    return Number.isNaN(value) ? "not an integer" : "but must not be negative";
  };
}

/** By the value, whatever the column's type: SQLite's says nothing about what is in it. */
function booleanOrIntegerTest(index: number): CellTest {
  const test = integerTest(index);
  return (block, row) => {
    const wrong = test(block, row);
    return wrong !== undefined && booleanOf(block.text(index, row) ?? "") === undefined ? wrong : undefined;
  };
}

function timeTest(index: number, { columns, bounds }: RowCheckOptions): CellTest {
  const zoned = columns[index]?.kind === "timestamp-with-zone";
  const from = bounds ? (zoned ? bounds.fromMs : bounds.fromWallMs) : -Infinity;
  const to = bounds ? (zoned ? bounds.toMs : bounds.toWallMs) : Infinity;
  return (block, row) => {
    const ms = block.timeMs(index, row);
    if (ms >= from && ms < to) return undefined;
    return Number.isNaN(ms) ? "not a date and time" : "outside of the window that was asked for";
  };
}

function channelTest(index: number): CellTest {
  const known = new Set<string>(["", ...channels]);
  return (block, row) => {
    const text = block.text(index, row) ?? "";
    return known.has(text) || known.has(text.trim().toLowerCase()) ? undefined : `not one of ${channels.join(", ")}`;
  };
}

function shown(text: string | null): string {
  if (text === null) return "NULL";
  const short = text.length > shownValueLength ? `${text.slice(0, shownValueLength)}…` : text;
  return JSON.stringify(short);
}
