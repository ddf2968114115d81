/** The README's table of faults: one row a kind, written between two markers. */
import type { Round } from "./world.ts";

const marker = { begin: "<!-- faults -->", end: "<!-- /faults -->" };

/** The text with another table between the markers. */
export function withTable(text: string, rounds: readonly Round[]): string {
  const [from, to] = [text.indexOf(marker.begin), text.indexOf(marker.end)];
  if (from < 0 || to < from) throw new Error(`Cannot write the table: there is no ${marker.begin} … ${marker.end}`);
  return `${text.slice(0, from)}${marker.begin}\n\n${table(rounds)}\n\n${text.slice(to)}`;
}

/** Markdown as `deno fmt` has it. */
export function table(rounds: readonly Round[]): string {
  const byFault = Map.groupBy(rounds, ({ fault }) => fault);
  const rows = [
    ["Fault", "Times", "Lost", "Doubled", "Changed", "Recovered after, median", "at most"],
    ...Array.from(byFault, ([fault, some]) => {
      const count = (of: (round: Round) => readonly unknown[]) =>
        String(some.reduce((sum, round) => sum + of(round).length, 0));
      const times = some.map(({ recoveredMs }) => recoveredMs).toSorted((a, b) => a - b);
      return [
        fault,
        String(some.length),
        count(({ lost }) => lost),
        count(({ doubled }) => doubled),
        count(({ changed }) => changed),
        seconds(times[Math.floor(times.length / 2)] ?? 0),
        seconds(times.at(-1) ?? 0),
      ];
    }),
  ];
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) => {
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)
    );
    return `| ${cells.join(" | ")} |`;
  };
  const [head = [], ...body] = rows;
  const rule = widths.map((width, column) => column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`);
  return [line(head), `| ${rule.join(" | ")} |`, ...body.map(line)].join("\n");
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
