/**
 * `deno task bench [PART…] [--quick] [--json FILE]`: compiles the executable, measures, and prints a Markdown table.
 *
 * Parts: `start`, `idle`, `latency`, `small-files`, `large-file`, `scale`, `growth`, `history`, `odbc`, `database-memory`,
 * `real-time`; without any all are run. `--quick` takes fewer and smaller ones, to see whether the bench itself works.
 * Everything runs on this machine, on loopback; take the numbers of a machine that does nothing else. The last line says
 * which goals are met; one that is missed is no failure.
 */
import { v8Flags } from "../../installer/executable.ts";
import { compileExecutable, executable } from "../setup/executable.ts";
import { ensurePackages, packages } from "../setup/packages.ts";
import { benchDatabaseMemory } from "./database/memory_bench.ts";
import { benchRealTime } from "./database/real_time_bench.ts";
import { benchIdle } from "./delivery/idle_bench.ts";
import { benchLatency } from "./delivery/latency_bench.ts";
import { Site } from "./delivery/site.ts";
import { benchStart } from "./delivery/start_bench.ts";
import { benchLargeFile, benchSmallFiles } from "./delivery/throughput_bench.ts";
import { benchGrowth } from "./growth/growth_bench.ts";
import { benchHistory } from "./hub/history_bench.ts";
import { markdownTable, type Measurement, summary } from "./measurement.ts";
import { benchOdbc } from "./odbc_bench.ts";
import { benchScale } from "./scale/scale_bench.ts";

/** What the bench needs of Debian, by what is measured. */
const deliveryPackages = ["rclone"];
const databasePackages = [...packages, "libzstd-dev", "python3-pyodbc", "python3", "make", "g++"];

// deno-lint-ignore no-console -- a command that talks to its user
const say = (line: string) => console.log(line);

type Bench = (options: { quick: boolean }) => Promise<Measurement[]>;

/** On a site of its own, so that no part is measured after another one's work. */
const onSite =
  (bench: (site: Site, options: { quick: boolean }) => Promise<Measurement[]>): Bench => async (options) => {
    await using site = await Site.start();
    return await bench(site, options);
  };

const parts: Readonly<Record<string, Bench>> = {
  start: ({ quick }) => benchStart({ rounds: quick ? 1 : 5 }),
  idle: onSite((site, { quick }) => benchIdle(site, { seconds: quick ? 5 : 60 })),
  latency: onSite((site, { quick }) => benchLatency(site, { rounds: quick ? 3 : 20 })),
  "small-files": onSite((site, { quick }) =>
    benchSmallFiles(site, { rounds: quick ? 1 : 3, files: quick ? 1000 : 10_000, fileBytes: 2000 })
  ),
  "large-file": onSite((site, { quick }) =>
    benchLargeFile(site, { rounds: quick ? 1 : 3, fileBytes: quick ? 200_000_000 : 2_000_000_000 })
  ),
  // From the sources, with the executable's flags: these decide how much memory and processor time collecting garbage takes.
  scale: ({ quick }) =>
    benchScale({
      agents: quick ? [100, 500] : [1000, 2500, 5000, 10_000],
      seconds: quick ? 10 : 60,
      denoArguments: [v8Flags],
    }),
  growth: ({ quick }) => benchGrowth({ sizes: quick ? [1, 100, 1000] : [1, 100, 10_000, 100_000] }),
  history: ({ quick }) => benchHistory({ rows: quick ? 500_000 : 10_000_000 }),
  odbc: async ({ quick }) =>
    (await benchOdbc({ executable, ...quick ? { rows: 50_000, rounds: 1 } : {} })).map(odbcMeasurement),
  "database-memory": ({ quick }) =>
    benchDatabaseMemory(quick ? { rows: 200_000, texts: 20 } : { rows: 5_000_000, texts: 300 }),
  "real-time": ({ quick }) => benchRealTime({ cycles: quick ? 2 : 12 }),
};

function odbcMeasurement(measured: Awaited<ReturnType<typeof benchOdbc>>[number]): Measurement {
  const { database, contestant, rowsPerSecond, oursRatio, processorSecondsPerMillion, goal, note } = measured;
  const ratio = "ours / this";
  const notes = [
    `${ratio} ${oursRatio.toFixed(2)}`,
    `${processorSecondsPerMillion} processor seconds per million rows`,
    note,
  ];
  return {
    part: "odbc",
    what: `${database}, ${contestant}`,
    value: rowsPerSecond,
    unit: "rows/s",
    ...goal === undefined ? {} : { goal: { ratio, is: oursRatio, atLeast: goal } },
    note: notes.filter((text) => text !== "").join("; "),
  };
}

async function main(args: readonly string[]): Promise<number> {
  const { names, quick, jsonFile } = parse(args);
  const databases = ["odbc", "database-memory", "real-time"].some((name) => names.includes(name));
  if (!await ensurePackages(databases ? [...deliveryPackages, ...databasePackages] : deliveryPackages, { say })) {
    return 1;
  }
  await compileExecutable();
  const measurements: Measurement[] = [];
  for (const name of names) {
    say(`Measuring ${name} …`);
    measurements.push(...await parts[name]?.({ quick }) ?? []);
  }
  say(markdownTable(measurements));
  say(`\n${summary(measurements)}`);
  if (jsonFile !== undefined) {
    const machine = { processors: navigator.hardwareConcurrency, memoryBytes: Deno.systemMemoryInfo().total };
    await Deno.writeTextFile(jsonFile, `${JSON.stringify({ machine, quick, measurements }, null, 2)}\n`);
  }
  return 0;
}

function parse(args: readonly string[]): { names: string[]; quick: boolean; jsonFile: string | undefined } {
  const rest = [...args];
  const jsonAt = rest.indexOf("--json");
  const [, jsonFile] = jsonAt < 0 ? [] : rest.splice(jsonAt, 2);
  const quick = rest.includes("--quick");
  const names = rest.filter((argument) => argument !== "--quick");
  const unknown = names.find((name) => !(name in parts));
  if (unknown !== undefined) {
    throw new Error(`Cannot measure "${unknown}": there are ${Object.keys(parts).join(", ")}`);
  }
  return { names: names.length > 0 ? names : Object.keys(parts), quick, jsonFile };
}

Deno.exit(await main(Deno.args));
