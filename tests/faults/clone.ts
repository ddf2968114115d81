/** A cloned machine: two agents with one identity, one folder and one machine id. */
import { Program } from "../e2e/installation.ts";
import { executable } from "../setup/executable.ts";
import { pause } from "./traffic.ts";
import type { Fault, World } from "./world.ts";

/** How long the hub may take to notice, in ms: by then each has reported twice. */
const patienceMs = 180_000;
const lookMs = 200;
const told = /ERROR agent: Another computer is using the identity of this installation/;
/** In a mount namespace of its own the copy lies where the original does. */
const atOriginal = 'mount --bind "$1" "$2" && cd / && shift 2 && exec "$@"';

/** The copy runs beside the original for a while. */
export const cloned: Fault = {
  name: "a cloned machine",
  async inject(world) {
    const { csv } = world;
    const { folder, configFile } = csv.installation;
    const copy = `${folder}.clone`;
    await csv.stop();
    const { success } = await new Deno.Command("cp", { args: ["-a", folder, copy] }).output();
    if (!success) throw new Error(`Cannot copy ${folder}`);
    try {
      await csv.start();
      const args = ["run", "--config", configFile, "--log-format", "text"];
      await using clone = new Program(
        ["--mount", "sh", "-c", atOriginal, "sh", copy, folder, executable, ...args],
        { path: "unshare" },
      );
      await bothAreTold(world, clone);
    } finally {
      await Deno.remove(copy, { recursive: true });
    }
    return { explained: { by: csv, line: told } };
  },
};

async function bothAreTold({ csv }: World, clone: Program): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!told.test(csv.agent.printed) || !told.test(clone.printed)) {
    if (performance.now() > deadline) throw new Error(`The copy was not noticed. It says:\n${clone.printed}`);
    await pause(lookMs);
  }
}
