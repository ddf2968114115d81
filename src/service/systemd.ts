/** Services under systemd: one unit in `/etc/systemd/system` for each installation folder. */
import {
  type Account,
  findAccount,
  homesOfOthers,
  makeOwnAccount,
  ownAccount,
  probeAs,
  removeOwnAccount,
} from "./account.ts";
import { missingRight, missingRightText } from "./access.ts";
import { giveOwnFiles, grantRights, restoreRights } from "./folder_rights.ts";
import { viewOfHomes } from "./homes.ts";
import { unsuitableFolder } from "./rights_plan.ts";
import type { Installation, InstalledState, ServiceManager, ServiceState } from "./service_manager.ts";
import { runTool, tryTool } from "./tool.ts";
import { canBeInUnit, readNotes, unitFolder, type UnitNotes, unitPath, unitText } from "./unit_file.ts";

/** Lines of the journal that a failed start repeats. */
const shownLines = 10;

/** Whether systemd runs this machine (sd_booted(3)). */
export async function isSystemdHere(): Promise<boolean> {
  return await Deno.lstat("/run/systemd/system").then(({ isDirectory }) => isDirectory, () => false);
}

/** Installs and steers units. Everything but `state` needs root. */
export class Systemd implements ServiceManager {
  async install(
    installation: Installation,
    options: { readonly user: string | undefined },
  ): Promise<readonly string[]> {
    const { name, folder } = installation;
    await refuseUnsuitableFolder(installation, options.user ?? ownAccount);
    const said: string[] = [];
    const old = await readUnit(name);
    await refuseTakenName(installation, old);
    for (const other of await unitsOf(folder)) {
      if (other === name) continue;
      await removeUnit(other);
      said.push(`Removed the service "${other}", which this folder had before.`);
    }
    const account = await accountFor(options.user, said);
    const before = old?.notes?.changed ?? [];
    if (old !== undefined && old.user !== account.name) await restoreRights(before, await groupOf(old.user));
    const { changed, furtherGroups, said: saidOfRights } = await grantRights(installation, account);
    said.push(...saidOfRights);
    const text = unitText({
      installation,
      user: account.name,
      group: String(account.gid),
      furtherGroups,
      homes: await viewOfHomes(installation, probeAs(account)),
      systemdVersion: await systemdVersion(),
      changed: [...before, ...changed.filter(({ path }) => !before.some((earlier) => earlier.path === path))],
    });
    said.push(...await writeUnit(name, text, { old: old?.text }));
    await runTool("systemctl", ["enable", "--quiet", `${name}.service`]);
    said.push(...await warnings(installation, account));
    return said;
  }

  async uninstall(installation: Installation): Promise<readonly string[]> {
    const { name, folder } = installation;
    const names = await unitsOf(folder);
    if (names.length === 0) {
      const unit = await readUnit(name);
      if (unit !== undefined) await refuseTakenName(installation, unit);
      return [`No service is installed for the folder "${folder}".`];
    }
    const said: string[] = [];
    for (const each of names) {
      const unit = await readUnit(each);
      const account = unit && await findAccount(unit.user);
      await removeUnit(each);
      said.push(`Stopped and removed the service "${each}".`);
      if (unit === undefined || account === undefined) continue;
      await restoreRights(unit.notes?.changed ?? [], account);
      if (account.own) await giveOwnFiles(folder, await ownerOf(folder));
    }
    if ((await findAccount(ownAccount))?.own && (await unitsOf(undefined)).length === 0) {
      await removeOwnAccount();
      said.push(`Removed the user "${ownAccount}".`);
    }
    said.push(`Log, state and configuration are still in "${folder}".`);
    return said;
  }

  async start(installation: Installation): Promise<void> {
    await this.#requireInstalled(installation, "start");
    const unit = `${installation.name}.service`;
    const result = await tryTool("systemctl", ["start", unit]);
    if (result?.code === 0) return;
    const said = await lastWords(unit);
    throw new Error(
      `Cannot start the service "${installation.name}": ${said || result?.err || "systemctl failed"}` +
        `\nMore is in "${installation.folder}/injixo-cloud-link.log" and in: journalctl -u ${unit}`,
    );
  }

  async stop(installation: Installation): Promise<void> {
    await this.#requireInstalled(installation, "stop");
    await runTool("systemctl", ["stop", `${installation.name}.service`]);
  }

  async state(installation: Installation): Promise<ServiceState> {
    const unit = await readUnit(installation.name);
    if (unit === undefined || unit.notes?.folder !== installation.folder) {
      return { state: "not-installed", takenBy: unit && (unit.notes?.folder ?? unit.path) };
    }
    return { ...await installedState(`${installation.name}.service`), place: unit.path };
  }

  async #requireInstalled(installation: Installation, act: string): Promise<void> {
    const unit = await readUnit(installation.name);
    if (unit?.notes?.folder === installation.folder) return;
    if (unit !== undefined) await refuseTakenName(installation, unit, act);
    throw new Error(
      `Cannot ${act} the service "${installation.name}": it is not installed. ` +
        `Run: sudo "${installation.program}" service install`,
    );
  }
}

interface Unit {
  readonly path: string;
  readonly text: string;
  /** `undefined`: not one of ours. */
  readonly notes: UnitNotes | undefined;
  readonly user: string;
}

/** The unit of that name, wherever systemd finds it. */
async function readUnit(name: string): Promise<Unit | undefined> {
  const own = unitPath(name);
  const path = await Deno.lstat(own).then(() => own, () => undefined) ??
    (await show(`${name}.service`, ["FragmentPath"])).FragmentPath;
  if (!path) return undefined;
  const text = await Deno.readTextFile(path).catch(() => "");
  return { path, text, notes: readNotes(text), user: /^User=(.+)$/m.exec(text)?.[1] ?? "root" };
}

/** Names of the services of a folder; without one, of all folders. */
async function unitsOf(folder: string | undefined): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(unitFolder)) {
    if (!name.endsWith(".service")) continue;
    const notes = readNotes(await Deno.readTextFile(`${unitFolder}/${name}`).catch(() => ""));
    if (notes !== undefined && (folder === undefined || notes.folder === folder)) {
      names.push(name.slice(0, -".service".length));
    }
  }
  return names;
}

/** The manual's remedy: every folder takes a name of its own. A folder that has gone has no claim to its name. */
async function refuseTakenName(installation: Installation, unit: Unit | undefined, act = "install"): Promise<void> {
  if (unit === undefined || unit.notes?.folder === installation.folder) return;
  const { name, configFile } = installation;
  const owner = unit.notes?.folder;
  const gone = owner !== undefined && await Deno.stat(owner).then(() => false, () => true);
  if (gone && act === "install") return;
  const by = owner === undefined ? `another program's unit "${unit.path}"` : `the installation in "${owner}"`;
  throw new Error(
    `Cannot ${act} the service "${name}": the name belongs to ${by}. Give this installation a name of its own: change ` +
      `"name" (in the manual also "naam") in the section [app] of "${configFile}", for example to ` +
      `"${name}.instance.1", then install the service from this folder`,
  );
}

/** What the service's user would have to be let into is the installation's alone. */
async function refuseUnsuitableFolder({ folder, program, configFile }: Installation, user: string): Promise<void> {
  const unsuitable = unsuitableFolder(folder, await homesOfOthers(user, { owner: (await ownerOf(folder)).uid }));
  if (unsuitable !== undefined) {
    const own = "/opt/injixo-cloud-link";
    throw new Error(
      `Cannot install the service: it would need rights in the whole of "${folder}", and ${unsuitable}. Give the ` +
        `installation a folder of its own:\n  sudo mkdir ${own} && sudo mv "${program}" "${configFile}" ${own}/\n` +
        `  sudo ${own}/injixo-cloud-link service install`,
    );
  }
  const path = [program, folder, configFile].find((each) => !canBeInUnit(each));
  if (path === undefined) return;
  throw new Error(
    `Cannot install the service: systemd takes no quotation mark, backslash or control character in the path of a ` +
      `program, as in "${path}". Rename the folder`,
  );
}

async function accountFor(user: string | undefined, said: string[]): Promise<Account> {
  const found = await findAccount(user ?? ownAccount);
  if (found !== undefined) return found;
  if (user !== undefined) throw new Error(`Cannot install the service: there is no user "${user}". Make it first`);
  said.push(`Made the user "${ownAccount}", which the service runs as.`);
  return await makeOwnAccount();
}

async function writeUnit(name: string, text: string, { old }: { old: string | undefined }): Promise<string[]> {
  const path = unitPath(name);
  if (text === old) return [`The service "${name}" is installed already.`];
  await Deno.writeTextFile(`${path}.new`, text, { mode: 0o644 });
  await Deno.chmod(`${path}.new`, 0o644);
  await Deno.rename(`${path}.new`, path);
  await runTool("systemctl", ["daemon-reload"]);
  if (old === undefined) return [`Installed the service "${name}" (${path}).`];
  return [`Installed the service "${name}" anew (${path}). Restart it to use the change.`];
}

async function removeUnit(name: string): Promise<void> {
  await runTool("systemctl", ["disable", "--now", "--quiet", `${name}.service`]);
  await Deno.remove(unitPath(name));
  await runTool("systemctl", ["daemon-reload"]);
  await tryTool("systemctl", ["reset-failed", `${name}.service`]); // fails when there is nothing to reset
}

/** What will not work although the service is installed. */
async function warnings({ importDirectory, folder }: Installation, account: Account): Promise<string[]> {
  if (importDirectory === folder || importDirectory.startsWith(`${folder}/`)) return [];
  const missing = await missingRight(importDirectory, probeAs(account));
  if (missing === undefined) return [];
  return [`Warning: the import folder "${importDirectory}" cannot be read: ${missingRightText(missing, account.name)}`];
}

async function groupOf(user: string): Promise<{ gid: number }> {
  return { gid: (await findAccount(user))?.gid ?? -1 };
}

async function ownerOf(folder: string): Promise<{ uid: number; gid: number }> {
  const { uid, gid } = await Deno.stat(folder);
  return { uid: uid ?? 0, gid: gid ?? 0 };
}

async function systemdVersion(): Promise<number> {
  return Number(/\d+/.exec(await runTool("systemctl", ["--version"]))?.[0] ?? 0);
}

/** Properties of a unit; that of an unknown one has them too, but empty. */
async function show(unit: string, properties: readonly string[]): Promise<Readonly<Record<string, string>>> {
  const text = await runTool("systemctl", ["show", `--property=${properties.join(",")}`, unit]);
  return Object.fromEntries(
    text.split("\n").map((line) => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}

const states: Readonly<Record<string, InstalledState["state"]>> = {
  active: "running",
  inactive: "stopped",
  failed: "failed",
};

async function installedState(unit: string): Promise<Omit<InstalledState, "place">> {
  const { ActiveState = "unknown", SubState, StateChangeTimestamp, UnitFileState, User, StatusText, NRestarts } =
    await show(unit, [
      "ActiveState",
      "SubState",
      "StateChangeTimestamp",
      "UnitFileState",
      "User",
      "StatusText",
      "NRestarts",
    ]);
  return {
    state: states[ActiveState] ?? "changing",
    description: `${ActiveState} (${SubState})`,
    since: timestamp(StateChangeTimestamp ?? ""),
    automatic: UnitFileState === "enabled",
    user: User || "root",
    said: StatusText || undefined,
    restarts: NRestarts === undefined ? undefined : Number(NRestarts),
  };
}

/**
 * A time as systemd writes it for tools, which run with `TZ=UTC`: `--timestamp=unix` is newer than many a system.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(timestamp("Mon 2026-11-30 16:29:33 UTC"), "2026-11-30T16:29:33.000Z");
 * assertEquals(timestamp(""), undefined);
 * ```
 */
export function timestamp(text: string): string | undefined {
  const [, day, time] = /(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC$/.exec(text) ?? [];
  return day === undefined ? undefined : `${day}T${time}.000Z`;
}

/** What the last run of the service wrote to standard error. */
async function lastWords(unit: string): Promise<string> {
  const { InvocationID } = await show(unit, ["InvocationID"]);
  if (!InvocationID) return "";
  const args = ["--output=cat", "--quiet", "--no-pager", `--lines=${shownLines}`];
  const result = await tryTool("journalctl", [...args, `_SYSTEMD_INVOCATION_ID=${InvocationID}`]);
  return result?.out.trim() ?? "";
}
