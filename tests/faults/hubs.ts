/** A hub that goes back in time, and a long time without one. */
import { hubUnreachable } from "./kills.ts";
import { declareDurable } from "./power_cut.ts";
import { pause } from "./traffic.ts";
import type { Fault } from "./world.ts";

/** How often it is looked how much waits, in ms. */
const lookMs = 200;
/** How long one file may take to the hub, in ms. */
const patienceMs = 120_000;

/** The hub is restored from a backup, and has forgotten what came since. */
export const restored: Fault = {
  name: "hub restored from a backup",
  async inject(world) {
    const { hub, files } = world;
    const { root } = hub.shim.durable;
    const backup = `${root}.backup`;
    await hub.kill();
    await copyFolder(root, backup);
    await hub.start();
    await world.hold();
    await files.arrives(await files.drop(), hub.hub, { patienceMs });
    await hub.kill();
    await Deno.remove(root, { recursive: true });
    await Deno.rename(backup, root);
    await declareDurable(hub.shim.durable);
    await hub.start();
    return { explained: { by: world.csv, line: /WARN +uploader: The hub has lost \d+ batches/ } };
  },
};

/** Without a hub batches pile up; then it is back. */
export function outage({ batches }: { batches: number }): Fault {
  return {
    name: `${batches.toLocaleString("en")} batches waiting after an outage`,
    async inject(world) {
      const { csv, hub, files } = world;
      await hub.kill();
      const names: string[] = [];
      for (let count = 0; count < batches; count++) names.push(await files.dropTiny());
      while (!files.areTakenIn(names)) await pause(lookMs);
      await hub.start();
      return { explained: { by: csv, line: hubUnreachable, most: 2 } };
    },
  };
}

async function copyFolder(from: string, to: string): Promise<void> {
  const { success, stderr } = await new Deno.Command("cp", { args: ["-a", from, to], stderr: "piped" }).output();
  if (!success) throw new Error(`cp failed: ${new TextDecoder().decode(stderr)}`);
}
