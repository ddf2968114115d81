/**
 * Every section and key of `injixo-cloud-link.toml`, with its default and its limits. A new key takes one line here,
 * one in `config.ts`, one in `load.ts` and a paragraph in the shipped `injixo-cloud-link.toml` (a test compares them).
 */
import { parseDailyWindow } from "../runtime/daily_window.ts";
import { hostPatternProblem, hubUrl } from "./address.ts";
import { databaseTypes } from "./config.ts";
import { choice, flag, list, number, path, text, type ValueOf } from "./value.ts";

/** Default of `[app] name`. */
const defaultAppName = "com.injixo.cloud-link";

const appName = text({
  fallback: defaultAppName,
  expected: "a name such as com.injixo.cloud-link.instance.1",
  charactersMax: 100,
  check: (value) =>
    /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(value)
      ? undefined
      : "must consist of letters (a to z), digits, dots, hyphens and underscores, and begin with a letter or digit: " +
        "the service gets this name",
});

/** By section and key as in the TOML; each value knows its default, its limits and its error message. */
export const schema = {
  app: {
    name: appName,
    verbose: flag(false),
    importDirectory: path({ fallback: ".", what: "a folder" }),
  },
  hub: {
    url: hubUrl({ fallback: "https://www.injixo.com" }),
    caFile: path({ fallback: undefined, what: "a PEM file with certificates" }),
    account: text({ fallback: undefined, expected: "the id or the name of an account", charactersMax: 255 }),
    objectStoreHosts: list({
      expected: 'a list of host names in quotes, e.g. ["injixo-*.s3.example.com"]',
      entriesMax: 32,
      check: hostPatternProblem,
    }),
  },
  csv: {
    settleSeconds: number({ fallback: 5, min: 0.1, max: 3600, unit: "seconds" }),
    pollSeconds: number({ fallback: 10, min: 0.5, max: 86_400, unit: "seconds" }),
  },
  spool: {
    maxMegabytes: number({ fallback: 10_240, min: 1, max: 100_000_000, unit: "megabytes", whole: true }),
    keepFreeMegabytes: number({ fallback: 1024, min: 0, max: 100_000_000, unit: "megabytes", whole: true }),
    keepDays: number({ fallback: 7, min: 0, max: 366, unit: "days" }),
  },
  upload: {
    maxBytesPerSecond: number({
      fallback: undefined,
      min: 1000,
      max: 1_000_000_000,
      unit: "bytes",
      whole: true,
    }),
    window: text({
      fallback: undefined,
      expected: 'two times of the day such as "20:00-06:00"',
      charactersMax: 20,
      check: (value) =>
        parseDailyWindow(value) === undefined
          ? 'must be two different times of the day, such as "20:00-06:00" (this machine\'s local time)'
          : undefined,
    }),
  },
  database: {
    type: choice(databaseTypes),
    connectionString: text({
      fallback: undefined,
      expected: "an ODBC connection string, e.g. DRIVER={…};SERVER=…;UID=…;PWD=…;",
      charactersMax: 4096,
      secret: true,
    }),
    host: text({ fallback: undefined, expected: "the database server's host name", charactersMax: 255 }),
    port: number({ fallback: undefined, min: 1, max: 65_535, unit: "", whole: true }),
    database: text({ fallback: undefined, expected: "the database's name", charactersMax: 255 }),
    user: text({ fallback: undefined, expected: "the user's name", charactersMax: 255 }),
    passwordFile: path({ fallback: undefined, what: "a file whose first line is the password" }),
    passwordCredential: text({
      fallback: undefined,
      expected: "the name of a credential of the service (systemd's LoadCredential)",
      charactersMax: 255,
      check: (value) => /^[A-Za-z0-9._-]+$/.test(value) ? undefined : "must be a plain name",
    }),
    trustServerCertificate: flag(false),
    file: path({ fallback: undefined, what: "an SQLite file" }),
    allowQueryChanges: flag(true),
  },
} as const;

/** Other spellings of keys: the Dutch manual writes `naam`. */
export const aliases: Readonly<Record<string, Readonly<Record<string, string>>>> = { app: { naam: "name" } };

/** The shape of {@linkcode schema}, from which the types of parsed values are derived. */
export type Schema = typeof schema;
/** A section of the TOML, without brackets. */
export type SectionName = keyof Schema;

/** The parsed values by section and key, before they become a `Config`. */
export type Values = {
  readonly [S in SectionName]: { readonly [K in keyof Schema[S]]: ValueOf<Schema[S][K]> };
};
