/** What each part of `run` may do. Deno fixes permissions at compile time, so they are narrowed at startup. */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Config } from "../../config/config.ts";
import type { AllowedHost } from "../../egress/allowed_hosts.ts";
import { type RelayAddress, relayUserPermissions } from "../../egress/start_relay.ts";

/**
 * The agent's worker: its folders, the relay and the hosts behind it, and port 0 of loopback for the control channel if
 * that is not a Unix socket. No environment, no programs, no native libraries.
 */
export function agentPermissions(
  config: Config,
  options: {
    relay: RelayAddress;
    allowed: readonly AllowedHost[];
    /** The real path of the import folder, which is the one that is read; the configured path may be a link. */
    importFolder: string;
    /** Folder of files that the system provides for this service. */
    credentialsFolder?: string | undefined;
  },
): Deno.PermissionOptionsObject {
  const { relay, allowed, importFolder, credentialsFolder } = options;
  const folders = [config.folder, config.app.importDirectory, importFolder, dirname(config.file), ...ownSource()];
  // `check` tests whether the file of authorities can still be read.
  const more = [credentialsFolder, config.hub.caFile].filter((path) => path !== undefined);
  return {
    read: [...new Set([...folders, ...more])],
    write: [config.folder],
    net: [...relayUserPermissions(relay, allowed), "127.0.0.1:0"],
    env: false,
    sys: ["hostname", "osRelease", "statfs", "uid"],
    run: false,
    ffi: false,
    import: false,
  };
}

/** In a checkout, a worker loads its modules with its own permissions; the compiled executable contains them. */
function ownSource(): string[] {
  return Deno.build.standalone ? [] : [fileURLToPath(new URL("../../..", import.meta.url))];
}

/** Gives up every permission of this thread except starting programs (extractors); workers keep theirs. */
export async function giveUpPermissions(): Promise<void> {
  for (const name of ["read", "write", "net", "env", "sys", "ffi", "import"] as const) {
    await Deno.permissions.revoke({ name });
  }
}
