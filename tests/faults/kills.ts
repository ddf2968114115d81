/** kill -9 of the programs. */
import { childrenOf, type Site } from "./site.ts";
import type { Fault, World } from "./world.ts";
import { hangsAfterRows } from "./row_store.ts";
import { pause } from "./traffic.ts";

/** What an agent says that finds out that it was killed. */
export const endedAbruptly = /The previous run was not shut down/;
/** What an agent says when the hub does not answer. */
export const hubUnreachable = /(No assignment from the hub|Cannot deliver to the hub): /;

/** What an agent says whose database was there when it began to read, and is gone: not that it cannot be reached. */
const connectionLost = /Cannot read new data from the database .*: Cannot fetch rows: .*server closed the connection/;

/** How often an extractor that is to be killed is looked for, in ms. */
const lookMs = 3;

/** All faults of this kind. */
export const kills: readonly Fault[] = [
  {
    name: "kill -9 of the agent",
    async inject(world) {
      const site = world.anyAgent();
      await killed(site);
      return { explained: { by: site, line: endedAbruptly } };
    },
  },
  {
    name: "kill -9 of the extractor",
    async inject(world) {
      await killExtractor(world);
      return {
        explained: { by: world.database, line: /Cannot read (new data|history) from the database .*: .*SIGKILL/ },
      };
    },
  },
  {
    name: "kill -9 of the hub",
    async inject(world) {
      await world.hub.kill();
      await world.hold();
      await world.hub.start();
      return { explained: { by: world.csv, line: hubUnreachable, most: 2 } };
    },
  },
  {
    name: "kill -9 of the database in mid-fetch",
    async inject(world) {
      await killDatabase(world);
      return { explained: { by: world.database, line: connectionLost } };
    },
  },
];

/** Kills it when a query has given some of its rows, and starts it again. */
async function killDatabase(world: World): Promise<void> {
  const { server, store, rows, hub } = world;
  await store.setHanging(true);
  while (!await store.isHanging()) {
    await rows.insert(hangsAfterRows);
    await rows.importNow(hub.hub);
    await pause(lookMs * 100);
  }
  await store.setHanging(false);
  await server.kill();
  await world.hold();
  await server.start();
}

async function killed(site: Site): Promise<void> {
  await site.kill();
  await site.start();
}

/** Kills it in the middle of a query: one is asked for until one is caught. */
async function killExtractor({ database, rows }: World): Promise<void> {
  for (;;) {
    const [extractor] = await childrenOf(database.pid);
    if (extractor !== undefined) {
      try {
        Deno.kill(extractor, "SIGKILL");
        return;
      } catch {
        // it has just ended by itself
      }
    }
    await rows.insert(1);
    await pause(lookMs);
  }
}
