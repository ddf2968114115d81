/**
 * Converts one record of a batch's CSV to the values of its table's row, or gives the reason why that is impossible.
 */
import type { DataType } from "../../protocol/database.ts";
import { booleanOf, channels, placeColumns, type PlacedColumn, textCharactersMax } from "../../source/columns.ts";
import type { TimeRange } from "./coverage.ts";
import { type TimeReader, timeReader } from "./time_reader.ts";

/** A value as SQLite takes it. */
export type Value = string | number | null;

/** The result for a record: `reason` if it has to be refused. */
export type ReadRow =
  | { readonly values: readonly Value[]; readonly timeMs: number }
  | { readonly reason: string };

/** The batch lacks columns that its data type needs. */
export class ColumnsMissingError extends Error {
  override readonly name = "ColumnsMissingError";
}

/** How much of a value is shown, in characters. */
const shownLength = 80;

/** Creates the reader for a batch with this header; its values are in the order of `columnsOf[dataType]`. */
export function rowReader(
  header: readonly string[],
  options: { dataType: DataType; timeZone: string; window: TimeRange },
): (record: readonly string[]) => ReadRow {
  const placement = placeColumns(header, options.dataType);
  if (!placement.ok) throw new ColumnsMissingError(placement.reason);
  const time = timeReader(options.timeZone);
  const cells = placement.columns.map((placed) => cellReader(placed, time));
  const timeAt = placement.columns.indexOf(placement.time);
  const { fromMs, toMs } = options.window;
  return (record) => {
    const values: Value[] = new Array(cells.length);
    for (let index = 0; index < cells.length; index++) {
      const cell = cells[index];
      if (cell === undefined) continue;
      const value = cell.read(record);
      if (value === undefined) return { reason: refusal(cell, record) };
      values[index] = value;
    }
    const timeMs = Number(values[timeAt]);
    if (timeMs >= fromMs && timeMs < toMs) return { values, timeMs };
    return { reason: `${placement.time.rule.name} is ${shown(record[placement.time.index])}, outside of the window` };
  };
}

interface Cell {
  readonly placed: PlacedColumn;
  readonly expected: string;
  /** `undefined` if the record's value is not valid. */
  read(record: readonly string[]): Value | undefined;
}

function cellReader(placed: PlacedColumn, time: TimeReader): Cell {
  const { index, rule } = placed;
  const empty = rule.filled ? undefined : null;
  switch (rule.kind) {
    case "text":
      return {
        placed,
        expected: `text of at most ${textCharactersMax} characters`,
        read(record) {
          const text = record[index];
          if (text === undefined || text === "") return rule.filled ? text : null;
          return text.length > textCharactersMax ? undefined : text;
        },
      };
    case "channel": {
      const known = new Map<string, string>(channels.map((name) => [name, name]));
      known.set("", "calls");
      const read = (text: string) => known.get(text) ?? known.get(text.trim().toLowerCase());
      return { placed, expected: `one of ${channels.join(", ")}`, read: (record) => read(record[index] ?? "") };
    }
    case "integer":
    case "boolean-or-integer":
      return {
        placed,
        expected: "an integer of at least 0",
        read: (record) => {
          const text = record[index] ?? "";
          return text === "" ? empty : integer(text, rule.kind === "boolean-or-integer");
        },
      };
    case "time":
    case "time?":
      return {
        placed,
        expected: "a date and time",
        read: (record) => {
          const text = record[index] ?? "";
          if (text === "") return empty;
          const ms = time(text);
          return Number.isNaN(ms) ? undefined : ms;
        },
      };
  }
}

function integer(text: string, orBoolean: boolean): number | undefined {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0 && text.trim() !== "") return value;
  return orBoolean ? booleanOf(text) : undefined;
}

function refusal({ placed, expected }: Cell, record: readonly string[]): string {
  return `${placed.rule.name} is ${shown(record[placed.index])}, not ${expected}`;
}

function shown(text: string | undefined): string {
  if (text === undefined || text === "") return "empty";
  return JSON.stringify(text.length > shownLength ? `${text.slice(0, shownLength)}…` : text);
}
