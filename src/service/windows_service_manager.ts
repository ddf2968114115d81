/**
 * The services of a Windows machine, through its service control manager. An installation's service is the one whose
 * program is in its folder, whatever its name: the installer names the services of further instances, and their
 * configuration does not contain that name.
 */
import { win32 } from "node:path";
import type { Installation, InstalledState, ServiceManager, ServiceState } from "./service_manager.ts";
import { eventMessageFile, eventSourceKey, eventTypesSupported } from "./windows_event_log.ts";
import type { Registry } from "./windows_registry.ts";
import { WindowsError, windowsErrors } from "./windows_error.ts";
import { serviceStates } from "./windows_service.ts";
import type { ServicesApi, ServiceStatusNow } from "./windows_services_api.ts";
import { programOf, quoteArgument } from "./windows_text.ts";

/** The product's name: that of the first service, and the prefix of all others. */
const productName = "injixo Cloud Link";
const description =
  "Carries the contact centre's data from this network to injixo. Configuration and log are in the folder of the program.";
/** Default of `[app] name`, and name of the first service. */
const firstName = "com.injixo.cloud-link";
/** How many further instances the installer supports. */
const instancesMax = 8;

/** Delays before restarts after failures, in ms: the last one applies to all further ones. */
export const restartDelaysMs: readonly number[] = [5000, 30_000, 300_000];
/** After a day without a failure they start over, in seconds. */
export const failuresForgottenS = 24 * 60 * 60;

/** How long a service may take to start, in ms. */
const startTimeoutMs = 60_000;
/** How long a service may take to end, in ms. */
const stopTimeoutMs = 30_000;
/** Polling interval, in ms. */
const askEveryMs = 100;

/** What it works with. */
export interface WindowsServicesOptions {
  readonly services: ServicesApi;
  /** Gives an account what it needs in the installation folder. */
  readonly grantRights: (folder: string, account: string) => Promise<void>;
  readonly registry: Pick<Registry, "write" | "removeKey">;
  /** Resolves after `ms`. */
  readonly sleep: (ms: number) => Promise<void>;
}

/** The manager. */
export function windowsServices(options: WindowsServicesOptions): ServiceManager {
  const { services, registry, grantRights } = options;
  const named = (installation: Installation) => {
    const name = nameOf(installation, services);
    if (name !== undefined) return name;
    throw new Error(
      `There is no service for the folder "${installation.folder}". Create it: "injixo-cloud-link service install"`,
    );
  };
  return {
    async install(installation, { user }) {
      const name = nameOf(installation, services) ?? installation.name;
      const other = services.config(name);
      if (other !== undefined && !isOf(installation, other.commandLine)) throw taken(name, other.commandLine);
      services.define(name, {
        displayName: displayName(name),
        description,
        commandLine: commandLineOf(installation, name),
        account: user,
        restartDelaysMs,
        failuresForgottenS,
      });
      const key = eventSourceKey(name);
      registry.write("HKEY_LOCAL_MACHINE", key, {
        name: "EventMessageFile",
        kind: "REG_EXPAND_SZ",
        value: eventMessageFile,
      });
      registry.write("HKEY_LOCAL_MACHINE", key, {
        name: "TypesSupported",
        kind: "REG_DWORD",
        value: eventTypesSupported,
      });
      if (user !== undefined) await grantRights(installation.folder, user);
      const done = other === undefined ? "Installed" : "Updated";
      return [`${done} the service "${displayName(name)}" (${name}). It starts with Windows.`];
    },
    async uninstall(installation) {
      const name = named(installation);
      await stop(name, options);
      services.remove(name);
      registry.removeKey("HKEY_LOCAL_MACHINE", eventSourceKey(name));
      return [`Removed the service "${displayName(name)}" (${name}). Configuration, log and state are kept.`];
    },
    start: async (installation) => await start(named(installation), options),
    stop: async (installation) => await stop(named(installation), options),
    state: (installation) => Promise.resolve(stateOf(installation, services)),
  };
}

/** Arguments that make the program a service; `run_command_line.ts` recognises them. */
function commandLineOf({ program, configFile, folder }: Installation, name: string): string {
  const isDefault = samePath(configFile, win32.join(folder, "injixo-cloud-link.toml")) &&
    samePath(win32.dirname(program), folder);
  const config = isDefault ? [] : ["--config", configFile];
  // Always quoted: an unquoted path with a space could run another program.
  return [`"${program}"`, ...["run", "--service", name, ...config].map(quoteArgument)].join(" ");
}

/** Name of the folder's service: the configured one, or one given by the installer. */
function nameOf(installation: Installation, services: ServicesApi): string | undefined {
  const instances = Array.from({ length: instancesMax }, (_, index) => `${firstName}.instance.${index + 1}`);
  return [...new Set([installation.name, firstName, ...instances])].find((name) => {
    const config = services.config(name);
    return config !== undefined && isOf(installation, config.commandLine);
  });
}

function isOf({ program, configFile }: Installation, commandLine: string): boolean {
  const named = /\s--config\s+(?:"([^"]+)"|(\S+))/.exec(commandLine);
  const config = named?.[1] ?? named?.[2] ??
    win32.join(win32.dirname(programOf(commandLine)), "injixo-cloud-link.toml");
  return samePath(config, configFile) || (named === null && samePath(programOf(commandLine), program));
}

/** Paths are case-insensitive in Windows. */
function samePath(a: string, b: string): boolean {
  return win32.normalize(a).toLowerCase() === win32.normalize(b).toLowerCase();
}

/** What services.msc shows, e.g. `injixo Cloud Link (Instance 1)`. */
export function displayName(name: string): string {
  if (name === firstName) return productName;
  const instance = new RegExp(`^${RegExp.escape(firstName)}\\.instance\\.(\\d+)$`).exec(name)?.[1];
  return `${productName} (${instance === undefined ? name : `Instance ${instance}`})`;
}

function taken(name: string, commandLine: string): Error {
  return new Error(
    `Cannot install the service "${name}": the folder "${
      win32.dirname(programOf(commandLine))
    }" has a service of this ` +
      `name. Give this installation a name of its own in injixo-cloud-link.toml, e.g.\n` +
      `[app]\nname = "${firstName}.instance.1"\nand install it again`,
  );
}

function stateOf(installation: Installation, services: ServicesApi): ServiceState {
  const name = nameOf(installation, services);
  if (name === undefined) {
    const other = services.config(installation.name);
    const takenBy = other === undefined ? undefined : win32.dirname(programOf(other.commandLine));
    return { state: "not-installed", takenBy };
  }
  const config = services.config(name);
  const status = services.status(name);
  return {
    ...shown(status),
    since: undefined,
    automatic: config?.automatic ?? false,
    user: config?.account || "LocalSystem",
    said: undefined,
    restarts: undefined,
    place: `${displayName(name)} (${name}) in services.msc`,
  };
}

function shown({ state, exitCode, specificExitCode }: ServiceStatusNow): Pick<InstalledState, "state" | "description"> {
  if (state === serviceStates.running) return { state: "running", description: "running" };
  if (state !== serviceStates.stopped) return { state: "changing", description: "starting or stopping" };
  if (exitCode === 0 || exitCode === neverStarted) return { state: "stopped", description: "stopped" };
  return { state: "failed", description: failureText({ exitCode, specificExitCode }) };
}

/** ERROR_SERVICE_NEVER_STARTED: not since boot, or not since it was created. */
const neverStarted = 1077;

function failureText({ exitCode, specificExitCode }: Pick<ServiceStatusNow, "exitCode" | "specificExitCode">): string {
  return exitCode === windowsErrors.serviceSpecific
    ? `failed with exit code ${specificExitCode}`
    : `failed with Windows error ${exitCode}`;
}

async function start(name: string, options: WindowsServicesOptions): Promise<void> {
  const { services } = options;
  try {
    services.start(name);
  } catch (error) {
    if (!(error instanceof WindowsError && error.number === windowsErrors.alreadyRunning)) throw error;
  }
  const status = await until(name, {
    ...options,
    timeoutMs: startTimeoutMs,
    isReached: ({ state }) => state === serviceStates.running || state === serviceStates.stopped,
  });
  if (status?.state === serviceStates.running) return;
  const why = status === undefined ? `it did not start within ${startTimeoutMs / 1000} s` : failureText(status);
  throw new Error(
    `Cannot start the service "${name}": ${why}. See injixo-cloud-link.log and Windows' event log (Application, source ` +
      `${name}), or run "injixo-cloud-link run" in this window`,
  );
}

async function stop(name: string, options: WindowsServicesOptions): Promise<void> {
  const { services } = options;
  try {
    services.stop(name);
  } catch (error) {
    if (!(error instanceof WindowsError && error.number === windowsErrors.notActive)) throw error;
    return;
  }
  const isReached = ({ state }: ServiceStatusNow) => state === serviceStates.stopped;
  if (await until(name, { ...options, timeoutMs: stopTimeoutMs, isReached })) return;
  throw new Error(
    `Cannot stop the service "${name}": it did not stop within ${stopTimeoutMs / 1000} s. See injixo-cloud-link.log`,
  );
}

async function until(
  name: string,
  options: WindowsServicesOptions & { timeoutMs: number; isReached: (status: ServiceStatusNow) => boolean },
): Promise<ServiceStatusNow | undefined> {
  const { services, sleep, timeoutMs, isReached } = options;
  for (let waitedMs = 0; waitedMs < timeoutMs; waitedMs += askEveryMs) {
    const status = services.status(name);
    if (isReached(status)) return status;
    await sleep(askEveryMs);
  }
  return undefined;
}
