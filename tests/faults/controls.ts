/**
 * Negative controls: with one safeguard switched off, the same faults must lead to lost, doubled or changed data. A hub
 * without a safeguard runs from the sources, with one module replaced by the import map.
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Command } from "../e2e/hub.ts";
import { projectFolder } from "../setup/executable.ts";
import { disks } from "./disks.ts";
import { runFaults } from "./faults.ts";
import { kills } from "./kills.ts";
import { cutPower, declareDurable } from "./power_cut.ts";
import { pause } from "./traffic.ts";
import type { Fault, Round } from "./world.ts";

/** So many files wait when the power is cut. */
const waitingFiles = 8;
const lookMs = 50;
/** A fault is injected so often at most. */
const timesMax = 20;
/** What has not arrived by then counts as lost, in ms. */
const patienceMs = 25_000;

/** A safeguard, how it is switched off, and what then must be found. */
export interface Control {
  readonly safeguard: string;
  /** The module of the hub that is replaced, and by which of this folder. */
  readonly replaced?: { readonly module: string; readonly by: string };
  readonly fault: Fault;
  readonly notices: (round: Round) => boolean;
}

/** All of them. */
export const controls: readonly Control[] = [
  { safeguard: "fsync", fault: unsyncedPowerLoss(), notices: ({ lost }) => lost.length > 0 },
  {
    safeguard: "idempotence",
    replaced: { module: "src/hub/delivery/delivery.ts", by: "tests/e2e/delivery_without_idempotence.ts" },
    fault: named(kills, "kill -9 of the hub"),
    notices: ({ doubled }) => doubled.length > 0,
  },
  {
    safeguard: "checksum",
    replaced: { module: "src/hub/delivery/batch_check.ts", by: "tests/faults/batch_check_without_checksum.ts" },
    fault: named(disks, "a flipped bit on the hub's disk"),
    notices: ({ changed }) => changed.length > 0,
  },
  {
    safeguard: "window replacement",
    replaced: { module: "src/hub/rows/coverage.ts", by: "tests/faults/coverage_without_replacement.ts" },
    fault: named(kills, "kill -9 of the hub"),
    notices: ({ lost }) => lost.length > 0,
  },
];

/** Injects the control's fault until it is noticed that the safeguard is missing. */
export async function isNoticed(control: Control, { seed }: { seed: number }): Promise<boolean> {
  await using hub = control.replaced === undefined ? undefined : await sabotagedHub(control.replaced);
  const { rounds } = await runFaults({
    seed,
    plan: () => ({ faults: Array.from({ length: timesMax }, () => control.fault) }),
    patienceMs,
    until: control.notices,
    ...(hub === undefined ? {} : { hubCommand: hub.command }),
  });
  return rounds.some(control.notices);
}

/** The hub from the sources, with the module replaced; and the import map's file. */
export async function sabotagedHub(
  { module, by }: { module: string; by: string },
): Promise<AsyncDisposable & { readonly command: Command }> {
  const { imports } = JSON.parse(await Deno.readTextFile(join(projectFolder, "deno.json")));
  for (const [name, target] of Object.entries(imports)) imports[`${name}/`] ??= `${target}/`.replace("npm:", "npm:/");
  const url = (path: string) => pathToFileURL(join(projectFolder, path)).href;
  const [original, replacement] = [url(module), url(by)];
  const file = await Deno.makeTempFile({ suffix: ".json" });
  const map = {
    imports: { ...imports, [original]: replacement },
    scopes: { [replacement]: { [original]: original } },
  };
  await Deno.writeTextFile(file, JSON.stringify(map));
  const args = ["run", "--quiet", "--allow-all", "--no-check", `--import-map=${file}`, join(projectFolder, "main.ts")];
  return { command: { path: Deno.execPath(), args }, [Symbol.asyncDispose]: () => Deno.remove(file) };
}

function named(faults: readonly Fault[], name: string): Fault {
  const found = faults.find((fault) => fault.name === name);
  if (found === undefined) throw new Error(`There is no fault "${name}"`);
  return found;
}

/** Files wait whose originals are gone, and the power fails: with an fsync that does nothing. */
function unsyncedPowerLoss(): Fault {
  return {
    name: "power loss without fsync",
    async inject({ csv, hub, files, random }) {
      await csv.stop();
      await declareDurable(csv.shim.durable);
      csv.shim.setSyncing(false);
      await csv.start();
      await hub.kill();
      const names: string[] = [];
      for (let count = 0; count < waitingFiles; count++) names.push(await files.drop({ keep: true }));
      while (!files.areTakenIn(names)) await pause(lookMs);
      for (const name of names) await Deno.remove(csv.installation.path(name));
      await csv.kill();
      await cutPower(csv.shim.durable, { random });
      await csv.start();
      await hub.start();
      return { explained: { by: csv, line: /./, most: Infinity } };
    },
  };
}
