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
  /** Where there is a goal: for the value, or for a ratio that goes with it. */
  readonly goal?: Goal;
  /** How it was measured, where the name does not say it. */
  readonly note?: string;
}

/** `ratio` says what is divided by what. */
export type Goal =
  | { readonly below: number }
  | { readonly ratio: string; readonly is: number; readonly atLeast: number };

/** Is its goal met? `undefined` when it has none. */
export function isMet({ value, goal }: Measurement): boolean | undefined {
  if (goal === undefined) return undefined;
  return "below" in goal ? value < goal.below : goal.is >= goal.atLeast;
}

/** One line: how many goals are met, and which are not. */
export function summary(measurements: readonly Measurement[]): string {
  const met = measurements.filter((each) => isMet(each) === true).length;
  const missed = measurements.filter((each) => isMet(each) === false);
  const names = missed.map(({ part, what }) => `${part}: ${what}`).join("; ");
  return `Goals: ${met} met, ${missed.length} missed${missed.length > 0 ? ` (${names})` : ""}.`;
}

/** The measurements as a Markdown table. */
export function markdownTable(measurements: readonly Measurement[]): string {
  const rows = measurements.map((measurement) => {
    const { part, what, value, unit, note } = measurement;
    return [part, what, `${threeDigits(value)} ${unit}`, goalText(measurement), note ?? ""];
  });
  const header = ["part", "what", "median", "goal", "how"];
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [line(header), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}

function goalText(measurement: Measurement): string {
  const { goal, unit } = measurement;
  if (goal === undefined) return "";
  const told = isMet(measurement) ? "met" : "MISSED";
  return "below" in goal
    ? `< ${goal.below} ${unit}: ${told}`
    : `${goal.ratio} ${goal.is.toFixed(2)}, at least ${goal.atLeast}: ${told}`;
}
