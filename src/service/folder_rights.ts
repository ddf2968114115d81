/** Grants and restores the rights of a service's user in an installation folder; `rights_plan.ts` decides which. */
import { join } from "node:path";
import { ignoreMissing } from "../runtime/ignore_missing.ts";
import { stateFolderName } from "../runtime/state_folder.ts";
import type { Account } from "./account.ts";
import { type PathRights, planRights } from "./rights_plan.ts";
import type { Installation } from "./service_manager.ts";
import { runTool, tryTool } from "./tool.ts";
import type { ChangedMode } from "./unit_file.ts";

const logPattern = /^injixo-cloud-link(\..+)?\.log$/;

/** What was done in the folder. */
export interface GrantedRights {
  /** The modes before the change. */
  readonly changed: readonly ChangedMode[];
  /** Groups besides the account's own that can write to the folder. */
  readonly furtherGroups: readonly number[];
  /** What the administrator should know about it, one line each. */
  readonly said: readonly string[];
}

/** Gives the account what it needs. */
export async function grantRights(installation: Installation, account: Account): Promise<GrantedRights> {
  const { changes, furtherGroups, losses } = planRights({
    folder: await rightsOf(installation.folder),
    program: await rightsOf(installation.program),
    configFile: await rightsOf(installation.configFile),
    account,
    groups: await groupsOf(account),
  });
  const said = await Promise.all(losses.map(async ({ path, gid }) => {
    const group = await groupName(gid);
    return `The group of "${path}" is now "${account.name}": members of "${group}" have lost the rights that they had ` +
      `through it. Restore them: setfacl -m g:${group}:rX "${path}"`;
  }));
  for (const { before, mode } of changes) await setMode({ path: before.path, gid: account.gid, mode });
  await giveOwnFiles(installation.folder, account);
  return { changed: changes.map(({ before: { path, mode, gid } }) => ({ path, mode, gid })), furtherGroups, said };
}

/** Restores what was changed, unless somebody has changed it since. */
export async function restoreRights(changed: readonly ChangedMode[], { gid }: { gid: number }): Promise<void> {
  for (const before of changed) {
    const now = await rightsOf(before.path).catch(ignoreMissing);
    if (now?.gid === gid) await setMode(before);
  }
}

/** Gives log and state to the account or the given user. Links are not followed. */
export async function giveOwnFiles(
  folder: string,
  owner: { readonly uid: number; readonly gid: number },
): Promise<void> {
  const paths: string[] = [];
  for await (const { name, isFile, isDirectory } of Deno.readDir(folder)) {
    if ((isDirectory && name === stateFolderName) || (isFile && logPattern.test(name))) paths.push(join(folder, name));
  }
  if (paths.length === 0) return;
  await runTool("chown", ["--recursive", "--no-dereference", "-P", `${owner.uid}:${owner.gid}`, "--", ...paths]);
}

/** The owner of the folder. */
export async function ownerOf(folder: string): Promise<{ uid: number; gid: number }> {
  const { uid, gid } = await Deno.stat(folder);
  return { uid: uid ?? 0, gid: gid ?? 0 };
}

async function groupsOf({ name, gid }: Account): Promise<ReadonlySet<number>> {
  const { out = "" } = await tryTool("id", ["-G", name]) ?? {};
  return new Set([gid, ...out.trim().split(/\s+/).filter((group) => group !== "").map(Number)]);
}

async function groupName(gid: number): Promise<string> {
  const { out = "" } = await tryTool("getent", ["group", String(gid)]) ?? {};
  return out.split(":")[0] || String(gid);
}

async function rightsOf(path: string): Promise<PathRights> {
  const { mode, uid, gid } = await Deno.stat(path);
  return { path, mode: (mode ?? 0) & 0o7777, uid: uid ?? 0, gid: gid ?? 0 };
}

async function setMode({ path, mode, gid }: ChangedMode): Promise<void> {
  await Deno.chown(path, null, gid);
  await Deno.chmod(path, mode); // after chown, which clears bits
}
