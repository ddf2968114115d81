/** The unit file of an installation: generated from the template in `systemd/`, and what can be read back from it. */
import template from "../../systemd/injixo-cloud-link.service" with { type: "text" };
import type { Installation } from "./service_manager.ts";

/** The previous mode and group of a folder or file that was changed for the service. */
export interface ChangedMode {
  readonly path: string;
  readonly mode: number;
  readonly gid: number;
}

/** The content of the unit's last section. */
export interface UnitNotes {
  /** The installation folder that the service belongs to. */
  readonly folder: string;
  readonly changed: readonly ChangedMode[];
}

/** How the service sees users' home folders. */
export interface HomeView {
  /** Home folders are hidden, because the service's user cannot traverse them to a path that it needs. */
  readonly hidden: boolean;
  /** Shown all the same, at their own paths. */
  readonly writable: readonly string[];
  readonly readable: readonly string[];
}

/** The values for the template. */
export interface UnitOptions {
  readonly installation: Installation;
  readonly user: string;
  readonly group: string;
  /** Groups through which the user may write to the folder. */
  readonly furtherGroups: readonly number[];
  readonly homes: HomeView;
  /** Version of systemd: older ones do not support every key. */
  readonly systemdVersion: number;
  readonly changed: readonly ChangedMode[];
}

/** First version with `RestartSteps=` and `RestartMaxDelaySec=`. */
const growingDelaysSince = 254;

/** The text of the unit file. */
export function unitText(options: UnitOptions): string {
  const { installation, user, group, furtherGroups, homes, systemdVersion } = options;
  const { name, folder, program, configFile } = installation;
  const fixed = [program, configFile, `${folder}/licenses`].map((path) => quoted(`-${path}`));
  const values: Record<string, string> = {
    name,
    folder: quoted(folder),
    program: quoted(program), // variables are expanded only in the arguments
    config: quoted(configFile).replaceAll("$", "$$$$"),
    user,
    group,
    groups: furtherGroups.length === 0 ? "" : `SupplementaryGroups=${furtherGroups.join(" ")}`,
    restart: systemdVersion >= growingDelaysSince
      ? "RestartSec=2\nRestartSteps=6\nRestartMaxDelaySec=5min"
      : "RestartSec=10",
    fixed: fixed.join(" "),
    homes: homeLines(homes).join("\n"),
    notes: noteLines({ folder, changed: options.changed }).join("\n"),
  };
  return template.replace(/^@(\w+)@\n/gm, (_, key: string) => values[key] ? `${values[key]}\n` : "")
    .replace(/@(name|folder|program|config|user|group|fixed)@/g, (_, key: string) => values[key] ?? "");
}

/** The notes in a unit; `undefined` if it is not one of ours. */
export function readNotes(unit: string): UnitNotes | undefined {
  const section = unit.split(/^\[X-Cloud-Link\]$/m)[1];
  const folder = section === undefined ? undefined : /^Folder=(.+)$/m.exec(section)?.[1];
  if (section === undefined || folder === undefined) return undefined;
  const changed = Array.from(
    section.matchAll(/^Changed=([0-7]+) (\d+) (.+)$/gm),
    ([, mode = "", gid = "", path = ""]) => ({
      mode: parseInt(mode, 8),
      gid: Number(gid),
      path,
    }),
  );
  return { folder, changed };
}

/**
 * A path as one word of a unit file: quoted, with `%` doubled.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(quoted("/srv/a b%"), '"/srv/a b%%"');
 * ```
 */
export function quoted(path: string): string {
  return `"${path.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("%", "%%")}"`;
}

/**
 * Whether systemd accepts the path everywhere in the unit: a program's path must not contain quotation marks or
 * backslashes, however quoted (`string_is_safe` in its sources).
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(["/opt/a b%$ü", "/opt/o'brien", "/opt/a\\b"].map(canBeInUnit), [true, false, false]);
 * ```
 */
export function canBeInUnit(path: string): boolean {
  return !/["'\\\p{Cc}]/u.test(path);
}

/** The path of the unit, and of its drop-ins. */
export function unitPath(name: string, folder: string = unitFolder): string {
  return `${folder}/${name}.service`;
}
/** The folder for administrators' units. */
export const unitFolder = "/etc/systemd/system";

function homeLines({ hidden, writable, readable }: HomeView): string[] {
  const list = (paths: readonly string[]) => paths.map((path) => quoted(`-${path}`)).join(" ");
  return [
    `ProtectHome=${hidden ? "tmpfs" : "read-only"}`,
    ...(writable.length === 0 ? [] : [`BindPaths=${list(writable)}`]),
    ...(readable.length === 0 ? [] : [`BindReadOnlyPaths=${list(readable)}`]),
  ];
}

function noteLines({ folder, changed }: UnitNotes): string[] {
  return [`Folder=${folder}`, ...changed.map(({ mode, gid, path }) => `Changed=${mode.toString(8)} ${gid} ${path}`)];
}
