/** A short run of `deno task faults`, the same each time. */
import { assert, assertEquals } from "../assert.ts";
import { clocks } from "./clocks.ts";
import { disks } from "./disks.ts";
import { isRed, runFaults, shuffled } from "./faults.ts";
import { restored } from "./hubs.ts";
import { kills } from "./kills.ts";
import { power } from "./power.ts";
import { states } from "./states.ts";
import { table } from "./table.ts";
import type { Fault } from "./world.ts";

const isOfReading = ({ name }: Fault) => name.startsWith("EIO when");

Deno.test("through kills, power cuts, failing disks, clocks and states every file and row arrives once, unchanged", async () => {
  const { rounds, files, rows, leaks } = await runFaults({
    seed: 20260301,
    plan: (random) => {
      const some = <T>(items: readonly T[], count: number) => shuffled(items, random).slice(0, count);
      const [lasting, ending] = [disks.filter(({ endured }) => endured), disks.filter(({ endured }) => !endured)];
      const reading = some(lasting.filter(isOfReading), 2);
      const writing = some(lasting.filter((fault) => !isOfReading(fault)), 2);
      return {
        faults: shuffled([
          ...[...some(kills, 2), ...power, ...ending, ...reading.slice(1), ...writing.slice(1)],
          ...[...some(clocks, 1), ...some(states, 1), restored],
        ], random),
        endured: [...reading.slice(0, 1), ...writing.slice(0, 1)],
      };
    },
  });
  assertEquals({ red: rounds.filter(isRed), leaks }, { red: [], leaks: [] });
  assert(files > 0 && rows > 0);
});

Deno.test("table of faults says how often each was injected and what came of it", () => {
  const round = { fault: "kill -9", recoveredMs: 1500, lost: [], doubled: ["a.csv"], changed: [], complaints: [] };
  const text = table([round, { ...round, recoveredMs: 500, doubled: [] }]);
  assertEquals(
    text.split("\n")[2],
    "| kill -9 |     2 |    0 |       1 |       0 |                   1.5 s |   1.5 s |",
  );
});
