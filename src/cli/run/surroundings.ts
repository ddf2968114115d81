/** What `run` and `check` look up about their environment before permissions are narrowed. */
import type { Config } from "../../config/config.ts";
import { parseCaCertificates } from "../../egress/ca_certificates.ts";
import { type Proxy, proxyFromEnvironment, shownProxy } from "../../egress/proxy.ts";
import type { KnownConnection } from "../../protocol/database.ts";
import { unreadableReason } from "../../runtime/error_text.ts";
import {
  environmentPlace,
  findProxyVariables,
  linuxPlaces,
  type ProxyVariableName,
  type ProxyVariablePlace,
} from "../../service/proxy_variables.ts";
import { isSystemdHere } from "../../service/systemd.ts";
import { proxiesOfUnit } from "../../service/unit_proxies.ts";
import { windowsPlaces } from "../../service/windows_proxy_variables.ts";
import { openRegistry, readMachineGuid } from "../../service/windows_registry.ts";
import { credentialsFolder } from "./own_service.ts";
import { keptConnection } from "./kept_connection.ts";

/** Where Deno finds certificate authorities; 2.7 does so only if this is set before the first connection. */
const caStoreVariable = "DENO_TLS_CA_STORE";

/** The part that concerns the connection to the hub. */
export interface NetworkSurroundings {
  readonly proxy: Proxy | undefined;
  /** The proxy for display, and the place that names it. */
  readonly shownProxy: string | undefined;
  /** Why a proxy may be missing: scripts that could not be read. */
  readonly proxyTroubles: readonly string[];
  /** PEM of `[hub] caFile`. */
  readonly caCerts: readonly string[];
}

/** What was found, as plain data for workers, which cannot look up any of it themselves. */
export interface Surroundings extends NetworkSurroundings {
  readonly machineId: string | undefined;
  /** The database connection that stays on the premises, with its password. */
  readonly keptConnection: KnownConnection | undefined;
  /** Values that must never be shown. */
  readonly secrets: readonly string[];
}

/** How it is looked up. */
export interface LookOptions {
  /** @default false */
  readonly inService?: boolean | undefined;
  /** The folder of the service's credentials. @default this process's own, if it is the service */
  readonly credentials?: string | undefined;
}

/** Looks everything up. Throws with a message for the operator if the proxy's address or a file is unusable. */
export async function lookAround(config: Config, options: LookOptions = {}): Promise<Surroundings> {
  const network = await lookAtNetwork(config, options);
  const kept = await keptConnection(config, options);
  return {
    ...network,
    machineId: await readMachineId(),
    keptConnection: kept?.connection,
    secrets: [...proxySecrets(network.proxy), ...kept?.secrets ?? []],
  };
}

/** Looks up only the network part. Throws like {@linkcode lookAround}. */
export async function lookAtNetwork(
  config: Config,
  options: LookOptions = {},
): Promise<NetworkSurroundings> {
  if (Deno.env.get(caStoreVariable) === undefined) Deno.env.set(caStoreVariable, "mozilla,system");
  const { variables, origin, troubles } = await findProxyVariables(placesOfProxy(options));
  const found = proxyFromEnvironment(variables);
  const proxy = found && { ...found, variable: `${found.variable} in ${origin}` };
  return {
    proxy,
    shownProxy: proxy && `${shownProxy(proxy)} (${proxy.variable})`,
    proxyTroubles: troubles,
    caCerts: config.hub.caFile === undefined ? [] : await readCaFile(config.hub.caFile),
  };
}

/** The proxy addresses in all places, in effect or not, because their passwords must be masked. */
export async function allProxies({ app }: Config, options: LookOptions = {}): Promise<readonly string[]> {
  const readings = await Promise.all(placesOfProxy(options).map((place) => place.read()));
  const found = readings.flatMap(({ variables: { https_proxy, HTTPS_PROXY } }) => [https_proxy, HTTPS_PROXY]);
  const ofUnit = Deno.build.os === "linux" && await isSystemdHere() ? await proxiesOfUnit(app.name) : [];
  return [...found.flatMap((address) => address ?? []), ...ofUnit];
}

function placesOfProxy(options: LookOptions): readonly ProxyVariablePlace[] {
  const { inService = false, credentials = credentialsFolder() } = options;
  const environment = (name: ProxyVariableName) => Deno.env.get(name);
  switch (Deno.build.os) {
    case "linux":
      return linuxPlaces(environment, { credentialsFolder: credentials });
    case "windows":
      return windowsPlaces(environment, { openRegistry, inService });
    default:
      return [environmentPlace(environment)];
  }
}

function proxySecrets(proxy: Proxy | undefined): string[] {
  const password = proxy?.credentials?.password;
  return password ? [password, encodeURIComponent(password)] : [];
}

/** Real paths of the agent's own files in the installation folder besides log and state, including secrets. */
export async function ownPaths(config: Config): Promise<string[]> {
  const password = config.database.password;
  const paths = [
    config.file,
    ...(Deno.build.standalone ? [Deno.execPath()] : []),
    ...(config.hub.caFile === undefined ? [] : [config.hub.caFile]),
    ...(password?.in === "file" ? [password.path] : []),
  ];
  const real = await Promise.all(paths.map((path) => Deno.realPath(path).catch(() => path)));
  return [...new Set([...paths, ...real])];
}

async function readCaFile(file: string): Promise<string[]> {
  let pem: string;
  try {
    pem = await Deno.readTextFile(file);
  } catch (cause) {
    throw new Error(
      `Cannot read [hub] caFile "${file}": ${unreadableReason(cause)}. ` +
        "Check the path, and that the service's user may read it.",
      { cause },
    );
  }
  return parseCaCertificates(pem, { file });
}

/** `undefined` if there is none: the state then belongs to the folder and the name alone. */
async function readMachineId(): Promise<string | undefined> {
  if (Deno.build.os === "windows") {
    using registry = openRegistry();
    return readMachineGuid(registry);
  }
  if (Deno.build.os !== "linux") return undefined;
  const text = await Deno.readTextFile("/etc/machine-id").catch(() => "");
  return text.trim() || undefined;
}
