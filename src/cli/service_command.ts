/** `service …`: the installation as a system service. */
import { loadConfig } from "../config/load.ts";
import type { Config } from "../config/config.ts";
import { connectControl, type ControlClient } from "../control/connect_control.ts";
import { escapeControls } from "../log/escape.ts";
import { typedCommand } from "../runtime/own_command.ts";
import type { Installation, InstalledState, ServiceManager, ServiceState } from "../service/service_manager.ts";
import { isSystemdHere, Systemd } from "../service/systemd.ts";
import shippedConfig from "../../injixo-cloud-link.toml" with { type: "text" };
import { exitCodes } from "./exit_codes.ts";
import { configOfInstalled } from "./installed_config.ts";
import { print, printJson } from "./print.ts";
import { stateFolderOf } from "./state_folder.ts";
import { statusLines } from "./status_command.ts";
import { aligned, readableTime } from "./table.ts";
import { openWindowsManager } from "./windows_manager.ts";

/** What to do. */
export interface ServiceOptions {
  readonly act: "install" | "uninstall" | "start" | "stop" | "restart" | "status";
  readonly configFile: string | undefined;
  /** `install`: who the service runs as. */
  readonly user?: string | undefined;
  /** `status` */
  readonly json?: boolean;
}

/** Does it, and prints what was done. */
export async function service(options: ServiceOptions, { signal }: { signal: AbortSignal }): Promise<number> {
  const { act } = options;
  if (act === "install") writeMissingConfig(options.configFile);
  const isOfInstalled = act === "stop" || act === "status" || act === "uninstall";
  const config = isOfInstalled ? await configOfInstalled(options.configFile) : loadConfig(options.configFile);
  const installation = installationOf(config);
  const manager = await serviceManager(act, installation);
  switch (act) {
    case "install":
      for (const line of await manager.install(installation, { user: options.user })) print(line);
      for (const line of nextSteps()) print(line);
      return exitCodes.ok;
    case "uninstall":
      for (const line of await manager.uninstall(installation)) print(line);
      return exitCodes.ok;
    case "start":
      await manager.start(installation);
      print(`The service "${config.app.name}" runs.`);
      return exitCodes.ok;
    case "stop":
      await manager.stop(installation);
      print(`The service "${config.app.name}" has stopped. It will start again when the machine boots.`);
      return exitCodes.ok;
    case "restart":
      if ((await manager.state(installation)).state !== "not-installed") await manager.stop(installation);
      await manager.start(installation);
      print(`The service "${config.app.name}" has been restarted.`);
      return exitCodes.ok;
    case "status":
      return await showStatus(await manager.state(installation), { config, json: options.json ?? false, signal });
  }
}

/** Writes the shipped configuration, for users who copied only the executable. */
function writeMissingConfig(file: string | undefined): void {
  if (file !== undefined || !Deno.build.standalone) return;
  const config = loadConfig(undefined);
  try {
    Deno.writeTextFileSync(config.file, shippedConfig, { createNew: true, mode: 0o644 });
    print(`Wrote "${config.file}" with the defaults.`);
  } catch (error) {
    const denied = error instanceof Deno.errors.PermissionDenied; // without this right, installing fails too
    if (!denied && !(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}

function installationOf(config: Config): Installation {
  return {
    name: config.app.name,
    folder: config.folder,
    configFile: config.file,
    program: Deno.realPathSync(Deno.execPath()),
    importDirectory: config.app.importDirectory,
  };
}

/** The system's services, if they are available and this user may change them. */
async function serviceManager(act: ServiceOptions["act"], installation: Installation): Promise<ServiceManager> {
  const cannot = `Cannot ${act === "status" ? "ask for" : act} the service "${installation.name}"`;
  const { program, configFile } = installation;
  if (Deno.build.os !== "linux" && Deno.build.os !== "windows") {
    throw new Error(`${cannot}: services are not supported on this system`);
  }
  if (Deno.build.os === "linux" && !await isSystemdHere()) {
    throw new Error(
      `${cannot}: this system is not run by systemd. Run the agent in the foreground instead, or let your own service ` +
        `manager do so:\n  "${program}" run --config "${configFile}"`,
    );
  }
  if (act === "install" && !Deno.build.standalone) {
    throw new Error(
      `${cannot}: a service needs the compiled executable. From a checkout, run: deno task install-service`,
    );
  }
  if (Deno.build.os === "windows") return openWindowsManager();
  if (act !== "status" && Deno.uid() !== 0) {
    throw new Error(`${cannot}: only root may do that. Run: ${typedCommand(`service ${act}`)}`);
  }
  return new Systemd();
}

function nextSteps(): string[] {
  return ["Next:", `  ${typedCommand("service start")}`, `  ${typedCommand("pin")}`];
}

async function showStatus(
  state: ServiceState,
  { config, json, signal }: { config: Config; json: boolean; signal: AbortSignal },
): Promise<number> {
  const agent = await agentOf(config);
  const status = agent.client && await agent.client.status(signal);
  const code = state.state === "running" ? exitCodes.ok : exitCodes.noAgent;
  if (json) {
    printJson({ name: config.app.name, folder: config.folder, service: state, agent: status ?? null });
    return code;
  }
  const rows = state.state === "not-installed" ? notInstalled(state, config) : installed(state, config);
  for (const line of aligned(rows)) print(line);
  if (agent.trouble !== undefined) print(agent.trouble);
  if (status !== undefined) { for (const line of statusLines(status)) print(line); }
  return code;
}

/** The folder's agent, or why it cannot be asked. */
async function agentOf(config: Config): Promise<{ client?: ControlClient | undefined; trouble?: string }> {
  try {
    return { client: await connectControl(stateFolderOf(config)) };
  } catch (error) {
    if (error instanceof Error && error.name === "ControlError") return { trouble: error.message };
    throw error;
  }
}

type Rows = (readonly [string, string])[];

function notInstalled({ takenBy }: { takenBy: string | undefined }, { app, folder }: Config): Rows {
  const taken = takenBy === undefined
    ? `not installed. Run: ${typedCommand("service install")}`
    : `not installed for "${folder}": the name belongs to "${takenBy}"`;
  return [["Service", `${app.name}, ${taken}`]];
}

function installed(state: InstalledState, { app }: Config): Rows {
  const since = state.since === undefined ? "" : ` since ${readableTime(state.since)}`;
  const remedy = state.reason === undefined ? "Start it" : "Correct that, then start it";
  const restarts = state.restarts ? `, restarted ${state.restarts} times by the system` : "";
  return [
    ["Service", `${app.name}, ${state.description}${since}${restarts}`],
    ["Unit", state.place],
    ["User", state.user],
    ["At boot", state.automatic ? "starts" : `does not start. Run: ${typedCommand("service install")}`],
    ...(state.state === "running" || state.said === undefined ? [] : [["Said", state.said] as const]),
    ...(state.reason?.split("\n") ?? []).map((line, index) =>
      [index === 0 ? "Failed" : "", escapeControls(line)] as const
    ),
    ...(state.state === "running" ? [] : [
      [
        "",
        `${remedy}: ${typedCommand("service start")}. Its messages: ${messagesOf(app.name)}`,
      ] as const,
    ]),
  ];
}

/** Where the system stores the service's messages. */
function messagesOf(name: string): string {
  return Deno.build.os === "windows"
    ? 'injixo-cloud-link.log, and "Application" in the Event Viewer'
    : `journalctl -u ${name}.service`;
}
