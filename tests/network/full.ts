/**
 * Bad lines at full size, with the executable that `deno task compile` makes: takes 40 minutes. Fails when a file does
 * not arrive, a change does not get through in time, or too much is sent twice.
 */
import { overALine, sentTwice } from "./over_a_line.ts";
import type { Phase } from "./scenario.ts";

const oneMegabit = { delayMs: 20, loss: 0, bytesPerSecond: 125_000, queueBytes: 65_536 };
const phases: Record<string, Phase> = {
  "3% loss, 300 ms each way": {
    line: { delayMs: 300, loss: 0.03, bytesPerSecond: 10_000_000, queueBytes: 1_000_000 },
    files: [2_000_000, 20_000, 20_000, 20_000],
    changes: 3,
  },
  "1 Mbit/s, 200 MB": { line: oneMegabit, files: [200_000_000], changes: 10 },
  "1 Mbit/s that breaks every 10 s": { line: oneMegabit, files: [40_000_000], breakEveryMs: 10_000, changes: 4 },
};
/** A change in the console is seen within this, in ms, and no more than this is sent twice. */
const limits = { changeMs: 10_000, sentTwice: 0.15 };

const happened = await overALine({ phases: Object.values(phases), patienceMs: 60 * 60_000 });
let failed = false;
const lines = Object.keys(phases).map((name, index) => {
  const one = happened[index];
  if (one === undefined) throw new Error(`${name} did not happen`);
  const slowest = Math.max(0, ...one.changesMs);
  const twice = sentTwice(one);
  const isWell = one.arrived === phases[name]?.files.length && slowest <= limits.changeMs && twice < limits.sentTwice;
  failed ||= !isWell;
  return `| ${name} | ${one.arrived} | ${Math.round(one.ms / 1000)} s | ${one.breaks} | ${Math.round(slowest)} ms | ` +
    `${one.reports} | ${(twice * 100).toFixed(1)}% | ${isWell ? "yes" : "NO"} |`;
});
const head = "| line | files | took | breaks | slowest change | reports | sent beyond the payload | well |";
const table = [head, head.replace(/[^|]+/g, " --- "), ...lines].join("\n");
await Deno.stdout.write(new TextEncoder().encode(`${table}\n`));
Deno.exit(failed ? 1 : 0);
