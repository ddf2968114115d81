/**
 * The settings of a database integration as users give and see them: one flat object, in which the fields of the
 * connection depend on the database type. Pure, except for the box that seals the secrets.
 */
import type * as z from "zod";
import { type DatabaseConnection, type DatabaseSource, databaseTypes } from "../../protocol/database.ts";
import { instantOfWall } from "../../source/time_zone.ts";
import type { SecretBox } from "./secret_box.ts";

/** How the data source is reached, for database types whose connection is not kept by the installation. */
export type ConnectionFields = "parts" | "connectionString" | "file";

/** The fields that a database type requires. */
export function connectionFields(type: (typeof databaseTypes)[number]): ConnectionFields {
  return type === "odbc" ? "connectionString" : type === "sqlite" ? "file" : "parts";
}

/** What is stored, as JSON, with the secret sealed. */
export interface StoredSettings {
  readonly databaseType: DatabaseSource["databaseType"];
  readonly host: string | null;
  readonly port: number | null;
  readonly database: string | null;
  readonly user: string | null;
  /** SQL Server: accept any server certificate. */
  readonly trustServerCertificate: boolean;
  readonly file: string | null;
  /** The connection is defined in the installation's own configuration. */
  readonly kept: boolean;
  /** The sealed password or connection string. */
  readonly secret: string | null;
  readonly dataType: DatabaseSource["dataType"];
  readonly intervalMinutes: 15 | 30 | null;
  readonly timeZone: string;
  readonly query: string;
  readonly everyMinutes: 15 | 30 | 60;
  readonly realTime: boolean;
  readonly reconciliation: boolean;
  /** First day of the history, `YYYY-MM-DD` in `timeZone`. */
  readonly history: string | null;
}

/** What users see: no secret, only whether there is one. */
export interface DatabaseSettings extends Omit<StoredSettings, "secret"> {
  readonly passwordSet: boolean;
  readonly connectionStringSet: boolean;
}

/** What users give: absent fields stay unchanged, or take their default. */
export interface SettingsInput {
  readonly databaseType?: DatabaseSource["databaseType"] | undefined;
  readonly host?: string | null | undefined;
  readonly port?: number | null | undefined;
  readonly database?: string | null | undefined;
  readonly user?: string | null | undefined;
  /** `null` removes it. */
  readonly password?: string | null | undefined;
  readonly trustServerCertificate?: boolean | undefined;
  readonly connectionString?: string | null | undefined;
  readonly file?: string | null | undefined;
  readonly kept?: boolean | undefined;
  readonly dataType?: DatabaseSource["dataType"] | undefined;
  readonly intervalMinutes?: 15 | 30 | null | undefined;
  readonly timeZone?: string | undefined;
  readonly query?: string | undefined;
  readonly everyMinutes?: 15 | 30 | 60 | undefined;
  readonly realTime?: boolean | undefined;
  readonly reconciliation?: boolean | undefined;
  readonly history?: string | null | undefined;
}

/** The name of a field that users fill in. */
export type SettingsField = keyof SettingsInput;

/** The settings stored in a row of the table `integration`; `undefined` for a draft without any. */
export function storedSettings(json: string): StoredSettings | undefined {
  const value = JSON.parse(json) as StoredSettings | Record<string, never>;
  if (!("databaseType" in value)) return undefined;
  const stored = value as StoredSettings;
  // Earlier versions did not store it.
  return { ...stored, trustServerCertificate: stored.trustServerCertificate ?? false };
}

/** The settings for display. */
export function settingsView(stored: StoredSettings): DatabaseSettings {
  const { secret, ...shown } = stored;
  const fields = connectionFields(stored.databaseType);
  return {
    ...shown,
    passwordSet: secret !== null && fields === "parts" && !stored.kept,
    connectionStringSet: secret !== null && fields === "connectionString" && !stored.kept,
  };
}

/** For the linked agent only: with the secret in plain text. */
export function databaseSource(
  stored: StoredSettings,
  options: { box: SecretBox; integrationId: string },
): z.infer<typeof DatabaseSource> {
  const { databaseType, dataType, intervalMinutes, timeZone, query, everyMinutes, realTime, reconciliation } = stored;
  const secret = stored.secret === null ? undefined : options.box.open(stored.secret, options.integrationId);
  return {
    type: "database",
    databaseType,
    connection: connection(stored, secret),
    dataType,
    ...intervalMinutes === null ? {} : { intervalMinutes },
    timeZone,
    query,
    everyMinutes,
    historyFrom: historyFrom(stored),
    reconciliation,
    realTime,
  };
}

function connection(stored: StoredSettings, secret: string | undefined): DatabaseConnection {
  if (stored.kept) return { by: "kept" };
  switch (connectionFields(stored.databaseType)) {
    case "parts":
      return {
        by: "parts",
        host: stored.host ?? "",
        ...stored.port === null ? {} : { port: stored.port },
        database: stored.database ?? "",
        ...stored.user === null ? {} : { user: stored.user },
        ...secret === undefined ? {} : { password: secret },
        ...stored.trustServerCertificate ? { trustServerCertificate: true } : {},
      };
    case "file":
      return { by: "file", file: stored.file ?? "" };
    case "connectionString":
      // A secret that can no longer be opened must not keep the rest from the agent: connecting fails and reports it.
      return { by: "connectionString", connectionString: secret ?? "DSN=;" };
  }
}

function historyFrom({ history, timeZone }: StoredSettings): string | null {
  if (history === null) return null;
  return new Date(instantOfWall(Date.parse(`${history}T00:00:00Z`), timeZone)).toISOString();
}
