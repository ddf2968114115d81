/**
 * Reads `injixo-cloud-link.toml`. A syntax error is shown with its position; all other errors are collected and shown
 * together, each with its key, its value and what would be right.
 */
import nativePath, { type PlatformPath } from "node:path";
import { parse, TomlError } from "smol-toml";
import { parseDailyWindow } from "../runtime/daily_window.ts";
import { errorText } from "../runtime/error_text.ts";
import type { Config } from "./config.ts";
import { databaseConfig, databaseProblems } from "./database_section.ts";
import { configFileName, defaultFolder } from "./installation_folder.ts";
import { nearest } from "./nearest.ts";
import { ConfigError, type ConfigProblem } from "./problems.ts";
import { aliases, schema, type Values } from "./schema.ts";
import { findLine } from "./source_lines.ts";
import type { Kind, ValueContext } from "./value.ts";

/** Larger files are refused, in bytes. */
const configBytesMax = 1024 * 1024;
const bytesPerMegabyte = 1024 * 1024;

/** Where a value comes from. */
export type Origin = "file" | "default";

/** A configuration and where each of its values comes from. */
export interface LoadedConfig {
  readonly config: Config;
  readonly values: Values;
  /** By `section.key`. */
  readonly origins: ReadonlyMap<string, Origin>;
  /** Whether `config.file` exists. */
  readonly fileExists: boolean;
}

/** Where to look, for tests. */
export interface LoadOptions {
  /**
   * The installation folder if no file is given.
   *
   * @default the executable's folder; in a checkout, the current folder
   */
  readonly folder?: string;
}

/**
 * The effective configuration: from the named file, which must exist, or from the installation folder's, which need
 * not.
 *
 * @throws {ConfigError} if it cannot be used
 */
export function loadConfig(file: string | undefined, options: LoadOptions = {}): Config {
  return loadConfigWithOrigins(file, options).config;
}

/** Like {@linkcode loadConfig}, with what `config` prints. */
export function loadConfigWithOrigins(file: string | undefined, options: LoadOptions = {}): LoadedConfig {
  const path = file === undefined
    ? nativePath.join(options.folder ?? defaultFolder(), configFileName)
    : nativePath.resolve(file);
  const source = readSource(path, { required: file !== undefined });
  const folder = Deno.realPathSync(nativePath.dirname(path));
  const absolute = nativePath.join(folder, nativePath.basename(path));
  return { ...parseConfig(source ?? "", { folder, file: absolute }), fileExists: source !== undefined };
}

/** A configuration, or what can be read of it and why it cannot be used. */
export type ReadableConfig = LoadedConfig | { readonly config: Config; readonly error: ConfigError };

/**
 * Like {@linkcode loadConfigWithOrigins}, for commands that help while it cannot be used.
 *
 * @throws {ConfigError} if the named file does not exist
 */
export function loadReadableConfig(file: string | undefined, options: LoadOptions = {}): ReadableConfig {
  try {
    return loadConfigWithOrigins(file, options);
  } catch (error) {
    if (!(error instanceof ConfigError) || error.cause instanceof Deno.errors.NotFound) throw error;
    return { config: error.readable ?? defaultsInsteadOf(error), error };
  }
}

/**
 * The defaults, in the place of a file that cannot be used.
 *
 * @throws {ConfigError} the same one if its folder cannot be used either
 */
export function defaultsInsteadOf(error: ConfigError): Config {
  try {
    const folder = Deno.realPathSync(nativePath.dirname(error.file));
    return parseConfig("", { folder, file: nativePath.join(folder, nativePath.basename(error.file)) }).config;
  } catch {
    throw error;
  }
}

/**
 * Parses a configuration's text.
 *
 * @throws {ConfigError} if it cannot be used
 */
export function parseConfig(
  source: string,
  options: { folder: string; file: string; path?: PlatformPath },
): Omit<LoadedConfig, "fileExists"> {
  const { folder, file, path = nativePath } = options;
  const { values, origins, problems } = readTables(parseToml(source, file), source, { folder, path });
  const config = toConfig(values, { folder, file });
  if (problems.length > 0) throw new ConfigError(file, problems, { readable: config });
  return { config, values, origins };
}

function readSource(path: string, options: { required: boolean }): string | undefined {
  let bytes: Uint8Array;
  try {
    const { isFile, size } = Deno.statSync(path);
    if (!isFile) throw new ConfigError(path, [{ key: "", message: "it is not a file" }]);
    if (size > configBytesMax) {
      throw new ConfigError(path, [{ key: "", message: `it has ${size} bytes; the maximum is ${configBytesMax}` }]);
    }
    bytes = Deno.readFileSync(path);
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    if (cause instanceof Deno.errors.NotFound) {
      if (!options.required) return undefined;
      throw new ConfigError(path, [{
        key: "",
        message:
          "it does not exist. Give --config the path of an existing file, or leave it out to use the file beside the executable",
      }], { cause });
    }
    const reason = cause instanceof Deno.errors.PermissionDenied
      ? "this user may not read it. Give the user that runs the agent the right to read it"
      : `it cannot be read: ${errorText(cause)}`;
    throw new ConfigError(path, [{ key: "", message: reason }], { cause });
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes); // drops a byte order mark
  } catch (cause) {
    throw new ConfigError(path, [{ key: "", message: "it is not UTF-8 text. Save it again as UTF-8" }], { cause });
  }
}

function parseToml(source: string, file: string): Record<string, unknown> {
  try {
    return parse(source);
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    const [reason = ""] = cause.message.split("\n");
    const line = source.split(/\r?\n/)[cause.line - 1] ?? "";
    // A missing quote must not expose a password in a connection string.
    const isSecret = /passw|pwd|connectionString|:.*@/i.test(line);
    const marked = isSecret
      ? "(this line is not shown: it may hold a password)"
      : `${line.trimEnd()}\n${line.slice(0, cause.column - 1).replace(/[^\t]/g, " ")}^`;
    const remedy = line.includes("\\") ? '\nIn quotes write each backslash twice: "C:\\\\import".' : "";
    const message = `${reason.replace("Invalid TOML document: ", "")}\n${marked}${remedy}`;
    throw new ConfigError(file, [{ key: "", line: cause.line, message }], { cause });
  }
}

function readTables(tables: Record<string, unknown>, source: string, context: ValueContext) {
  const problems: ConfigProblem[] = [];
  const complain = (place: { section?: string; key?: string }, message: string) => {
    const line = findLine(source, place);
    const section = place.section === undefined ? "" : `[${place.section}]`;
    const key = [section, place.key].filter((part) => part !== undefined && part !== "").join(" ");
    problems.push({ key: withoutPassword(key, "a name"), message, ...(line === undefined ? {} : { line }) });
  };
  for (const [name, table] of Object.entries(tables)) {
    if (Object.hasOwn(schema, name)) {
      if (!isTable(table)) complain({ key: name }, `must be a section: a line "[${name}]" with its keys below it`);
    } else if (isTable(table)) {
      const near = nearest(name, Object.keys(schema));
      const known = Object.keys(schema).map((section) => `[${section}]`).join(", ");
      complain({ section: name }, `unknown section. ${near ? `Did you mean [${near}]?` : `There are ${known}.`}`);
    } else {
      complain({ key: name }, `is outside any section. ${suggestKey(name, undefined)}`);
    }
  }
  const origins = new Map<string, Origin>();
  const values: Record<string, Record<string, unknown>> = {};
  for (const [section, kinds] of Object.entries(schema)) {
    const table = tables[section];
    values[section] = readSection(section, kinds, {
      table: isTable(table) ? table : {},
      context,
      origins,
      complain: (key, message) => complain({ section, key }, message),
    });
  }
  const read = values as unknown as Values;
  for (const { key, message } of databaseProblems(read.database)) complain({ section: "database", key }, message);
  return { values: read, origins, problems };
}

function readSection(
  section: string,
  kinds: Readonly<Record<string, Kind<unknown>>>,
  options: {
    table: Record<string, unknown>;
    context: ValueContext;
    origins: Map<string, Origin>;
    complain: (key: string, message: string) => void;
  },
): Record<string, unknown> {
  const { table, context, origins, complain } = options;
  const given = new Map<string, { spelling: string; value: unknown }>();
  for (const [spelling, value] of Object.entries(table)) {
    const sectionAliases = aliases[section] ?? {};
    const key = Object.hasOwn(sectionAliases, spelling) ? sectionAliases[spelling] ?? spelling : spelling;
    const other = given.get(key);
    if (!Object.hasOwn(kinds, key)) {
      complain(spelling, `unknown key. ${suggestKey(spelling, section)}`);
    } else if (other !== undefined) {
      complain(spelling, `means the same as "${other.spelling}", which is there too. Remove one of the two`);
    } else {
      given.set(key, { spelling, value });
    }
  }
  const values: Record<string, unknown> = {};
  for (const [key, kind] of Object.entries(kinds)) {
    const own = given.get(key);
    origins.set(`${section}.${key}`, own === undefined ? "default" : "file");
    const raw = own === undefined ? kind.fallback : own.value;
    if (raw === undefined) continue;
    const parsed = kind.parse(raw, context);
    if ("problem" in parsed) complain(own?.spelling ?? key, `${showValue(raw, kind.secret)} ${parsed.problem}`);
    const usable = "value" in parsed ? parsed : kind.parse(kind.fallback, context);
    if ("value" in usable) values[key] = usable.value;
  }
  return values;
}

/** Where the key belongs, or what was probably meant. */
function suggestKey(name: string, section: string | undefined): string {
  for (const [other, kinds] of Object.entries(schema)) {
    if (Object.hasOwn(kinds, name) || Object.hasOwn(aliases[other] ?? {}, name)) {
      return `It belongs below the line "[${other}]".`;
    }
  }
  const candidates = section === undefined
    ? Object.values(schema).flatMap((kinds) => Object.keys(kinds))
    : [...Object.keys(schema[section as keyof typeof schema]), ...Object.keys(aliases[section] ?? {})];
  const near = nearest(name, candidates);
  if (near !== undefined) return `Did you mean "${near}"?`;
  const place = section === undefined ? "There are" : `[${section}] has`;
  return `${place} ${candidates.join(", ")}.`;
}

/** Longest value that a message repeats, in characters. */
const shownCharactersMax = 100;

function showValue(value: unknown, secret: boolean): string {
  if (secret) return "the value";
  const json = withoutPassword(JSON.stringify(value) ?? String(value), "the value");
  return json.length > shownCharactersMax ? `${json.slice(0, shownCharactersMax)}…` : json;
}

/** By mistake, a connection string or an address with a password may stand in any value, and in place of any name. */
function withoutPassword(text: string, what: string): string {
  const masked = text.replace(/(:\/\/[^\s/:@"]*):[^\s/"]*@/g, "$1:***@").replace(/:[^\s:/"@]+@/g, ":***@");
  return /(?:passw\w*|pwd)\s*=/i.test(masked) ? `${what} (not shown: it may hold a password)` : masked;
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function toConfig(values: Values, place: { folder: string; file: string }): Config {
  const { app, hub, csv, spool, upload, database } = values;
  const window = parseDailyWindow(upload.window ?? "");
  return {
    ...place,
    app: { name: app.name, verbose: app.verbose, importDirectory: app.importDirectory },
    hub: {
      url: hub.url,
      ...(hub.caFile === undefined ? {} : { caFile: hub.caFile }),
      ...(hub.account === undefined ? {} : { account: hub.account }),
      objectStoreHosts: hub.objectStoreHosts,
    },
    csv: { settleMs: csv.settleSeconds * 1000, pollMs: csv.pollSeconds * 1000 },
    spool: {
      bytesMax: spool.maxMegabytes * bytesPerMegabyte,
      freeBytesMin: spool.keepFreeMegabytes * bytesPerMegabyte,
      keepDays: spool.keepDays,
    },
    upload: {
      ...(upload.maxBytesPerSecond === undefined ? {} : { bytesPerSecondMax: upload.maxBytesPerSecond }),
      ...(window === undefined ? {} : { window }),
    },
    database: databaseConfig(database),
  };
}
