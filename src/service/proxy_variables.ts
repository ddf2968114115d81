/**
 * Where `https_proxy` and `no_proxy` come from. The manual lets an administrator set them in `/etc/environment` or in a
 * script in `/etc/profile.d`, which only login sessions read: an installed service has to look there itself.
 */

import { join } from "node:path";

/** The variables looked for; lower case wins. */
export const proxyVariableNames = ["https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"] as const;
/** One of them. */
export type ProxyVariableName = (typeof proxyVariableNames)[number];
/** Their values, where they have one. */
export type ProxyVariables = { readonly [name in ProxyVariableName]?: string };

/** The variables that count, and where the proxy was found. */
export interface FoundProxyVariables {
  readonly variables: ProxyVariables;
  /** E.g. `the environment` or `/etc/environment`; `undefined` when no place names a proxy. */
  readonly origin: string | undefined;
}

/** One place to look. */
export interface ProxyVariablePlace {
  readonly name: string;
  read(): Promise<ProxyVariables>;
}

/** How long the scripts in `/etc/profile.d` may take, in ms. */
const profileTimeoutMs = 5000;
/** What they may print, in bytes. */
const profileBytesMax = 64 * 1024;

/** The first place that names a proxy counts, with its exceptions, or those of the first place that has any. */
export async function findProxyVariables(places: readonly ProxyVariablePlace[]): Promise<FoundProxyVariables> {
  let exceptions: ProxyVariables = {};
  for (const place of places) {
    const found = await place.read();
    const own = pick(found, ["no_proxy", "NO_PROXY"]);
    if (Object.keys(exceptions).length === 0) exceptions = own;
    const proxy = pick(found, ["https_proxy", "HTTPS_PROXY"]);
    if (Object.keys(proxy).length > 0) {
      return { variables: { ...(Object.keys(own).length > 0 ? own : exceptions), ...proxy }, origin: place.name };
    }
  }
  return { variables: exceptions, origin: undefined };
}

/** The places of a Linux host, in the order in which they count. */
export function linuxPlaces(
  environment: (name: ProxyVariableName) => string | undefined,
  options: { environmentFile?: string; profileFolder?: string; credentialsFolder?: string | undefined } = {},
): ProxyVariablePlace[] {
  const { environmentFile = "/etc/environment", profileFolder = "/etc/profile.d", credentialsFolder } = options;
  return [
    environmentPlace(environment),
    ...(credentialsFolder === undefined ? [] : [credentialsPlace(credentialsFolder)]),
    {
      name: environmentFile,
      read: async () => parseEnvironmentFile(await Deno.readTextFile(environmentFile).catch(() => "")),
    },
    { name: profileFolder, read: () => readProfileFolder(profileFolder) },
  ];
}

/** The process's own environment. */
export function environmentPlace(environment: (name: ProxyVariableName) => string | undefined): ProxyVariablePlace {
  const read = () =>
    Object.fromEntries(proxyVariableNames.flatMap((name) => {
      const value = environment(name);
      return value ? [[name, value]] : [];
    }));
  return { name: "the environment", read: () => Promise.resolve(read()) };
}

/** Files named like the variables, which the unit hands to the service by `LoadCredential=`. */
function credentialsPlace(folder: string): ProxyVariablePlace {
  return {
    name: "the service's credentials",
    async read() {
      const found: { [name in ProxyVariableName]?: string } = {};
      for (const name of proxyVariableNames) {
        const value = (await Deno.readTextFile(join(folder, name)).catch(() => "")).trim();
        if (value !== "") found[name] = value;
      }
      return found;
    },
  };
}

/**
 * The proxy's variables in a file like `/etc/environment` (pam_env): `KEY=value` a line, optionally after `export`,
 * optionally in quotes; `#` begins a comment.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(parseEnvironmentFile('# x\nexport https_proxy="http://p:8080" # y\nLANG=C\n'), { https_proxy: "http://p:8080" });
 * ```
 */
export function parseEnvironmentFile(text: string): ProxyVariables {
  const found: { [name in ProxyVariableName]?: string } = {};
  for (const line of text.split(/\r?\n/)) {
    const match = /^\s*(?:export\s+)?(\w+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^#\s]*))/.exec(line);
    const name = proxyVariableNames.find((candidate) => candidate === match?.[1]);
    const value = match?.[2] ?? match?.[3] ?? match?.[4];
    if (name !== undefined && value) found[name] = value;
  }
  return found;
}

/** Runs the scripts as a login shell would, in an environment of their own. One that exits ends the reading, no more. */
async function readProfileFolder(folder: string): Promise<ProxyVariables> {
  const script = 'trap \'printf "%s\\0" "$https_proxy" "$HTTPS_PROXY" "$no_proxy" "$NO_PROXY" >&3\' EXIT\n' +
    'exec 3>&1 >/dev/null 2>&1\nfor f in "$0"/*.sh; do [ -r "$f" ] && . "$f"; done';
  const timeout = AbortSignal.timeout(profileTimeoutMs);
  try {
    const { stdout } = await new Deno.Command("/bin/sh", {
      args: ["-c", script, folder],
      clearEnv: true,
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/" },
      stdin: "null",
      stderr: "null",
      signal: timeout,
    }).output();
    const values = new TextDecoder().decode(stdout.subarray(-profileBytesMax)).split("\0").slice(-5, -1);
    return Object.fromEntries(
      proxyVariableNames.flatMap((name, index) => values[index] ? [[name, values[index]]] : []),
    );
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return {}; // no shell
    throw error;
  }
}

function pick(variables: ProxyVariables, names: readonly ProxyVariableName[]): ProxyVariables {
  return Object.fromEntries(names.flatMap((name) => variables[name] ? [[name, variables[name]]] : []));
}
