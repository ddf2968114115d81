/**
 * Where `https_proxy` and `no_proxy` come from. The manual lets administrators set them in `/etc/environment` or in a
 * script in `/etc/profile.d`, which only login sessions read: an installed service has to look there itself.
 */

import { join } from "node:path";
import { type ProfileLimits, readProfileScripts } from "./profile_scripts.ts";

/** The names to look for; lower case wins. */
export const proxyVariableNames = ["https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"] as const;
/** One of them. */
export type ProxyVariableName = (typeof proxyVariableNames)[number];
/** Their values, if set. */
export type ProxyVariables = { readonly [name in ProxyVariableName]?: string };

/** The variables in effect, and where the proxy was found. */
export interface FoundProxyVariables {
  readonly variables: ProxyVariables;
  /** E.g. `the environment` or `/etc/environment`; `undefined` if no place names a proxy. */
  readonly origin: string | undefined;
  /** What could not be read, in sentences for the administrator: a proxy setting may be missing. */
  readonly troubles: readonly string[];
}

/** What one place contains. */
export interface PlaceReading {
  readonly variables: ProxyVariables;
  readonly troubles?: readonly string[];
}

/** One place to look. */
export interface ProxyVariablePlace {
  readonly name: string;
  read(): Promise<PlaceReading>;
}

/** The first place that names a proxy wins, with its exceptions, or those of the first place that has any. */
export async function findProxyVariables(places: readonly ProxyVariablePlace[]): Promise<FoundProxyVariables> {
  let exceptions: ProxyVariables = {};
  const troubles: string[] = [];
  for (const place of places) {
    const { variables: found, troubles: further = [] } = await place.read();
    troubles.push(...further);
    const own = pick(found, ["no_proxy", "NO_PROXY"]);
    if (Object.keys(exceptions).length === 0) exceptions = own;
    const proxy = pick(found, ["https_proxy", "HTTPS_PROXY"]);
    if (Object.keys(proxy).length > 0) {
      return {
        variables: { ...(Object.keys(own).length > 0 ? own : exceptions), ...proxy },
        origin: place.name,
        troubles,
      };
    }
  }
  return { variables: exceptions, origin: undefined, troubles };
}

/** The places on a Linux host, in order of precedence. */
export function linuxPlaces(
  environment: (name: ProxyVariableName) => string | undefined,
  options: {
    environmentFile?: string;
    profileFolder?: string;
    profileLimits?: ProfileLimits;
    credentialsFolder?: string | undefined;
  } = {},
): ProxyVariablePlace[] {
  const { environmentFile = "/etc/environment", profileFolder = "/etc/profile.d", credentialsFolder } = options;
  const { profileLimits } = options;
  return [
    environmentPlace(environment),
    ...(credentialsFolder === undefined ? [] : [credentialsPlace(credentialsFolder)]),
    {
      name: environmentFile,
      read: async () => ({
        variables: parseEnvironmentFile(await Deno.readTextFile(environmentFile).catch(() => "")),
      }),
    },
    { name: profileFolder, read: () => readProfileScripts(profileFolder, profileLimits) },
  ];
}

/** The process's own environment. */
export function environmentPlace(environment: (name: ProxyVariableName) => string | undefined): ProxyVariablePlace {
  const read = () =>
    Object.fromEntries(proxyVariableNames.flatMap((name) => {
      const value = environment(name);
      return value ? [[name, value]] : [];
    }));
  return { name: "the environment", read: () => Promise.resolve({ variables: read() }) };
}

/** Files named after the variables, which the unit passes to the service with `LoadCredential=`. */
function credentialsPlace(folder: string): ProxyVariablePlace {
  return {
    name: "the service's credentials",
    async read() {
      const found: { [name in ProxyVariableName]?: string } = {};
      for (const name of proxyVariableNames) {
        const value = (await Deno.readTextFile(join(folder, name)).catch(() => "")).trim();
        if (value !== "") found[name] = value;
      }
      return { variables: found };
    },
  };
}

/**
 * The proxy variables in a file like `/etc/environment` (pam_env): one `KEY=value` per line, optionally after `export`,
 * optionally in quotes; `#` starts a comment.
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

function pick(variables: ProxyVariables, names: readonly ProxyVariableName[]): ProxyVariables {
  return Object.fromEntries(names.flatMap((name) => variables[name] ? [[name, variables[name]]] : []));
}
