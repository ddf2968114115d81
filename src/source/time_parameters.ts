/**
 * How a window's edges are written for a query: as wall-clock timestamps, except where the database compares
 * differently.
 *
 * - SQLite keeps times as text and compares them as text. Between date and time there is a space or a `T`, in one column
 *   both when two programs write it: rows of each kind are compared with edges of the same kind. Edges are as short as can
 *   be, a midnight's is its date alone: `2026-10-25` is before `2026-10-25 00:00`, and that before `2026-10-25 00:00:00`.
 *   Whether the times have an offset is learnt from samples.
 * - A column that has a zone is compared with instants.
 */
import { parseTime } from "../database/parse_time.ts";
import type { Column, Parameter } from "../database/row_source.ts";
import type { TimeBounds } from "./row_check.ts";
import type { Dialect } from "./sql_tokens.ts";
import { wallText } from "./time_zone.ts";

/** How a window is written into the query: the condition, and the values of its `?`. */
export interface TimeParameters {
  readonly parameters: readonly Parameter[];
  /** Built from the column. */
  readonly condition: (column: string) => string;
  /** The times are text with an offset, although the column's type does not say so. */
  readonly zonedText: boolean;
}

/** Whether the format of the times has to be learnt from samples. */
export function needsSample(dialect: Dialect, column: Column): boolean {
  return dialect === "sqlite" && column.kind !== "timestamp-with-zone";
}

/**
 * The edges as parameters.
 *
 * @throws if none of the samples is a time.
 */
export function timeParameters(
  bounds: TimeBounds,
  options: { dialect: Dialect; column: Column; zoned: boolean; samples?: readonly string[] },
): TimeParameters {
  const { dialect, column, zoned, samples = [] } = options;
  if (needsSample(dialect, column)) return textParameters(bounds, { column, samples });
  const edges: Parameter[] = zoned
    ? [{ type: "instant", epochMs: bounds.fromMs }, { type: "instant", epochMs: bounds.toMs }]
    : [{ type: "timestamp", wallClockMs: bounds.fromWallMs }, { type: "timestamp", wallClockMs: bounds.toWallMs }];
  return { parameters: edges, condition: between, zonedText: false };
}

function textParameters(
  bounds: TimeBounds,
  { column, samples }: { column: Column; samples: readonly string[] },
): TimeParameters {
  const filled = samples.filter((sample) => sample.trim() !== "");
  const sample = filled.find((each) => parseTime(each) !== undefined) ?? filled[0];
  const parsed = sample === undefined ? undefined : parseTime(sample);
  if (sample !== undefined && !parsed) {
    throw new Error(
      `The column ${column.name} is not a date and time: it has ${
        JSON.stringify(sample.slice(0, 40))
      }. Convert it in the ` +
        `query, for seconds since 1970 with datetime(${column.name}, 'unixepoch', 'localtime') AS ${column.name}`,
    );
  }
  if (sample === undefined || !parsed?.hasOffset) {
    return textWindow({ fromMs: bounds.fromWallMs, toMs: bounds.toWallMs }, { zonedText: false });
  }
  if (/(Z|[+-]00:?00)$/i.test(sample)) return textWindow(bounds, { zonedText: true });
  // Texts with different offsets do not sort chronologically.
  return {
    parameters: [bounds.fromMs, bounds.toMs].map((ms) => ({ type: "text", value: wallText(ms) })),
    condition: (name) => between(`datetime(${name})`),
    zonedText: true,
  };
}

function textWindow(
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  { zonedText }: { zonedText: boolean },
): TimeParameters {
  const separators = [" ", "T"];
  return {
    parameters: separators.flatMap((separator) => [edge(fromMs, separator), edge(toMs, separator)]),
    // Two ranges, each of which SQLite can look up in an index on the column.
    condition: (name) =>
      `(substr(${name}, 11, 1) <> 'T' AND ${between(name)}) OR (substr(${name}, 11, 1) = 'T' AND ${between(name)})`,
    zonedText,
  };
}

/** Edges are whole minutes. */
function edge(ms: number, separator: string): Parameter {
  const [date = "", time = ""] = wallText(ms).slice(0, 16).split(" ");
  return { type: "text", value: time === "00:00" ? date : date + separator + time };
}

function between(compared: string): string {
  return `${compared} >= ? AND ${compared} < ?`;
}
