/** The system user that the services run as, and what users can access. */
import { resolve } from "node:path";
import type { AccessProbe } from "./access.ts";
import { exists } from "../runtime/exists.ts";
import { runTool, tryTool } from "./tool.ts";

/** The user that `service install` creates, and its group. */
export const ownAccount = "injixo-cloud-link";
/** Marks the user as created here: only such a user is removed again. */
const comment = "injixo Cloud Link";

/** A user of the system. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** Created by `service install`. */
  readonly own: boolean;
}

/** The account of that name; `undefined` if there is none. */
export async function findAccount(name: string): Promise<Account | undefined> {
  const found = await tryTool("getent", ["passwd", name]);
  if (found === undefined) throw new Error(`Cannot look up the user "${name}": getent is not installed`);
  const [account, , uid, gid, gecos] = found.out.trim().split(":");
  if (found.code !== 0 || account === undefined || uid === undefined || gid === undefined) return undefined;
  return { name: account, uid: Number(uid), gid: Number(gid), own: name === ownAccount && gecos === comment };
}

/**
 * Home folders of all users but one. `owner`: a user to include even if a directory service does not list all its
 * users.
 */
export async function homesOfOthers(user: string, { owner }: { owner: number }): Promise<ReadonlySet<string>> {
  const listed = await Promise.all([[], [String(owner)]].map((which) => tryTool("getent", ["passwd", ...which])));
  const users = listed.flatMap((found) => (found?.out ?? "").split("\n")).map((line) => line.split(":"));
  return new Set(users.flatMap(([name, , , , , home]) => name === user || !home ? [] : [resolve(home)]));
}

/** Creates the services' own user, without a home and without a shell. */
export async function makeOwnAccount(): Promise<Account> {
  const shell = "/usr/sbin/nologin";
  const home = ["--no-create-home", "--home-dir", "/nonexistent", "--shell", shell];
  await runTool("useradd", ["--system", "--user-group", ...home, "--comment", comment, ownAccount]);
  const made = await findAccount(ownAccount);
  if (made === undefined) throw new Error(`Cannot create the user "${ownAccount}": useradd created none`);
  return made;
}

/** Removes the services' own user. */
export async function removeOwnAccount(): Promise<void> {
  await runTool("userdel", [ownAccount]);
}

/** Tests paths as the account, with all of its groups. */
export function probeAs({ name, gid }: Account): AccessProbe {
  const test = async (path: string, ...conditions: readonly string[]) => {
    const args = [`--reuid=${name}`, `--regid=${gid}`, "--init-groups", "test"];
    for (const condition of conditions) {
      const { code = 127 } = await tryTool("setpriv", [...args, condition, path]) ?? {};
      if (code === 1) return false;
      if (code !== 0) throw new Error(`Cannot test the rights of the user "${name}": setpriv ended with ${code}`);
    }
    return true;
  };
  return {
    enter: (folder) => test(folder, "-x"),
    read: async (path) => !await exists(path) || await test(path, "-r"),
  };
}
