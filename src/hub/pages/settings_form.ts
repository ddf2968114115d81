/** The form of a database integration's settings: converts settings to field values and back. */
import type { databaseTypes, dataTypes } from "../../protocol/database.ts";
import type { DatabaseSettings, SettingsInput } from "../settings/database_settings.ts";

/** The values of the fields, by name; ticked checkboxes are `on`. Never contains passwords. */
export type SettingsValues = Readonly<Record<string, string>>;

const dayMs = 86_400_000;
/** Default for a new integration: a year of history. */
const historyDays = 365;

/** The field values for existing settings. */
export function valuesOf(settings: DatabaseSettings): SettingsValues {
  const box = (on: boolean) => on ? "on" : "";
  return {
    databaseType: settings.databaseType,
    host: settings.host ?? "",
    port: settings.port === null ? "" : String(settings.port),
    database: settings.database ?? "",
    user: settings.user ?? "",
    file: settings.file ?? "",
    trustServerCertificate: box(settings.trustServerCertificate),
    kept: box(settings.kept),
    dataType: settings.dataType,
    intervalMinutes: String(settings.intervalMinutes ?? 15),
    timeZone: settings.timeZone,
    query: settings.query,
    everyMinutes: String(settings.everyMinutes),
    realTime: box(settings.realTime),
    reconciliation: box(settings.reconciliation),
    history: settings.history ?? "",
  };
}

/** The field values of a new integration. */
export function newValues(nowMs: number): SettingsValues {
  return {
    databaseType: "mssql",
    dataType: "interval",
    intervalMinutes: "15",
    everyMinutes: "15",
    reconciliation: "on",
    history: new Date(nowMs - historyDays * dayMs).toISOString().slice(0, 10),
  };
}

/** Reads a field as it was sent. */
type Read = (field: string, options?: { raw: boolean }) => string;

/** What was sent: for showing the fields again when something is wrong, and for saving. */
export function sentSettings(read: Read): { readonly values: SettingsValues; readonly input: SettingsInput } {
  const raw = (field: string) => read(field, { raw: true });
  const names = ["databaseType", "host", "port", "database", "user", "file", "kept", "dataType"];
  names.push(
    "trustServerCertificate",
    "intervalMinutes",
    "timeZone",
    "everyMinutes",
    "realTime",
    "reconciliation",
    "history",
  );
  const values: SettingsValues = {
    ...Object.fromEntries(names.map((name) => [name, read(name)])),
    query: raw("query").replaceAll("\r\n", "\n"),
  };
  const text = (field: string) => values[field] ?? "";
  const user = text("user");
  return {
    values,
    input: {
      databaseType: text("databaseType") as (typeof databaseTypes)[number],
      host: text("host"),
      port: text("port") === "" ? null : Number(text("port")),
      database: text("database"),
      user,
      // Empty means unchanged; but a password without a user belongs to nobody.
      password: raw("password") === "" ? user === "" ? null : undefined : raw("password"),
      connectionString: read("connectionString") === "" ? undefined : read("connectionString"),
      file: text("file"),
      trustServerCertificate: text("trustServerCertificate") === "on",
      kept: text("kept") === "on",
      dataType: text("dataType") as (typeof dataTypes)[number],
      intervalMinutes: Number(text("intervalMinutes")) as 15,
      timeZone: text("timeZone"),
      query: text("query"),
      everyMinutes: Number(text("everyMinutes")) as 15,
      realTime: text("realTime") === "on",
      reconciliation: text("reconciliation") === "on",
      history: text("history") === "" ? null : text("history"),
    },
  };
}
