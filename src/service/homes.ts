/**
 * How a service reaches folders below `/home` and `/root`, which others often cannot traverse, and below `/tmp`, of
 * which it has a private one.
 */
import { statfs } from "node:fs/promises";
import { type AccessProbe, ancestors } from "./access.ts";
import type { Installation } from "./service_manager.ts";
import type { HomeView } from "./unit_file.ts";

const homeFolders = ["/home", "/root", "/run/user"];
const temporaryFolders = ["/tmp", "/var/tmp"];
/** `f_type` of a tmpfs (statfs(2)), which systemd mounts over hidden homes. */
const tmpfsType = 0x0102_1994;

/**
 * Homes stay readable, as far as the user's rights go. If the user cannot traverse them to a path of the installation,
 * they are hidden instead and only the installation's paths are shown.
 */
export async function viewOfHomes(installation: Installation, probe: AccessProbe): Promise<HomeView> {
  const { folder, program, importDirectory } = installation;
  const readable = [program, importDirectory].filter((path) => !isBelow(path, folder));
  const paths = [folder, ...readable];
  const hidden = await anyOf(paths.filter((path) => isBelowAny(path, homeFolders)), async (path) => {
    return await anyOf(ancestors(path), async (ancestor) => !await probe.enter(ancestor));
  });
  const shown = (path: string) => isBelowAny(path, temporaryFolders) || (hidden && isBelowAny(path, homeFolders));
  return { hidden, writable: [folder].filter(shown), readable: readable.filter(shown) };
}

/**
 * Why this process, as a service, cannot see a path that others see; `undefined` if nothing of that kind is in the way.
 * Needs the permission `sys` for `statfs`.
 */
export async function whyUnseen(path: string): Promise<string | undefined> {
  const place = [...homeFolders, ...temporaryFolders].find((folder) => isBelow(path, folder));
  if (place === undefined) return undefined;
  if (temporaryFolders.includes(place)) return `a service has a folder "${place}" of its own`;
  const { type } = await statfs(place);
  return type === tmpfsType ? `this service sees nothing of "${place}" but its own folder` : undefined;
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

function isBelowAny(path: string, folders: readonly string[]): boolean {
  return folders.some((folder) => isBelow(path, folder));
}

async function anyOf<T>(items: readonly T[], holds: (item: T) => Promise<boolean>): Promise<boolean> {
  for (const item of items) if (await holds(item)) return true;
  return false;
}
