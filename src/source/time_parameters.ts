/**
 * How a window's edges are written for a query: as timestamps of the wall clock, except where the database compares
 * otherwise.
 *
 * - SQLite keeps times as text and compares them as text, so the edges are written in the form that the column has (a
 *   sample tells it), as short as it can be: `2026-10-25 02:00` is before `2026-10-25 02:00:00`.
 * - A column that has a zone is compared with instants.
 */
import { parseTime } from "../database/parse_time.ts";
import type { Column, Parameter } from "../database/row_source.ts";
import type { Dialect } from "./sql_tokens.ts";
import type { TimeBounds } from "./row_check.ts";

/** How a window is written into the query: two values, and what is compared with them. */
export interface TimeParameters {
  readonly parameters: readonly [Parameter, Parameter];
  /** What is compared, made of the column. */
  readonly expression: (column: string) => string;
  /** The times are text with an offset, although the column's type does not say so. */
  readonly zonedText: boolean;
}

/** Does the form of the times have to be learnt from a sample? */
export function needsSample(dialect: Dialect, column: Column): boolean {
  return dialect === "sqlite" && column.kind !== "timestamp-with-zone";
}

/**
 * The edges as parameters.
 *
 * @throws when the sample is no time.
 */
export function timeParameters(
  bounds: TimeBounds,
  options: { dialect: Dialect; column: Column; zoned: boolean; sample?: string | undefined },
): TimeParameters {
  const { dialect, column, zoned, sample } = options;
  if (needsSample(dialect, column)) return textParameters(bounds, { column, sample });
  const edges: TimeParameters["parameters"] = zoned
    ? [{ type: "instant", epochMs: bounds.fromMs }, { type: "instant", epochMs: bounds.toMs }]
    : [{ type: "timestamp", wallClockMs: bounds.fromWallMs }, { type: "timestamp", wallClockMs: bounds.toWallMs }];
  return { parameters: edges, expression: plain, zonedText: false };
}

function textParameters(
  bounds: TimeBounds,
  { column, sample }: { column: Column; sample: string | undefined },
): TimeParameters {
  const parsed = sample === undefined ? undefined : parseTime(sample);
  if (sample !== undefined && !parsed) {
    throw new Error(
      `The column ${column.name} is no date and time: it has ${
        JSON.stringify(sample.slice(0, 40))
      }. Convert it in the ` +
        `query, for seconds since 1970 with datetime(${column.name}, 'unixepoch', 'localtime') AS ${column.name}`,
    );
  }
  if (sample !== undefined && parsed?.hasOffset) {
    const utc = /(Z|[+-]00:?00)$/i.test(sample);
    if (utc) return textWindow(bounds.fromMs, bounds.toMs, { separator: sample[10] ?? " ", zonedText: true });
    // Texts with other offsets do not sort by time.
    return {
      parameters: [text(bounds.fromMs, " ", 19), text(bounds.toMs, " ", 19)],
      expression: (name) => `datetime(${name})`,
      zonedText: true,
    };
  }
  return textWindow(bounds.fromWallMs, bounds.toWallMs, { separator: sample?.[10] ?? " ", zonedText: false });
}

function textWindow(
  fromMs: number,
  toMs: number,
  options: { separator: string; zonedText: boolean },
): TimeParameters {
  // Edges are whole minutes, so the text without seconds is never behind a value of the same minute.
  return {
    parameters: [text(fromMs, options.separator, 16), text(toMs, options.separator, 16)],
    expression: plain,
    zonedText: options.zonedText,
  };
}

function text(ms: number, separator: string, length: number): Parameter {
  return { type: "text", value: new Date(ms).toISOString().slice(0, length).replace("T", separator) };
}

function plain(column: string): string {
  return column;
}
