/**
 * The rights that a service's user needs in an installation folder: to make files there (log and state), to read the
 * configuration and to run the program. They are given through the group; whose files they are stays as it is, apart
 * from log and state. What was changed is noted in the unit, for `service uninstall`.
 *
 * The folder gets the sticky bit: the service may make files there, but not replace those of others, such as the
 * program, which administrators run as root.
 */
import { join } from "node:path";
import type { Account } from "./account.ts";
import type { Installation } from "./service_manager.ts";
import { runTool, tryTool } from "./tool.ts";
import type { ChangedMode } from "./unit_file.ts";

const sticky = 0o1000;
const logPattern = /^injixo-cloud-link(\..+)?\.log$/;

/** What was done in the folder. */
export interface GrantedRights {
  /** As they were before. */
  readonly changed: readonly ChangedMode[];
  /** The folder can be written through these groups, besides the account's own. */
  readonly furtherGroups: readonly number[];
}

/** Gives the account what it needs. */
export async function grantRights(installation: Installation, account: Account): Promise<GrantedRights> {
  const { folder, program, configFile } = installation;
  const changed: ChangedMode[] = [];
  const furtherGroups: number[] = [];
  const change = async (path: string, bits: number) => {
    const { mode, gid } = await modeOf(path);
    changed.push({ path, mode, gid });
    await setMode({ path, gid: account.gid, mode: mode | bits });
  };
  if (!await mayAs(account, folder, 0o3)) {
    const { mode, gid } = await modeOf(folder);
    const shared = (mode & 0o020) !== 0 && gid !== 0 && gid !== account.gid;
    // A group shares the folder already: the service joins it, and it stays as it is.
    if (shared) furtherGroups.push(gid);
    else await change(folder, 0o070 | sticky);
  }
  if (!await mayAs(account, program, 0o5)) await change(program, 0o050);
  if (!await mayAs(account, configFile, 0o4)) await change(configFile, 0o040);
  await giveOwnFiles(folder, account);
  return { changed, furtherGroups };
}

/** Puts back what was changed, where nobody has changed it since. */
export async function restoreRights(changed: readonly ChangedMode[], { gid }: { gid: number }): Promise<void> {
  for (const before of changed) {
    const now = await modeOf(before.path).catch(ignoreMissing);
    if (now?.gid === gid) await setMode(before);
  }
}

/** Log and state go to the account, or whoever is named. Links are not followed. */
export async function giveOwnFiles(
  folder: string,
  owner: { readonly uid: number; readonly gid: number },
): Promise<void> {
  const paths: string[] = [];
  for await (const { name, isFile, isDirectory } of Deno.readDir(folder)) {
    if ((isDirectory && name === "state") || (isFile && logPattern.test(name))) paths.push(join(folder, name));
  }
  if (paths.length === 0) return;
  await runTool("chown", ["--recursive", "--no-dereference", "-P", `${owner.uid}:${owner.gid}`, "--", ...paths]);
}

/**
 * Whether the path's own mode gives the account these bits. The folders above it are another matter: the sandbox can
 * show the path alone.
 */
async function mayAs(account: Account, path: string, bits: number): Promise<boolean> {
  const { mode, gid } = await modeOf(path);
  const { uid } = await Deno.stat(path);
  const groups = await groupsOf(account);
  const shift = uid === account.uid ? 6 : groups.has(gid) ? 3 : 0;
  return ((mode >> shift) & bits) === bits;
}

async function groupsOf({ name, gid }: Account): Promise<ReadonlySet<number>> {
  const { out = "" } = await tryTool("id", ["-G", name]) ?? {};
  return new Set([gid, ...out.trim().split(/\s+/).filter((group) => group !== "").map(Number)]);
}

async function modeOf(path: string): Promise<{ mode: number; gid: number }> {
  const { mode, gid } = await Deno.stat(path);
  return { mode: (mode ?? 0) & 0o7777, gid: gid ?? 0 };
}

async function setMode({ path, mode, gid }: ChangedMode): Promise<void> {
  await Deno.chown(path, null, gid);
  await Deno.chmod(path, mode); // after chown, which clears bits
}

function ignoreMissing(error: unknown): undefined {
  if (error instanceof Deno.errors.NotFound) return undefined;
  throw error;
}
