/**
 * `deno task network`: bad lines at full size, with the executable that `deno task compile` makes; takes 40 minutes, and
 * then writes what came of it into the README. Fails when a file is lost or doubled, a change or reports do not get
 * through in time, or too much is sent twice.
 *
 * `--quick` sends a twentieth, and leaves the README as it is.
 */
import { writeReadmeTable } from "../readme/generated_table.ts";
import { overALine } from "./over_a_line.ts";
import type { Phase } from "./scenario.ts";
import { complaints, table } from "./table.ts";

// deno-lint-ignore no-console -- a command that talks to its user
const say = (line: string) => console.log(line);

const oneMegabit = { delayMs: 20, loss: 0, bytesPerSecond: 125_000, queueBytes: 65_536 };
const phases: Record<string, Phase> = {
  "3 % loss, 300 ms each way": {
    line: { delayMs: 300, loss: 0.03, bytesPerSecond: 10_000_000, queueBytes: 1_000_000 },
    files: [2_000_000, 20_000, 20_000, 20_000],
    changes: 3,
  },
  "1 Mbit/s": { line: oneMegabit, files: [200_000_000], changes: 10 },
  "1 Mbit/s that breaks every 10 s": { line: oneMegabit, files: [40_000_000], breakEveryMs: 10_000, changes: 4 },
};

async function main(): Promise<number> {
  const short = Deno.args.includes("--quick");
  const played = Object.entries(phases).map(([name, phase]) => ({ name, phase: short ? shortened(phase) : phase }));
  say(`This takes ${short ? "some" : "40"} minutes`);
  const happened = await overALine({ phases: played.map(({ phase }) => phase), patienceMs: 60 * 60_000 });
  const outcomes = played.flatMap((one, index) => {
    const here = happened[index];
    return here === undefined ? [] : [{ ...one, happened: here }];
  });
  say(table(outcomes));
  if (!short) await writeReadmeTable("network", table(outcomes));
  const found = outcomes.flatMap((outcome) => complaints(outcome, { short }));
  for (const complaint of found) say(complaint);
  return found.length > 0 || outcomes.length < played.length ? 1 : 0;
}

function shortened(phase: Phase): Phase {
  return { ...phase, files: phase.files.map((bytes) => bytes / 20) };
}

Deno.exit(await main());
