/** The units of installations: finding, writing and removing them. */
import { ignoreMissing } from "../runtime/ignore_missing.ts";
import { exists } from "../runtime/exists.ts";
import { readNotes, unitFolder, type UnitNotes, unitPath } from "./unit_file.ts";
import { runTool, tryTool } from "./tool.ts";

/** A unit, ours or another program's. */
export interface Unit {
  readonly path: string;
  readonly text: string;
  /** `undefined`: not one of ours. */
  readonly notes: UnitNotes | undefined;
  readonly user: string;
}

/** The unit of that name, wherever systemd finds it. */
export async function readUnit(name: string): Promise<Unit | undefined> {
  const own = unitPath(name);
  const path = await Deno.lstat(own).then(() => own, () => undefined) ??
    (await show(`${name}.service`, ["FragmentPath"])).FragmentPath;
  if (!path) return undefined;
  const text = await Deno.readTextFile(path).catch(() => "");
  return { path, text, notes: readNotes(text), user: /^User=(.+)$/m.exec(text)?.[1] ?? "root" };
}

/** Names of the services of a folder, or of all folders. */
export async function unitsOf(folder: string | undefined): Promise<string[]> {
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

/** Names of the services of a folder; none where there is no systemd. */
export async function serviceNamesOf(folder: string): Promise<string[]> {
  return await exists(unitFolder) ? await unitsOf(folder) : [];
}

/** The user of a folder's service, according to its unit; `undefined` if the folder has none. */
export async function serviceUserOf(folder: string): Promise<string | undefined> {
  const [name] = await serviceNamesOf(folder);
  return name === undefined ? undefined : (await readUnit(name))?.user;
}

/** Writes the unit of that name; returns what was done. */
export async function writeUnit(name: string, text: string, { old }: { old: string | undefined }): Promise<string[]> {
  const path = unitPath(name);
  if (text === old) return [`The service "${name}" is already installed.`];
  await Deno.writeTextFile(`${path}.new`, text, { mode: 0o644 });
  await Deno.chmod(`${path}.new`, 0o644);
  await Deno.rename(`${path}.new`, path);
  await runTool("systemctl", ["daemon-reload"]);
  if (old === undefined) return [`Installed the service "${name}" (${path}).`];
  return [`Updated the service "${name}" (${path}). Restart it to apply the change.`];
}

/**
 * Stops the service and removes its unit. systemd neither stops nor disables a unit that it cannot load: the unit is
 * removed all the same, and what still runs is stopped once systemd has forgotten the file.
 */
export async function removeUnit(name: string): Promise<void> {
  const unit = `${name}.service`;
  await tryTool("systemctl", ["stop", unit]);
  await tryTool("systemctl", ["disable", "--quiet", unit]);
  for (const path of [`${unitFolder}/multi-user.target.wants/${unit}`, unitPath(name)]) {
    await Deno.remove(path).catch(ignoreMissing);
  }
  await runTool("systemctl", ["daemon-reload"]);
  await tryTool("systemctl", ["stop", unit]); // fails, like the next one, when nothing is left of it
  await tryTool("systemctl", ["reset-failed", unit]);
  const { ActiveState } = await show(unit, ["ActiveState"]);
  if (ActiveState === "inactive") return;
  throw new Error(
    `Cannot stop the service "${name}": systemd says that it is ${ActiveState}. Its unit has been removed. See: systemctl status ${unit}`,
  );
}

/** Properties of a unit; an unknown one has them too, but empty. */
export async function show(unit: string, properties: readonly string[]): Promise<Readonly<Record<string, string>>> {
  const text = await runTool("systemctl", ["show", `--property=${properties.join(",")}`, unit]);
  return Object.fromEntries(
    text.split("\n").map((line) => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}
