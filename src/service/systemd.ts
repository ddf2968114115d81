/** Services under systemd: one unit in `/etc/systemd/system` for each installation folder. */
import { type Account, findAccount, makeOwnAccount, ownAccount, probeAs, removeOwnAccount } from "./account.ts";
import { exists } from "../runtime/exists.ts";
import { giveOwnFiles, grantRights, ownerOf, restoreRights } from "./folder_rights.ts";
import { viewOfHomes } from "./homes.ts";
import { refuseUnsuitableFolder, unpassableText, warnings } from "./install_checks.ts";
import type { Installation, ServiceManager, ServiceState } from "./service_manager.ts";
import { runTool, tryTool } from "./tool.ts";
import { unitText } from "./unit_file.ts";
import { installedState, lastWords } from "./unit_status.ts";
import { readUnit, removeUnit, show, type Unit, unitsOf, writeUnit } from "./units.ts";

/** Whether systemd runs this machine (sd_booted(3)). */
export async function isSystemdHere(): Promise<boolean> {
  return await Deno.lstat("/run/systemd/system").then(({ isDirectory }) => isDirectory, () => false);
}

/** Installs and controls units. Everything but `state` needs root. */
export class Systemd implements ServiceManager {
  async install(
    installation: Installation,
    options: { readonly user: string | undefined },
  ): Promise<readonly string[]> {
    const { name, folder } = installation;
    await refuseUnsuitableFolder(installation, options.user ?? ownAccount);
    const said: string[] = [];
    const old = await readUnit(name);
    await refuseTakenName(installation, old, "install");
    const earlier = old === undefined ? [] : [old];
    for (const other of await unitsOf(folder)) {
      if (other === name) continue;
      const unit = await readUnit(other);
      if (unit !== undefined) earlier.push(unit);
      await removeUnit(other);
      said.push(`Removed the service "${other}", which this folder had before.`);
    }
    const account = await accountFor(options.user, said);
    const before = earlier.flatMap(({ notes }) => notes?.changed ?? []);
    for (const { user, notes } of earlier) {
      if (user !== account.name) await restoreRights(notes?.changed ?? [], await groupOf(user));
    }
    const { changed, furtherGroups, said: saidOfRights } = await grantRights(installation, account);
    said.push(...saidOfRights);
    const homes = await viewOfHomes(installation, probeAs(account));
    const text = unitText({
      installation,
      user: account.name,
      group: String(account.gid),
      furtherGroups,
      homes,
      systemdVersion: await systemdVersion(),
      changed: [...before, ...changed.filter(({ path }) => !before.some((earlier) => earlier.path === path))],
    });
    said.push(...await writeUnit(name, text, { old: old?.text }));
    await runTool("systemctl", ["enable", "--quiet", `${name}.service`]);
    said.push(...await warnings(installation, { account, homes }));
    return said;
  }

  async uninstall(installation: Installation): Promise<readonly string[]> {
    const { name, folder } = installation;
    const names = await unitsOf(folder);
    if (names.length === 0) {
      const unit = await readUnit(name);
      if (unit === undefined) return [`No service is installed for the folder "${folder}".`];
      await refuseTakenName(installation, unit, "uninstall");
      names.push(name); // of a folder that has gone
    }
    const said: string[] = [];
    for (const each of names) said.push(...await uninstallUnit(each));
    if ((await findAccount(ownAccount))?.own && (await unitsOf(undefined)).length === 0) {
      await removeOwnAccount();
      said.push(`Removed the user "${ownAccount}".`);
    }
    return said;
  }

  async start(installation: Installation): Promise<void> {
    await this.#requireInstalled(installation, "start");
    const unit = `${installation.name}.service`;
    const { User = "" } = await show(unit, ["User"]);
    // Whoever ran the agent in the foreground has left files there.
    const account = await findAccount(User || "root");
    if (account !== undefined) await giveOwnFiles(installation.folder, account);
    const result = await tryTool("systemctl", ["start", unit]);
    if (result?.code === 0) return;
    const said = await lastWords(unit);
    const unpassable = account && await unpassableText(installation, { account });
    throw new Error(
      `Cannot start the service "${installation.name}": ${said || result?.err || "systemctl failed"}` +
        (unpassable === undefined ? "" : `\nThe reason may be that ${unpassable}`) +
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

  async #requireInstalled(installation: Installation, act: Act): Promise<void> {
    const unit = await readUnit(installation.name);
    if (unit?.notes?.folder === installation.folder) return;
    if (unit !== undefined) await refuseTakenName(installation, unit, act);
    throw new Error(
      `Cannot ${act} the service "${installation.name}": it is not installed` +
        (act === "stop" ? ", so there is none to stop" : `. Run: sudo "${installation.program}" service install`),
    );
  }
}

type Act = "install" | "uninstall" | "start" | "stop";

/**
 * The manual's remedy: every folder gets a name of its own. A folder that no longer exists has no claim to its name.
 */
async function refuseTakenName(installation: Installation, unit: Unit | undefined, act: Act): Promise<void> {
  if (unit === undefined || unit.notes?.folder === installation.folder) return;
  const { name, configFile } = installation;
  const owner = unit.notes?.folder;
  if (owner !== undefined && !await exists(owner)) return;
  const by = owner === undefined ? `another program's unit "${unit.path}"` : `the installation in "${owner}"`;
  const remedy = act === "uninstall" || act === "stop"
    ? `Do it from there, or correct "name" in the section [app] of "${configFile}"`
    : `Give this installation a name of its own: change "name" (in the manual also "naam") in the section [app] of ` +
      `"${configFile}", for example to "${name}.instance.1", then install the service from this folder`;
  throw new Error(`Cannot ${act} the service "${name}": the name belongs to ${by}. ${remedy}`);
}

/** Removes one unit and undoes what was changed for it. */
async function uninstallUnit(name: string): Promise<string[]> {
  const unit = await readUnit(name);
  const account = unit && await findAccount(unit.user);
  await removeUnit(name);
  const said = [`Stopped and removed the service "${name}".`];
  const folder = unit?.notes?.folder;
  if (folder === undefined) return said;
  if (!await exists(folder)) return [...said, `It belonged to the folder "${folder}", which no longer exists.`];
  if (account !== undefined) await restoreRights(unit?.notes?.changed ?? [], account);
  if (account?.own) await giveOwnFiles(folder, await ownerOf(folder));
  return [...said, `Log, state and configuration are still in "${folder}".`];
}

async function accountFor(user: string | undefined, said: string[]): Promise<Account> {
  const found = await findAccount(user ?? ownAccount);
  if (found !== undefined) return found;
  if (user !== undefined) throw new Error(`Cannot install the service: there is no user "${user}". Create it first`);
  said.push(`Created the user "${ownAccount}", which the service runs as.`);
  return await makeOwnAccount();
}

async function groupOf(user: string): Promise<{ gid: number }> {
  return { gid: (await findAccount(user))?.gid ?? -1 };
}

async function systemdVersion(): Promise<number> {
  return Number(/\d+/.exec(await runTool("systemctl", ["--version"]))?.[0] ?? 0);
}
