/**
 * How a window's edges are written for a query: as wall-clock timestamps, except where the database compares
 * differently.
 *
 * - SQLite keeps times as text and compares them as text. Between date and time there is a space or a `T`, in one column
 *   both when two programs write it: rows of each kind are compared with edges of the same kind. Edges are as short as can
 *   be, a midnight's is its date alone: `2026-10-25` is before `2026-10-25 00:00`, and that before `2026-10-25 00:00:00`.
 *   Whether the times have an offset is learnt from samples. If they have, they do not sort chronologically: SQLite's
 *   datetime() compares them as instants, among those that an index finds around the window.
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
 * @throws if none of the samples is a time, or one of them is none to the database.
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
  if (sample === undefined || !parsed?.hasOffset) return wallWindow(bounds);
  const odd = filled.find((each) => parseTime(each)?.hasOffset && !readableZoned.test(each.trim()));
  if (odd !== undefined) {
    throw new Error(
      `SQLite cannot read ${JSON.stringify(odd)} in the column ${column.name} as a time: have the query return it as ` +
        `2026-10-25 10:00:00+02:00, for "+0200" with substr(x, 1, length(x) - 2) || ':' || substr(x, -2)`,
    );
  }
  return instantWindow(bounds);
}

/** What SQLite's datetime() reads, of what we read. */
const readableZoned = /\d\d:\d\d(?::\d\d(?:\.\d+)?)?\s*(?:Z|[+-]\d\d:\d\d)$/i;
/** SQLite's largest offset is 14:59. */
const offsetMsMax = 15 * 3_600_000;

function instantWindow({ fromMs, toMs }: TimeBounds): TimeParameters {
  const exact = [fromMs, toMs].map((ms): Parameter => ({ type: "text", value: wallText(ms) }));
  return {
    parameters: [edge(fromMs - offsetMsMax, " "), edge(toMs + offsetMsMax, "T"), ...exact],
    condition: (name) => `${between(name)} AND ${between(`datetime(${name})`)}`,
    zonedText: true,
  };
}

function wallWindow({ fromWallMs, toWallMs }: TimeBounds): TimeParameters {
  const separators = [" ", "T"];
  return {
    parameters: separators.flatMap((separator) => [edge(fromWallMs, separator), edge(toWallMs, separator)]),
    // Two ranges, each of which SQLite can look up in an index on the column.
    condition: (name) =>
      `(substr(${name}, 11, 1) <> 'T' AND ${between(name)}) OR (substr(${name}, 11, 1) = 'T' AND ${between(name)})`,
    zonedText: false,
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
