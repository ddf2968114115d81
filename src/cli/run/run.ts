/**
 * `run` reads the configuration, starts the relay and the agent in workers with no more permissions than they need, and
 * gives up its own, except for starting extractors. `supervise.ts` watches over the agent from then on.
 *
 * ```
 * main ── relay worker: net (hub, object stores, proxy)
 *     ├── agent worker: its folders, net by the relay only
 *     ├── on Windows, for an import folder on a share: a worker that reads it
 *     └── extractors: processes that run database drivers, for the agent
 * ```
 */
import type { Config } from "../../config/config.ts";
import { type AllowedHost, allowedHosts } from "../../egress/allowed_hosts.ts";
import type { Proxy } from "../../egress/proxy.ts";
import { type Relay, startRelay } from "../../egress/start_relay.ts";
import { serveExtractors } from "../../extractor/host.ts";
import { extractorEnvironment } from "../../extractor/process.ts";
import { standardErrorFormat, writeStandardError } from "../../log/standard_error.ts";
import { ownCommand } from "../../runtime/own_command.ts";
import { ownModule } from "../../runtime/own_module.ts";
import type { ServiceNotifier } from "../../service/service_notifier.ts";
import { type AgentStart, type FromAgent, plainConfig } from "./agent_messages.ts";
import {
  credentialsFolder,
  importFolderTrouble,
  openNotifier,
  refuseRootBesideService,
  requireStateFolder,
} from "./own_service.ts";
import { loadConfigLogged, loggingFailure } from "./failed_start.ts";
import { agentPermissions, giveUpPermissions } from "./permissions.ts";
import { realPathOf } from "../real_path.ts";
import { startShareReader } from "./share_reader.ts";
import { type AgentWorker, supervise } from "./supervise.ts";
import { lookAround, ownPaths, type Surroundings } from "./surroundings.ts";

/** The options of the command line. Without `logFormat` the log goes to standard error only if that is a terminal. */
export interface RunOptions {
  /** @default the TOML of the installation folder */
  readonly configFile?: string | undefined;
  readonly logFormat?: "text" | "json" | undefined;
  /** Windows' service manager started it: variables are read from the registry first. */
  readonly inService?: boolean;
  /** @default that of the service manager named by the environment */
  readonly notifier?: ServiceNotifier;
  /**
   * Called with the reason if the agent ended by itself.
   *
   * @default a line on standard error
   */
  readonly onFailure?: (reason: string) => void;
}

/** Runs the agent until the signal is aborted; resolves with the exit code. */
export async function run(options: RunOptions, { signal }: { signal: AbortSignal }): Promise<number> {
  using notifier = options.notifier ?? openNotifier();
  const config = await loadConfigLogged(options.configFile);
  await refuseRootBesideService(config);
  await requireStateFolder(config);
  const surroundings = await loggingFailure(config, () => lookAround(config, options));
  const allowed = allowedHosts({ hubUrl: config.hub.url, objectStoreHosts: config.hub.objectStoreHosts });
  const { proxy } = surroundings;
  await using relay = await loggingFailure(config, () => startRelay({ allowed, proxy }));
  const importFolder = await realPathOf(config.app.importDirectory);
  using share = await startShareReader(importFolder);
  using agent = startAgentWorker(config, { relay, allowed, importFolder });
  await using extractors = hostExtractors();
  agent.send({ type: "start", start: await describe(config, { surroundings, relay, options }) }, [
    relay.reports(),
    extractors.port,
    ...(share === undefined ? [] : [share.port]),
  ]);
  return await supervise(agent, {
    relay,
    notifier,
    // Not earlier: while a worker loads its modules, this thread's permissions count too.
    onRunning: giveUpPermissions,
    onFailure: options.onFailure ?? writeStandardError,
    signal,
  });
}

async function describe(
  config: Config,
  { surroundings, relay, options }: { surroundings: Surroundings; relay: Relay; options: RunOptions },
): Promise<AgentStart> {
  return {
    config: plainConfig(config),
    relay: { port: relay.port, token: relay.token },
    shownProxy: surroundings.shownProxy,
    proxyTroubles: surroundings.proxyTroubles,
    proxy: surroundings.proxy && withoutCredentials(surroundings.proxy),
    keptConnection: surroundings.keptConnection,
    secrets: surroundings.secrets,
    caCerts: surroundings.caCerts,
    machineId: surroundings.machineId,
    standardError: standardErrorFormat(options.logFormat, { isTerminal: Deno.stderr.isTerminal() }),
    ownPaths: await ownPaths(config),
    importFolderTrouble: await importFolderTrouble(config),
  };
}

/** Starts extractors when the agent asks. What is started, and with which environment, is decided here and now. */
function hostExtractors(): AsyncDisposable & { readonly port: MessagePort } {
  const { path, args } = ownCommand();
  const command = {
    program: path,
    args: [...args, "extract"],
    environment: extractorEnvironment((name) => Deno.env.get(name)),
  };
  const ended = new AbortController();
  const { port1, port2 } = new MessageChannel();
  const serving = serveExtractors(port1, { command, signal: ended.signal });
  return {
    port: port2,
    async [Symbol.asyncDispose]() {
      ended.abort();
      await serving;
    },
  };
}

function startAgentWorker(
  config: Config,
  { relay, allowed, importFolder }: { relay: Relay; allowed: readonly AllowedHost[]; importFolder: string },
): AgentWorker {
  const worker = new Worker(ownModule("src/cli/run/agent_worker.ts"), {
    type: "module",
    name: "agent",
    deno: {
      permissions: agentPermissions(config, { relay, allowed, importFolder, credentialsFolder: credentialsFolder() }),
    },
  });
  return { ...messagesOf(worker), [Symbol.dispose]: () => worker.terminate() };
}

function messagesOf(worker: Worker): Omit<AgentWorker, typeof Symbol.dispose> {
  const queue: FromAgent[] = [];
  let wake = Promise.withResolvers<void>();
  const push = (message: FromAgent) => {
    queue.push(message);
    wake.resolve();
  };
  worker.onmessage = (event: MessageEvent<FromAgent>) => push(event.data);
  worker.onerror = (event) => {
    event.preventDefault();
    push({ type: "failed", message: event.message, exitCode: 1 });
  };
  async function* messages(): AsyncIterableIterator<FromAgent> {
    while (true) {
      const next = queue.shift();
      if (next !== undefined) {
        yield next;
        continue;
      }
      await wake.promise;
      wake = Promise.withResolvers();
    }
  }
  return {
    send: (message, transfer = []) => worker.postMessage(message, transfer),
    messages: messages(),
  };
}

function withoutCredentials({ credentials: _, ...rest }: Proxy): Omit<Proxy, "credentials"> {
  return rest;
}
