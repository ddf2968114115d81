/**
 * What this process needs to know about the service it may be running as. Looked up before permissions are narrowed.
 */
import { join } from "node:path";
import type { Config } from "../../config/config.ts";
import { exists } from "../../runtime/exists.ts";
import { typedCommand } from "../../runtime/own_command.ts";
import { missingRight, missingRightText, ownProbe } from "../../service/access.ts";
import { whyUnseen } from "../../service/homes.ts";
import { noNotifier, type ServiceNotifier } from "../../service/service_notifier.ts";
import { openSystemdNotifier } from "../../service/systemd_notifier.ts";
import { serviceUserOf } from "../../service/units.ts";
import { makePrivateFolder } from "../../service/windows_private_folder.ts";
import { exitCodes } from "../exit_codes.ts";
import { ExitError } from "../exit_error.ts";
import { realPathOf } from "../real_path.ts";
import { stateFolderOf } from "../state_folder.ts";

/** The notifier for whoever started this process as a service. */
export function openNotifier(): ServiceNotifier {
  const socket = Deno.build.os === "linux" ? Deno.env.get("NOTIFY_SOCKET") : undefined;
  if (!socket) return noNotifier;
  return openSystemdNotifier({ socket, watchdogMicroseconds: Deno.env.get("WATCHDOG_USEC") });
}

/** The variable by which systemd names the folder of a service's credentials. */
export const credentialsVariable = "CREDENTIALS_DIRECTORY";

/** Where the system has put files for this service alone, e.g. with `LoadCredential=` in its unit. */
export function credentialsFolder(): string | undefined {
  return Deno.env.get(credentialsVariable) || undefined;
}

/** The same folder of the running service, as seen by a command beside it; `undefined` if it may not see any. */
export async function credentialsFolderOf(service: string): Promise<string | undefined> {
  const own = credentialsFolder();
  if (own !== undefined || Deno.build.os !== "linux") return own;
  const folder = `/run/credentials/${service}.service`;
  return await exists(folder) ? folder : undefined;
}

/**
 * Root must not run the agent if it is a service of another user, who could not use the files created by root, and
 * whose service would not start again.
 */
export async function refuseRootBesideService({ folder }: Pick<Config, "folder">): Promise<void> {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0 || Deno.env.get("NOTIFY_SOCKET") !== undefined) return;
  const user = await serviceUserOf(folder);
  if (user === undefined || user === "root") return;
  throw new Error(
    `Cannot run the agent as root in "${folder}": it is a service there, whose user "${user}" could not use the files ` +
      `that root creates. Start the service: ${typedCommand("service start")}`,
  );
}

/** Creates the state folder, or says what must be done so that it can be created. */
export async function requireStateFolder(config: Config): Promise<void> {
  const folder = stateFolderOf(config);
  try {
    if (Deno.build.os === "windows") await makePrivateFolder(folder);
    else await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    await Deno.stat(join(folder, "."));
    for await (const _ of Deno.readDir(folder)) break;
  } catch (cause) {
    if (!(cause instanceof Deno.errors.PermissionDenied || cause instanceof Deno.errors.NotADirectory)) throw cause;
    await refuseUserBesideService(config, cause);
    throw new Error(
      `Cannot use the folder "${folder}": the user "${userName()}" may not create, write or read it. ${remedy(config)}`,
      { cause },
    );
  }
}

/** As {@linkcode refuseRootBesideService}, for a user who may not use the service's files. */
async function refuseUserBesideService({ folder }: Config, cause: Error): Promise<void> {
  if (Deno.build.os !== "linux" || Deno.env.get("NOTIFY_SOCKET") !== undefined) return;
  const user = await serviceUserOf(folder);
  if (user === undefined) return;
  throw new ExitError(
    `Cannot run the agent in "${folder}": it is a service there, of the user "${user}", whose files the user ` +
      `"${userName()}" may not use. Start the service: ${typedCommand("service start")}`,
    { cause, exitCode: exitCodes.noAgent },
  );
}

function remedy({ folder }: Config): string {
  if (Deno.build.os === "windows") {
    return "Run it in a console as administrator, or give this user full control on the folder's page “Security”";
  }
  if (Deno.env.get("NOTIFY_SOCKET") !== undefined) {
    return `Run this again, which gives the service's user the right: ${typedCommand("service install")}`;
  }
  return `Give the installation folder to the user that runs the agent: sudo chown -R ${Deno.uid()} "${folder}"`;
}

/**
 * Why this user cannot read the import folder, and what to do; `undefined` if it can, or if the folder does not exist.
 */
export async function importFolderTrouble(config: Config): Promise<string | undefined> {
  if (Deno.build.os === "windows") return undefined;
  const path = await realPathOf(config.app.importDirectory);
  const missing = await missingRight(path, ownProbe);
  if (missing !== undefined) return `${missingRightText(missing, userName())}.`;
  if (Deno.env.get("NOTIFY_SOCKET") === undefined) return undefined;
  if (await exists(path)) return undefined;
  const unseen = await whyUnseen(path);
  if (unseen === undefined) return undefined;
  return `${unseen}. Run this again, which shows it this folder, and restart it: ${typedCommand("service install")}`;
}

function userName(): string {
  return Deno.env.get("USER") || Deno.env.get("USERNAME") || `number ${Deno.uid()}`;
}
