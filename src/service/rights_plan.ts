/**
 * Which rights a service's user needs in an installation folder: to create files there (log and state), to read the
 * configuration and to run the program. Pure: `folder_rights.ts` reads and changes the actual rights.
 *
 * Rights are granted through the group; owners stay the same, except for log and state. The folder gets the sticky bit:
 * the service may create files there, but not replace those of others, such as the program, which administrators run as
 * root.
 */

/** A folder or file: its mode (the lower twelve bits) and its owner and group. */
export interface PathRights {
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** The current situation. */
export interface RightsFacts {
  readonly folder: PathRights;
  readonly program: PathRights;
  readonly configFile: PathRights;
  readonly account: { readonly uid: number; readonly gid: number };
  /** All groups of the account. */
  readonly groups: ReadonlySet<number>;
}

/** What to do. */
export interface RightsPlan {
  /** `mode`: the new one. The group becomes the account's. */
  readonly changes: readonly { readonly before: PathRights; readonly mode: number }[];
  /** Groups besides the account's own that can write to the folder. */
  readonly furtherGroups: readonly number[];
  /** Groups that had rights through the mode, and lose them. */
  readonly losses: readonly { readonly path: string; readonly gid: number }[];
}

const sticky = 0o1000;

/**
 * Makes the plan.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * const root = (path: string, mode: number) => ({ path, mode, uid: 0, gid: 0 });
 * const folder = root("/opt/a", 0o755);
 * const facts = { folder, program: root("/opt/a/p", 0o755), configFile: root("/opt/a/c", 0o644) };
 * const plan = planRights({ ...facts, account: { uid: 99, gid: 99 }, groups: new Set([99]) });
 * assertEquals(plan, { changes: [{ before: folder, mode: 0o1775 }], furtherGroups: [], losses: [] });
 * ```
 */
export function planRights(facts: RightsFacts): RightsPlan {
  const { folder, program, configFile, account } = facts;
  const changes: { before: PathRights; mode: number }[] = [];
  const furtherGroups: number[] = [];
  const need = (before: PathRights, needed: { bits: number; given: number }) => {
    if (!may(facts, before, needed.bits)) changes.push({ before, mode: before.mode | needed.given });
  };
  // A group already shares the folder: the service joins it, and the folder stays as it is.
  const shared = (folder.mode & 0o020) !== 0 && folder.gid !== 0 && folder.gid !== account.gid;
  if (shared && !may(facts, folder, 0o3)) furtherGroups.push(folder.gid);
  else need(folder, { bits: 0o3, given: 0o070 | sticky });
  need(program, { bits: 0o5, given: 0o050 });
  need(configFile, { bits: 0o4, given: 0o040 });
  const losses = changes.map(({ before }) => before)
    .filter(({ mode, gid }) => gid !== 0 && gid !== account.gid && ((mode >> 3) & ~mode & 0o7) !== 0)
    .map(({ path, gid }) => ({ path, gid }));
  return { changes, furtherGroups, losses };
}

/**
 * Whether the path's own mode gives the account these bits. The folders above do not matter here: the sandbox can make
 * just the path visible.
 */
function may({ account, groups }: RightsFacts, { mode, uid, gid }: PathRights, bits: number): boolean {
  const shift = uid === account.uid ? 6 : groups.has(gid) ? 3 : 0;
  return ((mode >> shift) & bits) === bits;
}

/** Folders shared by the whole system: the service's user must not be given access to them. */
const systemFolders = new Set([
  ..."/ /bin /boot /dev /etc /home /lib /lib32 /lib64 /media /mnt /opt /proc /root /run /sbin /srv /sys /tmp".split(
    " ",
  ),
  ..."/usr /usr/bin /usr/lib /usr/local /usr/local/bin /usr/local/etc /usr/local/lib /usr/local/sbin".split(" "),
  ..."/usr/local/share /usr/local/src /usr/sbin /usr/share /usr/src".split(" "),
  ..."/var /var/cache /var/lib /var/log /var/opt /var/run /var/spool /var/tmp /var/www".split(" "),
]);

/**
 * Why a folder cannot be an installation folder; `undefined` if it can.
 *
 * @param homes Home folders of users other than the one that the service runs as.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(unsuitableFolder("/usr/local/bin", new Set()), "it belongs to the system");
 * assertEquals(unsuitableFolder("/home/ann", new Set(["/home/ann"])), "it is a user's home folder");
 * assertEquals(unsuitableFolder("/home/ann/cloud-link", new Set(["/home/ann"])), undefined);
 * ```
 */
export function unsuitableFolder(folder: string, homes: ReadonlySet<string>): string | undefined {
  if (systemFolders.has(folder)) return "it belongs to the system";
  if (homes.has(folder)) return "it is a user's home folder";
  return undefined;
}
