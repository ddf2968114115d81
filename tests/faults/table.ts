/** The README's table of faults: one row a kind. */
import { markdownTable } from "../readme/generated_table.ts";
import type { Round } from "./world.ts";

/** How often each was injected, and what came of it. */
export function table(rounds: readonly Round[]): string {
  const byFault = Map.groupBy(rounds, ({ fault }) => fault);
  return markdownTable([
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
  ]);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
