/**
 * `deno task faults`: injects faults at random while files and rows come in, and writes what came of it into the README.
 *
 * `--seed=N` repeats a run, `--rounds=N` injects each fault N times, `--only=TEXT` only those whose name contains it,
 * `--no-write` leaves the README as it is.
 */
import { seededRandom } from "../../src/runtime/seeded_random.ts";
import { clocks } from "./clocks.ts";
import { cloned } from "./clone.ts";
import { disks } from "./disks.ts";
import { outage, restored } from "./hubs.ts";
import { kills } from "./kills.ts";
import { power } from "./power.ts";
import { states } from "./states.ts";
import { type Fault, type Round, World } from "./world.ts";

// deno-lint-ignore no-console -- a command that talks to its user
const say = (line: string) => console.log(line);

const option = (name: string) =>
  Deno.args.find((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3);

const faults: readonly Fault[] = [
  ...kills,
  ...power,
  ...disks,
  ...clocks,
  ...states,
  cloned,
  restored,
  outage({ batches: Number(option("waiting") ?? 10_000) }),
];

async function main(): Promise<number> {
  const seed = Number(option("seed") ?? Date.now() % 1_000_000);
  const rounds = Number(option("rounds") ?? 10);
  const chosen = faults.filter(({ name }) => name.includes(option("only") ?? ""));
  say(`Seed ${seed}: ${chosen.length} kinds of faults, ${rounds} times each`);
  const random = seededRandom(seed);
  const results: Round[] = [];
  await using world = await World.make({ random });
  for (let round = 0; round < rounds; round++) {
    for (const fault of chosen) {
      const result = await world.round(fault);
      results.push(result);
      const { lost, doubled, changed, complaints } = result;
      say(
        `${fault.name}: ${Math.round(result.recoveredMs)} ms, lost ${lost.length}, doubled ${doubled.length}, ` +
          `changed ${changed.length}`,
      );
      for (const text of complaints) say(`  ${text}`);
    }
  }
  say(`${world.files.dropped} files and ${world.rows.inserted} rows`);
  return results.some(({ lost, doubled, changed, complaints }) =>
      [lost, doubled, changed, complaints].some(({ length }) => length > 0)
    )
    ? 1
    : 0;
}

Deno.exit(await main());
