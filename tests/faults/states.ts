/** A state.db that cannot be used. */
import { DatabaseSync } from "node:sqlite";
import { declareDurable } from "./power_cut.ts";
import type { AgentSite } from "./site.ts";
import type { Fault, Injected, World } from "./world.ts";

const databaseFiles = ["state.db", "state.db-wal", "state.db-shm"];

/** All faults of this kind. */
export const states: readonly Fault[] = [
  {
    name: "state.db corrupt",
    inject: (world) =>
      relinked(world, {
        async spoil(site) {
          // What has not been moved from the write-ahead log is spoiled too: it would mend the database.
          for (const name of databaseFiles) {
            await Deno.writeTextFile(site.installation.path("state", name), "this is not a database".repeat(500));
          }
        },
        line: /ERROR state: Cannot read the state/,
      }),
  },
  {
    name: "state.db deleted",
    inject: (world) =>
      relinked(world, {
        async spoil(site) {
          for (const name of databaseFiles) {
            await Deno.remove(site.installation.path("state", name)).catch(() => {});
          }
        },
        line: /ERROR state: The state is gone/,
      }),
  },
  {
    name: "state.db locked",
    async inject(world) {
      const site = world.anyAgent();
      await site.kill();
      {
        using blocker = new DatabaseSync(site.installation.path("state", "state.db"));
        blocker.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
        await site.start();
        await site.agent.status;
      }
      await declareDurable(site.shim.durable);
      await site.start();
      return { explained: { by: site, line: /FATAL .*another process keeps it locked/ } };
    },
  },
  {
    name: "state.db of a newer version",
    async inject(world) {
      const site = world.anyAgent();
      await site.kill();
      const path = site.installation.path("state", "state.db");
      const version = setVersion(path, 1_000_000);
      await site.start();
      await site.agent.status;
      setVersion(path, version);
      // Written by this process, which the library does not watch.
      await declareDurable(site.shim.durable);
      await site.start();
      return { explained: { by: site, line: /FATAL .*written by a newer version/ } };
    },
  },
];

/** An agent whose state is gone begins afresh; its administrator links it again. */
async function relinked(
  world: World,
  { spoil, line }: { spoil: (site: AgentSite) => Promise<void>; line: RegExp },
): Promise<Injected> {
  const site = world.anyAgent();
  await site.kill();
  await spoil(site);
  await declareDurable(site.shim.durable);
  await site.start();
  await site.link();
  return { explained: { by: site, line } };
}

/** Returns the version before. */
function setVersion(path: string, version: number): number {
  using database = new DatabaseSync(path);
  const { user_version: before } = database.prepare("PRAGMA user_version").get() as { user_version: number };
  database.exec(`PRAGMA user_version = ${version}`);
  return before;
}
