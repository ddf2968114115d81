/** Disks that are full, read-only, failing or out of handles, and such that falsify what they were given. */
import { join } from "node:path";
import type { Site } from "./site.ts";
import type { DiskFailure } from "./shim.ts";
import type { Fault, Injected, World } from "./world.ts";
import { pause } from "./traffic.ts";

const writing = ["writes", "opens", "names"] as const;

/** How often it is looked whether a failure has been felt, in ms. */
const lookMs = 20;
/** No descriptor above these is given out: the process has them all. */
const descriptorsMax = 3;
/** A process that gets no descriptors notices within this time, in ms. */
const feltMs = 60_000;
const outOfDescriptors = /Cannot .*(os error 24|unable to open)/;

/** All faults of this kind. */
export const disks: readonly Fault[] = [
  failing("disk full under the spool", ({ csv }) => csv, {
    failure: { error: "ENOSPC", operations: writing, pathPart: "/state/spool/" },
    line: /ERROR spool: The disk is almost full, or takes nothing more/,
  }),
  failing("disk full under the state database", ({ csv }) => csv, {
    failure: { error: "ENOSPC", operations: writing, pathPart: "/state/state.db" },
    line: /ERROR spool: The disk is almost full, or takes nothing more|Cannot .*database or disk is full/,
    most: 3,
  }),
  failing("disk full under the log", ({ csv }) => csv, {
    failure: { error: "ENOSPC", operations: writing, pathPart: "injixo-cloud-link.log" },
    line: /Cannot write ".*injixo-cloud-link\.log".*os error 28/,
  }),
  failing("disk full under the hub", ({ hub }) => hub, {
    failure: { error: "ENOSPC", operations: writing, pathPart: "/data/" },
    line: /Cannot .*(full|No space left)/,
    most: 3,
  }),
  failing("read-only file system", ({ csv }) => csv, {
    failure: { error: "EROFS", operations: writing, pathPart: "/state/" },
    line: /Cannot .*(readonly|os error 30|disk I\/O)/,
    most: 3,
  }),
  failing("input/output errors (EIO)", ({ csv }) => csv, {
    failure: { error: "EIO", operations: ["writes", "syncs"], pathPart: "/state/" },
    line: /Cannot .*(os error 5\)|disk I\/O)/,
    most: 3,
  }),
  {
    name: "too many open files",
    async inject(world) {
      const site = world.csv;
      const printedBefore = site.printed.length;
      await limitDescriptors(site.pid, descriptorsMax);
      const deadline = performance.now() + feltMs;
      while (!outOfDescriptors.test(site.printed.slice(printedBefore)) && performance.now() < deadline) {
        await pause(lookMs);
      }
      await world.hold();
      await limitDescriptors(site.pid, "unlimited");
      // Each file that cannot be opened says so once.
      return { explained: { by: site, line: outOfDescriptors, most: 20 } };
    },
  },
  {
    name: "a flipped bit in a waiting batch",
    inject: flipInSpool,
  },
  {
    name: "a flipped bit on the hub's disk",
    inject: flipAtHub,
  },
];

/** The calls of a site fail for a while, and at least once. */
function failing(
  name: string,
  siteOf: (world: World) => Site,
  { failure, ...explained }: { failure: DiskFailure; line: RegExp; most?: number },
): Fault {
  return {
    name,
    async inject(world) {
      const site = siteOf(world);
      site.shim.fail(failure);
      while (site.shim.hits === 0) await pause(lookMs);
      await world.hold();
      site.shim.fail(undefined);
      return { explained: { by: site, ...explained } };
    },
  };
}

async function limitDescriptors(pid: number, limit: number | "unlimited"): Promise<void> {
  const soft = limit === "unlimited" ? await hardLimit(pid) : String(limit);
  const { success, stderr } = await new Deno.Command("prlimit", { args: [`--pid=${pid}`, `--nofile=${soft}:`] })
    .output();
  if (!success) throw new Error(`prlimit failed: ${new TextDecoder().decode(stderr)}`);
}

async function hardLimit(pid: number): Promise<string> {
  const text = await Deno.readTextFile(`/proc/${pid}/limits`);
  return /Max open files +\S+ +(\d+)/.exec(text)?.[1] ?? "1024";
}

/** While the hub is away a batch waits, and the disk falsifies it. */
async function flipInSpool(world: World): Promise<Injected> {
  const { csv, hub, files } = world;
  await hub.kill();
  const spool = csv.installation.path("state", "spool");
  const kept = await files.drop({ keep: true });
  const name = await batchOf(kept, spool);
  using file = await Deno.open(join(spool, name), { read: true, write: true });
  const at = 8; // in the payload, however short it is
  const byte = new Uint8Array(1);
  await file.seek(at, Deno.SeekMode.Start);
  await file.read(byte);
  byte[0] = (byte[0] ?? 0) ^ 16;
  await file.seek(at, Deno.SeekMode.Start);
  await file.write(byte);
  await hub.start();
  return { explained: { by: csv, line: /ERROR spool: Set file-.* aside, it is damaged/ } };
}

/** Waits for the batch of a file, and returns its name. */
async function batchOf(fileName: string, spool: string): Promise<string> {
  for (;;) {
    for await (const { name } of Deno.readDir(spool)) {
      if (!name.endsWith(".batch")) continue;
      const text = await Deno.readTextFile(join(spool, name)).catch(() => "");
      if (text.includes(`"fileName":"${fileName}"`)) return name;
    }
    await pause(lookMs);
  }
}

/** A part is written wrong at the hub. */
async function flipAtHub({ hub, files }: World): Promise<Injected> {
  hub.shim.flipBit("/data/temporary/");
  while (hub.shim.hits === 0) {
    await files.dropLarge();
    await pause(10 * lookMs);
  }
  return { explained: { by: hub, line: /Refused batch .* is not what was declared/ } };
}
