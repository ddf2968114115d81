/**
 * How fast files that lie in the import folder reach the hub, beside rclone, which copies the same files to a folder;
 * both in turns. Ours reads, hashes, compresses, syncs, sends, and the hub syncs, checks and decompresses; rclone copies.
 */
import type { Measurement } from "../measurement.ts";
import { forgetPeak, memoryOf, processorSeconds } from "../process_usage.ts";
import { median } from "../statistics.ts";
import { csvContent, writeLargeCsv } from "./csv_content.ts";
import { rcloneCopy } from "./rclone.ts";
import type { Site } from "./site.ts";

const mb = 1_000_000;
/** Resident memory of the agent while it sends the large file. */
const goalPeakMb = 150;

interface Round {
  readonly seconds: number;
  readonly rcloneSeconds: number;
  readonly agentPeakMb: number;
  readonly hubPeakMb: number;
  readonly agentSeconds: number;
  readonly hubSeconds: number;
}

/** Many small files. */
export async function benchSmallFiles(
  site: Site,
  { rounds, files, fileBytes }: { rounds: number; files: number; fileBytes: number },
): Promise<Measurement[]> {
  const results: Round[] = [];
  for (let round = 0; round < rounds; round++) {
    results.push(
      await runRound(site, {
        files,
        write: async (folder) => {
          for (let file = 0; file < files; file++) {
            const content = csvContent(fileBytes, { seed: 1_000_000 * (round + 1) + file });
            await Deno.writeFile(`${folder}/small-${round}-${file}.csv`, content);
          }
        },
      }),
    );
  }
  const part = "small-files";
  const what = `${files.toLocaleString("en")} files of ${fileBytes / 1000} kB`;
  const rate = (pick: (round: Round) => number) => median(results.map((round) => files / pick(round)));
  const note = `from the folder to the last receipt in the agent, ${rounds} rounds in turns with rclone`;
  return [
    { part, what, value: rate(({ seconds }) => seconds), unit: "files/s", note },
    { part, what: `${what}, rclone copy`, value: rate(({ rcloneSeconds }) => rcloneSeconds), unit: "files/s" },
    { part, what: `${what}, ours / rclone`, value: ratio(results), unit: "×" },
    ...usage(part, results),
  ];
}

/** One large file. */
export async function benchLargeFile(
  site: Site,
  { rounds, fileBytes }: { rounds: number; fileBytes: number },
): Promise<Measurement[]> {
  const results: Round[] = [];
  for (let round = 0; round < rounds; round++) {
    results.push(
      await runRound(site, {
        files: 1,
        write: (folder) => writeLargeCsv(`${folder}/large-${round}.csv`, { bytes: fileBytes, seed: 7 + round }),
      }),
    );
  }
  const part = "large-file";
  const what = `one file of ${fileBytes / 1e9} GB`;
  const rate = (pick: (round: Round) => number) => median(results.map((round) => fileBytes / mb / pick(round)));
  const note = `from the folder to the receipt in the agent, ${rounds} rounds in turns with rclone`;
  return [
    { part, what, value: rate(({ seconds }) => seconds), unit: "MB/s", note },
    { part, what: `${what}, rclone copy`, value: rate(({ rcloneSeconds }) => rcloneSeconds), unit: "MB/s" },
    { part, what: `${what}, ours / rclone`, value: ratio(results), unit: "×" },
    ...usage(part, results, { goal: { below: goalPeakMb } }),
  ];
}

async function runRound(
  site: Site,
  { files, write }: { files: number; write: (folder: string) => Promise<void> },
): Promise<Round> {
  const copies = await Deno.makeTempDir({ prefix: "cloud-link-rclone-" });
  const pids = { agent: site.agent.pid, hub: site.hub.pid };
  await site.pause(true);
  try {
    await write(site.importPath(""));
    const rcloneSeconds = await rcloneCopy(site.importPath(""), copies);
    const from = await site.logEnd();
    await Promise.all([forgetPeak(pids.agent), forgetPeak(pids.hub)]);
    const before = { agent: await processorSeconds(pids.agent), hub: await processorSeconds(pids.hub) };
    const start = performance.now();
    await site.pause(false);
    await site.untilDelivered(files, { from });
    const seconds = (performance.now() - start) / 1000;
    return {
      seconds,
      rcloneSeconds,
      agentPeakMb: (await memoryOf(pids.agent)).peak / mb,
      hubPeakMb: (await memoryOf(pids.hub)).peak / mb,
      agentSeconds: await processorSeconds(pids.agent) - before.agent,
      hubSeconds: await processorSeconds(pids.hub) - before.hub,
    };
  } finally {
    await Deno.remove(copies, { recursive: true });
    for await (const { name } of Deno.readDir(site.importPath(""))) await Deno.remove(site.importPath(name));
  }
}

/** Above 1: we are faster. Of pairs from the same round, so that a busy machine slows both. */
function ratio(results: readonly Round[]): number {
  return median(results.map(({ seconds, rcloneSeconds }) => rcloneSeconds / seconds));
}

function usage(
  part: string,
  results: readonly Round[],
  agentGoal: Pick<Measurement, "goal"> = {},
): Measurement[] {
  const of = (pick: (round: Round) => number) => median(results.map(pick));
  const note = "VmHWM of the process";
  return [
    { part, what: "peak memory of the agent", value: of((r) => r.agentPeakMb), unit: "MB", ...agentGoal, note },
    { part, what: "peak memory of the hub", value: of((r) => r.hubPeakMb), unit: "MB", note },
    { part, what: "processor time of the agent", value: of((r) => r.agentSeconds), unit: "s" },
    { part, what: "processor time of the hub", value: of((r) => r.hubSeconds), unit: "s" },
  ];
}
