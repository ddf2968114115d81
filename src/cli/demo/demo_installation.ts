/**
 * An installation of the rehearsal: its folder, its agent, its integration, linked by PIN as an administrator would.
 */
import { join } from "node:path";
import { pinMessage } from "../../agent/pin_message.ts";
import { connectControl } from "../../control/connect_control.ts";
import type { DemoHub } from "./demo_hub.ts";
import { startOwnProgram } from "../own_program.ts";
import { print } from "../print.ts";
import { stateFolderOf } from "../state_folder.ts";

/** Time limit for each step, in ms. */
const patienceMs = 60_000;
/** Polling interval, in ms. */
const lookEveryMs = 200;

/** A running, linked installation. Disposing ends its agent. */
export interface DemoInstallation extends AsyncDisposable {
  readonly folder: string;
  /** Id of its integration. */
  readonly integration: string;
}

/** Which installation to create, and for which hub. */
export interface DemoInstallationOptions {
  readonly hub: DemoHub;
  readonly folder: string;
  /** `[app] name`. */
  readonly appName: string;
  /** What `POST /api/v1/integrations` takes. */
  readonly integration: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
}

/** Starts an agent in the folder, enters its PIN, and resolves when the agent has learnt of its link. */
export async function startDemoInstallation(options: DemoInstallationOptions): Promise<DemoInstallation> {
  const { hub, appName, integration, signal } = options;
  await Deno.mkdir(options.folder, { recursive: true });
  const folder = await Deno.realPath(options.folder);
  const configFile = join(folder, "injixo-cloud-link.toml");
  await Deno.writeTextFile(
    configFile,
    `[app]\nname = "${appName}"\n\n[hub]\nurl = "${hub.url.origin}"\n\n[csv]\nsettleSeconds = 1\n`,
  );
  const agent = startOwnProgram(["run", "--config", configFile]);
  try {
    print(`An agent runs in ${folder}\n`);
    const control = await eventually(() => connectControl(stateFolderOf({ folder })), {
      what: "The agent did not start",
      signal,
    });
    const { pin } = await control.pin(signal);
    print(pinMessage({ pin, hubUrl: hub.url, expiresInSeconds: 300 }) + "\n");
    const { id } = await hub.ask("POST", "/api/v1/integrations", integration);
    const linked = await hub.ask("POST", `/api/v1/integrations/${id}/link`, { pin });
    print(`The PIN ${pin} is entered: linked to ${linked.hostName} (${linked.system})`);
    await eventually(async () => (await control.status(signal)).link.state === "linked" || undefined, {
      what: "The agent did not see the link",
      signal,
    });
    return { folder, integration: id, [Symbol.asyncDispose]: () => agent[Symbol.asyncDispose]() };
  } catch (error) {
    await agent[Symbol.asyncDispose]();
    throw error;
  }
}

/** Retries until there is an answer. */
export async function eventually<T>(
  ask: () => Promise<T | undefined>,
  { what, signal }: { what: string; signal: AbortSignal },
): Promise<T> {
  const deadline = performance.now() + patienceMs;
  while (performance.now() < deadline) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await new Promise<void>((resolve) => setTimeout(resolve, lookEveryMs));
    signal.throwIfAborted();
  }
  throw new Error(`${what} within ${patienceMs / 1000} s`);
}
