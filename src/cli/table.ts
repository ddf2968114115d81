/** Aligned lines and readable sizes and times, for people. */
import { escapeControls } from "../log/escape.ts";
import { localTime } from "../log/line.ts";

/**
 * Rows of a name and a text, the texts aligned below one another.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(aligned([["Hub", "reachable"], ["Waiting", "nothing"]]), ["Hub      reachable", "Waiting  nothing"]);
 * ```
 */
export function aligned(rows: readonly (readonly [name: string, text: string])[]): string[] {
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  return rows.map(([name, text]) => `${name.padEnd(width)}  ${escapeControls(text)}`.trimEnd());
}

/** Longest text shown in a column of a table, in characters. */
const cellWidthMax = 60;

/**
 * A table with a header, its columns aligned; long texts are cut.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(table(["id", "name"], [["1", "Köln"]]), ["id  name", "--  ----", "1   Köln"]);
 * ```
 */
export function table(columns: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const cell = (text: string) => {
    const safe = escapeControls(text);
    return safe.length > cellWidthMax ? `${safe.slice(0, cellWidthMax - 1)}…` : safe;
  };
  const cells = [columns, ...rows].map((row) => row.map(cell));
  const widths = columns.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const [header = [], ...body] = cells;
  const line = (row: readonly string[]) =>
    row.map((text, column) => text.padEnd(widths[column] ?? 0)).join("  ").trimEnd();
  return [line(header), line(widths.map((width) => "-".repeat(width))), ...body.map(line)];
}

/**
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals([0, 1536, 5e9].map(readableBytes), ["0 bytes", "1.5 kB", "4.7 GB"]);
 * ```
 */
export function readableBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = "";
  for (const next of units) {
    if (value < 1024) break;
    value /= 1024;
    unit = next;
  }
  return `${value.toFixed(1)} ${unit}`;
}

/** Local time to the second, without the offset. */
export function readableTime(instant: string): string {
  return localTime(Date.parse(instant)).slice(0, 19).replace("T", " ");
}
