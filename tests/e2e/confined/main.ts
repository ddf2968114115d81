/**
 * A program that is compiled by `confinement_test.ts`: it starts a worker with exactly the agent's permissions and gives
 * up its own as `run` does; both then try what they must not be able to do. Arguments: installation folder, relay port.
 */
import { agentPermissions, giveUpPermissions } from "../../../src/cli/run/permissions.ts";
import { realPathOf } from "../../../src/cli/real_path.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { allowedHosts } from "../../../src/egress/allowed_hosts.ts";
import { attempts, type Outcomes } from "./attempts.ts";

const [folder = "", relayPort = ""] = Deno.args;
const config = loadConfig(`${folder}/injixo-cloud-link.toml`);
const allowed = allowedHosts({ hubUrl: config.hub.url, objectStoreHosts: config.hub.objectStoreHosts });
const relay = { port: Number(relayPort), token: "" };
const importFolder = await realPathOf(config.app.importDirectory);
const places = { folder, importDirectory: config.app.importDirectory };
const worker = new Worker(import.meta.resolve("./worker.ts"), {
  type: "module",
  deno: { permissions: agentPermissions(config, { relay, allowed, importFolder }) },
});
const inWorker = await new Promise<Outcomes>((resolve) => {
  worker.onmessage = (event: MessageEvent<Outcomes>) => resolve(event.data);
  worker.postMessage(places);
});
await giveUpPermissions();
const inMain = await attempts(places);
// deno-lint-ignore no-console -- the test reads it
console.log(JSON.stringify({ inWorker, inMain }));
Deno.exit(0);
