/** Proxies that systemd passes to a service: variables and credentials of its unit and drop-ins. */
import { tryTool } from "./tool.ts";
import { parseEnvironmentFile, type ProxyVariableName, proxyVariableNames } from "./proxy_variables.ts";

/**
 * Every proxy address mentioned by the unit of that name, whether or not the service is running. What this user may not
 * read is left out.
 */
export async function proxiesOfUnit(name: string): Promise<readonly string[]> {
  const { out = "" } = await tryTool("systemctl", ["cat", `${name}.service`]) ?? {};
  const { variables, variableFiles, credentialFiles } = proxySettings(out);
  const texts = [...variables, ...await Promise.all(variableFiles.map(readIfAllowed))];
  const addresses = texts.map(parseEnvironmentFile).flatMap((found) => [found.https_proxy, found.HTTPS_PROXY]);
  const credentials = await Promise.all(credentialFiles.map(readIfAllowed));
  return [...addresses, ...credentials].flatMap((address) => address?.trim() || []);
}

/** Where a unit gets variables from, and its credentials named after the proxy variables. */
export interface ProxySettings {
  readonly variables: readonly string[];
  readonly variableFiles: readonly string[];
  readonly credentialFiles: readonly string[];
}

/**
 * Reads them from the text of a unit and its drop-ins.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * const unit = 'Environment=A=1 "https_proxy=http://u:p%%40@p"\nEnvironmentFile=-/etc/e\nLoadCredential=https_proxy:/etc/p';
 * assertEquals(proxySettings(unit), {
 *   variables: ["A=1", "https_proxy=http://u:p%40@p"],
 *   variableFiles: ["/etc/e"],
 *   credentialFiles: ["/etc/p"],
 * });
 * ```
 */
export function proxySettings(unit: string): ProxySettings {
  const values = (key: string) =>
    Array.from(unit.replace(/\\\r?\n/g, " ").matchAll(new RegExp(`^${key}=(.*)$`, "gm")), ([, value = ""]) => {
      return value.trim().replaceAll("%%", "%");
    });
  const words = (text: string) =>
    Array.from(
      text.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g),
      ([, double, single, plain = ""]) => double ?? single ?? plain,
    );
  return {
    variables: values("Environment").flatMap(words),
    variableFiles: values("EnvironmentFile").map((path) => path.replace(/^-/, "")),
    credentialFiles: values("LoadCredential").flatMap((credential) => {
      const at = credential.indexOf(":");
      return proxyVariableNames.includes(credential.slice(0, at) as ProxyVariableName)
        ? [credential.slice(at + 1)]
        : [];
    }),
  };
}

async function readIfAllowed(path: string): Promise<string> {
  return await Deno.readTextFile(path).catch(() => "");
}
