/** Disks that are full, read-only, failing or out of handles, and such that falsify what they were given. */
import { join } from "node:path";
import { failureGoneMs } from "../../src/hub/http/request_failures.ts";
import type { Site } from "./site.ts";
import type { DiskFailure } from "./shim.ts";
import type { Fault, Injected, World } from "./world.ts";
import { pause } from "./traffic.ts";

const writing = ["writes", "opens", "names"] as const;

/** How often it is looked whether a failure has been felt, in ms. */
const lookMs = 20;
/** No descriptor above these is given out: the process has them all. */
const descriptorsMax = 3;
/** So many reads of the state succeed before one fails, below this: some are of its beginning, the others of its check. */
const sparedReadsMax = 16;
/** Each file that has trouble says so once; so many come in while a disk fails, at most. */
const filesMax = 20;
/** A process that gets no descriptors notices within this time, in ms. */
const feltMs = 60_000;
const outOfDescriptors = /Cannot .*(os error 24|unable to open)/;

/** All faults of this kind. */
export const disks: readonly Fault[] = [
  failing("disk full under the spool", ({ csv }) => csv, {
    failure: { error: "ENOSPC", operations: writing, pathPart: "/state/spool/" },
    line: /ERROR spool: The disk is almost full or cannot be written/,
  }),
  failing("disk full under the state database", ({ csv }) => csv, {
    failure: { error: "ENOSPC", operations: writing, pathPart: "/state/state.db" },
    line: /ERROR spool: The disk is almost full or cannot be written|Cannot .*disk is full/,
    most: 4,
  }),
  failing("disk full under the log", ({ csv }) => csv, {
    failure: { error: "ENOSPC", operations: writing, pathPart: "injixo-cloud-link.log" },
    line: /Cannot write ".*injixo-cloud-link\.log".*os error 28/,
  }),
  failing("disk full under the hub", ({ hub }) => hub, {
    failure: { error: "ENOSPC", operations: writing, pathPart: "/data/" },
    line: /Cannot .*(full|No space left)/,
    most: 3,
    // The same trouble once more within this time goes on, for the hub: it has been told.
    soundMs: failureGoneMs,
  }),
  failing("read-only file system", ({ csv }) => csv, {
    failure: { error: "EROFS", operations: writing, pathPart: "/state/" },
    line: /Cannot .*(readonly|os error 30|disk I\/O)/,
    most: 4,
  }),
  failing("input/output errors (EIO)", ({ csv }) => csv, {
    failure: { error: "EIO", operations: ["writes", "syncs"], pathPart: "/state/" },
    line: /Cannot .*(os error 5\)|disk I\/O)/,
    most: 4,
  }),
  failing("EIO when CSV files are read", ({ csv }) => csv, {
    failure: { error: "EIO", operations: ["reads"], pathPart: "/file-" },
    line: /WARN +csv: Cannot import file-\d+\.csv: Input\/output error \(os error 5\)/,
    most: filesMax,
  }),
  failing("EIO when the spool is read", ({ csv }) => csv, {
    failure: { error: "EIO", operations: ["reads"], pathPart: "/state/spool/" },
    line: /WARN +uploader: Cannot deliver file-\d+\.csv: Input\/output error \(os error 5\)/,
    most: filesMax,
  }),
  { name: "EIO when the state is read at the start", inject: unreadableState },
  {
    name: "too many open files",
    endured: true,
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
      return { explained: { by: site, line: outOfDescriptors, most: filesMax } };
    },
  },
  {
    name: "a flipped bit in a waiting batch",
    inject: flipInSpool,
  },
  {
    name: "a flipped bit on the hub's disk",
    endured: true,
    inject: flipAtHub,
  },
];

/** The calls of a site fail for a while, and at least once; `soundMs` after they have last failed at the earliest. */
function failing(
  name: string,
  siteOf: (world: World) => Site,
  { failure, soundMs = 0, ...explained }: { failure: DiskFailure; line: RegExp; most?: number; soundMs?: number },
): Fault {
  return {
    name,
    endured: true,
    async inject(world) {
      const site = siteOf(world);
      while (site.shim.soundMs <= soundMs) await pause(lookMs);
      site.shim.fail(failure);
      while (site.shim.hits === 0) await pause(lookMs);
      await world.hold();
      site.shim.fail(undefined);
      return { explained: { by: site, ...explained } };
    },
  };
}

/** The agent comes up on a disk that does not give its state. What it cannot read is not damaged. */
async function unreadableState(world: World): Promise<Injected> {
  const site = world.anyAgent();
  await site.kill();
  const spared = Math.floor(world.random() * sparedReadsMax);
  site.shim.fail({ error: "EIO", operations: ["reads"], pathPart: "/state/state.db", spared });
  await site.start();
  await site.agent.status;
  site.shim.fail(undefined);
  await site.start();
  return { explained: { by: site, line: /FATAL .*Cannot read the state .*: the disk cannot return it/ } };
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
  return { explained: { by: csv, line: /ERROR spool: Set file-.* aside: it is damaged/ } };
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
