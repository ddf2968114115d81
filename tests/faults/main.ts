/**
 * `deno task faults`: injects faults at random while files and rows come in, and writes what came of it into the README.
 *
 * `--seed=N` repeats a run, `--rounds=N` injects each fault N times (those that take minutes a tenth as often, and those
 * that no process ends by four times more, to see whether anything is left behind),
 * `--only=TEXT` only those whose name contains it: then the README stays as it is. `--controls` switches off one
 * safeguard after the other instead, and fails unless each is missed.
 */
import { writeReadmeTable } from "../readme/generated_table.ts";
import { compileExecutable } from "../setup/executable.ts";
import { controls, isNoticed } from "./controls.ts";
import { enduredFaults, isRed, quickFaults, runFaults, shuffled, slowFaults } from "./faults.ts";
import { table } from "./table.ts";
import type { Round } from "./world.ts";

// deno-lint-ignore no-console -- a command that talks to its user
const say = (line: string) => console.log(line);

const option = (name: string) =>
  Deno.args.find((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3);

async function main(): Promise<number> {
  return Deno.args.includes("--controls") ? await mainControls() : await mainFaults();
}

/** Each safeguard switched off: the faults must notice it. */
async function mainControls(): Promise<number> {
  await compileExecutable();
  let unnoticed = 0;
  for (const control of controls) {
    const noticed = await isNoticed(control, { seed: Number(option("seed") ?? 1) });
    say(`without ${control.safeguard}: ${noticed ? "red, as it must be" : "GREEN: nothing was noticed"}`);
    if (!noticed) unnoticed++;
  }
  return unnoticed;
}

async function mainFaults(): Promise<number> {
  const seed = Number(option("seed") ?? Date.now() % 1_000_000);
  const count = Number(option("rounds") ?? 20);
  const only = option("only");
  say("Compiling the executable");
  await compileExecutable();
  say(`Seed ${seed}`);
  const rounds: Round[] = [];
  const { files, rows, leaks } = await runFaults({
    seed,
    plan: (random) => {
      const wanted = ({ name }: { name: string }) => only === undefined || name.includes(only);
      const quick = quickFaults.filter(wanted);
      const slow = slowFaults({ batches: Number(option("waiting") ?? 10_000) }).filter(wanted);
      return {
        faults: [
          ...Array.from({ length: count }, () => shuffled(quick, random)).flat(),
          ...Array.from({ length: Math.ceil(count / 10) }, () => slow).flat(),
        ],
        endured: enduredFaults.filter(wanted),
        idle: true,
      };
    },
    async onRound(round) {
      tell(round);
      rounds.push(round);
      // Each time: a run that is ended early has told what it knows.
      if (only === undefined) await writeReadmeTable("faults", table(rounds));
    },
  });
  say(`${files} files and ${rows} rows\n\n${table(rounds)}\n`);
  for (const leak of leaks) say(leak);
  return rounds.some(isRed) || leaks.length > 0 ? 1 : 0;
}

function tell({ fault, recoveredMs, lost, doubled, changed, complaints }: Round): void {
  const found = [`lost ${lost.length}`, `doubled ${doubled.length}`, `changed ${changed.length}`].join(", ");
  say(`${fault}: ${Math.round(recoveredMs)} ms, ${found}`);
  for (const text of complaints) say(`  ${text}`);
}

Deno.exit(await main());
