/**
 * `https_proxy` and `no_proxy` as stored by Windows. A service sees changed variables only after a reboot, and none of
 * its user's unless the profile is loaded: so they are read from where the Control Panel writes them. The user's
 * variable takes precedence over the system's, as everywhere in Windows.
 */
import { environmentPlace, type ProxyVariableName, type ProxyVariablePlace } from "./proxy_variables.ts";
import type { Hive, Registry } from "./windows_registry.ts";

const userKey = "Environment";
const systemKey = "SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Environment";

/**
 * The places on a Windows host, in order of precedence. A service's environment dates from the last start of Windows,
 * so for a service the registry comes first; in a console, its own environment does.
 */
export function windowsPlaces(
  environment: (name: ProxyVariableName) => string | undefined,
  options: { openRegistry: () => Pick<Registry, "readText"> & Disposable; inService: boolean },
): ProxyVariablePlace[] {
  const place = (name: string, hive: Hive, key: string): ProxyVariablePlace => ({
    name,
    read() {
      using registry = options.openRegistry();
      // The registry is case-insensitive: lower case finds both.
      const found = (["https_proxy", "no_proxy"] as const).map((variable) => {
        return [variable, registry.readText(hive, key, variable)] as const;
      });
      return Promise.resolve({ variables: Object.fromEntries(found.filter(([, value]) => value)) });
    },
  });
  const registered = [
    place("the user variables", "HKEY_CURRENT_USER", userKey),
    place("the system variables", "HKEY_LOCAL_MACHINE", systemKey),
  ];
  const own = environmentPlace(environment);
  return options.inService ? [...registered, own] : [own, ...registered];
}
