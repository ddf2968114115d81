/** One line of the results, and the results as Markdown. */
import { threeDigits } from "./statistics.ts";

/** What was measured. */
export interface Measurement {
  /** The part of the bench, such as `small-files`. */
  readonly part: string;
  /** What it is, such as `10,000 files of 2 kB, agent and hub`. */
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** Where there is a goal: what it is, and whether it is met. */
  readonly goal?: { readonly below: number };
  /** How it was measured, where the name does not say it. */
  readonly note?: string;
}

/** The measurements as a Markdown table. */
export function markdownTable(measurements: readonly Measurement[]): string {
  const rows = measurements.map(({ part, what, value, unit, goal, note }) => [
    part,
    what,
    `${threeDigits(value)} ${unit}`,
    goal === undefined ? "" : `< ${goal.below} ${unit}: ${value < goal.below ? "met" : "MISSED"}`,
    note ?? "",
  ]);
  const header = ["part", "what", "median", "goal", "how"];
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [line(header), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}
