/** Power that fails: killed, and what was not synced is gone. */
import { endedAbruptly, hubUnreachable } from "./kills.ts";
import { cutPower } from "./power_cut.ts";
import type { Fault } from "./world.ts";

/** All faults of this kind. */
export const power: readonly Fault[] = [
  {
    name: "power loss of the agent",
    async inject(world) {
      const site = world.anyAgent();
      await site.kill();
      await cutPower(site.shim.durable, world);
      await site.start();
      return { explained: { by: site, line: endedAbruptly } };
    },
  },
  {
    name: "power loss of the hub",
    async inject(world) {
      const { hub } = world;
      await hub.kill();
      await cutPower(hub.shim.durable, world);
      await world.hold();
      await hub.start();
      return { explained: { by: world.csv, line: hubUnreachable, most: 2 } };
    },
  },
];
