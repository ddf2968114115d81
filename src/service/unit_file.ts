/** The unit file of an installation: filled in from the template in `systemd/`, and what can be read back from it. */
import template from "../../systemd/injixo-cloud-link.service" with { type: "text" };
import type { Installation } from "./service_manager.ts";

/** A folder or file whose mode and group were changed for the service, as they were before. */
export interface ChangedMode {
  readonly path: string;
  readonly mode: number;
  readonly gid: number;
}

/** What the last section of the unit says. */
export interface UnitNotes {
  /** The installation folder that the service belongs to. */
  readonly folder: string;
  readonly changed: readonly ChangedMode[];
}

/** How the service sees the folders that belong to users. */
export interface HomeView {
  /** Home folders are hidden, because the service's user may not pass through them to a path that it needs. */
  readonly hidden: boolean;
  /** Shown all the same, at their own paths. */
  readonly writable: readonly string[];
  readonly readable: readonly string[];
}

/** What the template is filled in with. */
export interface UnitOptions {
  readonly installation: Installation;
  readonly user: string;
  readonly group: string;
  /** Groups through which the user may write the folder. */
  readonly furtherGroups: readonly number[];
  readonly homes: HomeView;
  /** Version of systemd: older ones do not know every key. */
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
    program: quoted(program), // no variables are put into the program's path, only into its arguments
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

/** What the unit says of itself; `undefined` when it is not one of ours. */
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
 * A path as one word of a unit file: in quotes, with `%` doubled.
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
 * Whether systemd takes the path in every place of the unit: as the program's it has no quotation marks and no
 * backslashes, whatever is around them (`string_is_safe` in its sources).
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

/** Where the unit lies, and drop-ins for it. */
export function unitPath(name: string, folder: string = unitFolder): string {
  return `${folder}/${name}.service`;
}
/** Where administrators' units are. */
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
