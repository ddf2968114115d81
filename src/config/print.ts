/** Shows the effective configuration, as `config` prints it. Secrets are masked. */
import { stringify } from "smol-toml";
import type { LoadedConfig, Origin } from "./load.ts";
import { schema } from "./schema.ts";
import type { Kind } from "./value.ts";

const mask = "***";

/** One line of the effective configuration. */
interface Entry {
  readonly section: string;
  readonly key: string;
  /** `undefined`: not set, and there is no default. */
  readonly value: unknown;
  readonly origin: Origin;
}

/** The configuration as TOML, with the origin of each value as a comment. It can be used as a file. */
export function configAsToml(loaded: LoadedConfig): string {
  const exists = loaded.fileExists ? "" : " (does not exist: defaults)";
  const lines = [`# ${loaded.config.file}${exists}`];
  let section: string | undefined;
  for (const entry of entries(loaded)) {
    if (entry.section !== section) lines.push("", `[${entry.section}]`);
    section = entry.section;
    if (entry.value === undefined) lines.push(`# ${entry.key} is not set`);
    else lines.push(`${stringify({ [entry.key]: entry.value }).trimEnd()} # ${entry.origin}`);
  }
  return lines.join("\n") + "\n";
}

/** The configuration as one object: `{file, fileExists, folder, app: {name: {value, origin}, …}, …}`. */
export function configAsJson(loaded: LoadedConfig): Record<string, unknown> {
  const { file, folder } = loaded.config;
  const sections: Record<string, Record<string, unknown>> = {};
  for (const { section, key, value, origin } of entries(loaded)) {
    (sections[section] ??= {})[key] = { value: value ?? null, origin };
  }
  return { file, fileExists: loaded.fileExists, folder, ...sections };
}

function entries(loaded: LoadedConfig): Entry[] {
  return Object.entries(schema).flatMap(([section, kinds]) =>
    Object.entries(kinds as Record<string, Kind<unknown>>).map(([key, kind]) => {
      const values = loaded.values[section as keyof typeof schema] as Record<string, unknown>;
      const value = values[key];
      const shown = value === undefined ? undefined : kind.secret ? mask : value instanceof URL ? value.origin : value;
      return { section, key, value: shown, origin: loaded.origins.get(`${section}.${key}`) ?? "default" };
    })
  );
}
