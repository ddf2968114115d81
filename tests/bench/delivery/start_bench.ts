/** How long it takes until something can be used: a command, a PIN, a linked agent. */
import { executable } from "../../setup/executable.ts";
import type { Measurement } from "../measurement.ts";
import { median } from "../statistics.ts";
import { csvContent } from "./csv_content.ts";
import { Site } from "./site.ts";

const part = "start";

/** @param options.rounds starts of each kind */
export async function benchStart({ rounds }: { rounds: number }): Promise<Measurement[]> {
  const versions: number[] = [];
  for (let round = 0; round < 3 * rounds; round++) versions.push(await timeVersion());
  const links: number[] = [];
  const stops: number[] = [];
  const restarts: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    await using site = await Site.start();
    links.push(performance.now() - start);
    stops.push((await site.agent.stop()).ms);
    restarts.push(await timeRestart(site, { round }));
  }
  const unit = "ms";
  const starts = `${rounds} starts`;
  return [
    { part, what: "command `version`", value: median(versions), unit, note: `${versions.length} starts` },
    {
      part,
      what: "new hub and agent → linked",
      value: median(links),
      unit,
      note: `${starts}; of it up to 5 s between two polls for the PIN (RFC 8628)`,
    },
    {
      part,
      what: "linked agent: start → ready",
      value: median(restarts),
      unit,
      note: `${starts}; ready: a file that lay there is delivered`,
    },
    { part, what: "linked agent: SIGTERM → ended", value: median(stops), unit, note: `${stops.length} stops` },
  ];
}

async function timeVersion(): Promise<number> {
  const start = performance.now();
  await new Deno.Command(executable, { args: ["version"], stdout: "null" }).output();
  return performance.now() - start;
}

/** The agent of `site` is stopped. */
async function timeRestart(site: Site, { round }: { round: number }): Promise<number> {
  // The next start begins a log of its own.
  await Deno.remove(site.installation.path("injixo-cloud-link.log"));
  await Deno.writeFile(site.importPath("waiting.csv"), csvContent(2000, { seed: round }));
  const start = performance.now();
  site.restart();
  await site.untilLogged(/Delivered /);
  return performance.now() - start;
}
