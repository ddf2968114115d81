/** Validates the settings of a database integration given by users, with errors per field. Pure. */
import { databaseTypes, dataTypes } from "../../protocol/database.ts";
import { dialectOf, driverNameIn } from "../../source/dialect.ts";
import { checkQuery } from "../../source/query_check.ts";
import { isTimeZone } from "../../source/time_zone.ts";
import { connectionFields, type SettingsField, type SettingsInput, type StoredSettings } from "./database_settings.ts";

/** The possible faults; each has its text in the console's catalogue. */
export type SettingsFaultKey =
  | "faultChoose"
  | "faultHost"
  | "faultPort"
  | "faultDatabase"
  | "faultUser"
  | "faultPassword"
  | "faultPasswordAgain"
  | "faultConnectionString"
  | "faultFile"
  | "faultTimeZone"
  | "faultQueryEmpty"
  | "faultQueryTooLong"
  | "faultQueryRefused"
  | "faultHistory"
  | "faultHistoryTooEarly";

/** One field that is wrong. */
export interface SettingsFault {
  readonly field: SettingsField;
  readonly key: SettingsFaultKey;
  /** The query checker's own message. */
  readonly reason?: string;
}

/** The settings without their secret, and what happens to the secret. */
export interface AcceptedSettings {
  readonly settings: Omit<StoredSettings, "secret">;
  readonly secret: { readonly keep: true } | { readonly keep: false; readonly text: string | null };
}

/** The result of the check. */
export type SettingsCheck =
  | { readonly ok: true; readonly accepted: AcceptedSettings }
  | { readonly ok: false; readonly faults: readonly SettingsFault[] };

const hostLengthMax = 255;
const nameLengthMax = 255;
const passwordLengthMax = 1024;
const connectionStringLengthMax = 4096;
const fileLengthMax = 4096;
const queryLengthMax = 65_536;
/** The manual's limit, plus a few days for those who count by the calendar. */
const historyYearsMax = 3;
const historySlackDays = 7;
const dayMs = 86_400_000;

/** Merges the input into the previous settings, and checks the result. */
export function checkSettings(
  input: SettingsInput,
  options: { before: StoredSettings | undefined; nowMs: number },
): SettingsCheck {
  const { before } = options;
  const faults: SettingsFault[] = [];
  const wrong = (field: SettingsField, key: SettingsFaultKey, reason?: string) => {
    faults.push({ field, key, ...reason === undefined ? {} : { reason } });
  };
  const databaseType = input.databaseType ?? before?.databaseType;
  const dataType = input.dataType ?? before?.dataType;
  const typeIsKnown = databaseType !== undefined && databaseTypes.includes(databaseType);
  if (!typeIsKnown) wrong("databaseType", "faultChoose");
  if (dataType === undefined || !dataTypes.includes(dataType)) wrong("dataType", "faultChoose");
  const rest = checkReading(input, { ...options, wrong });
  if (!typeIsKnown || dataType === undefined) return { ok: false, faults };

  const kept = input.kept ?? before?.kept ?? false;
  const fields = kept ? "kept" : connectionFields(databaseType);
  const connection = checkConnection(input, { before, fields, databaseType, wrong });
  const secret = checkSecret(input, { before, fields, databaseType, connection, wrong });
  checkQueryText(rest.query, { databaseType, connectionString: input.connectionString ?? "", wrong });
  if (faults.length > 0) return { ok: false, faults };
  return {
    ok: true,
    accepted: {
      settings: {
        databaseType,
        ...connection,
        kept,
        dataType,
        ...rest,
        intervalMinutes: dataType === "interval" ? rest.intervalMinutes : null,
        realTime: dataType === "agent-status" && rest.realTime,
      },
      secret,
    },
  };
}

type Wrong = (field: SettingsField, key: SettingsFaultKey, reason?: string) => void;

interface Connection {
  readonly host: string | null;
  readonly port: number | null;
  readonly database: string | null;
  readonly user: string | null;
  readonly trustServerCertificate: boolean;
  readonly file: string | null;
}

function checkConnection(
  input: SettingsInput,
  options: {
    before: StoredSettings | undefined;
    fields: string;
    databaseType: StoredSettings["databaseType"];
    wrong: Wrong;
  },
): Connection {
  const { before, fields, wrong } = options;
  const none: Connection = {
    host: null,
    port: null,
    database: null,
    user: null,
    trustServerCertificate: false,
    file: null,
  };
  const text = (field: "host" | "database" | "user" | "file") => given(input[field], before?.[field]);
  if (fields === "file") {
    const file = text("file");
    if (file === null || file.length > fileLengthMax || /\p{Cc}/u.test(file)) wrong("file", "faultFile");
    return { ...none, file };
  }
  if (fields !== "parts") return none;
  const host = text("host");
  const database = text("database");
  const user = text("user");
  const port = input.port === undefined ? before?.port ?? null : input.port;
  // Braces, semicolons and "=" would end the host part of a connection string; a backslash names an instance.
  if (host === null || host.length > hostLengthMax || /[\p{Cc}\s;={}]/u.test(host)) wrong("host", "faultHost");
  if (port !== null && !(Number.isInteger(port) && port >= 1 && port <= 65535)) wrong("port", "faultPort");
  if (database === null || database.length > nameLengthMax || /\p{Cc}/u.test(database)) {
    wrong("database", "faultDatabase");
  }
  if (user !== null && (user.length > nameLengthMax || /\p{Cc}/u.test(user))) wrong("user", "faultUser");
  const trustServerCertificate = options.databaseType === "mssql" &&
    (input.trustServerCertificate ?? before?.trustServerCertificate ?? false);
  return { ...none, host, port, database, user, trustServerCertificate };
}

function checkSecret(
  input: SettingsInput,
  options: {
    before: StoredSettings | undefined;
    fields: string;
    databaseType: StoredSettings["databaseType"];
    connection: Connection;
    wrong: Wrong;
  },
): AcceptedSettings["secret"] {
  const { before, fields, databaseType, connection, wrong } = options;
  const sameKind = before !== undefined && !before.kept && connectionFields(before.databaseType) === fields;
  const had = sameKind && before.secret !== null;
  if (fields === "connectionString") {
    const given = input.connectionString?.trim();
    if (given === undefined || given === "") {
      if (!had || input.connectionString === null) wrong("connectionString", "faultConnectionString");
      return { keep: true };
    }
    if (given.length > connectionStringLengthMax || /\p{Cc}/u.test(given)) {
      wrong("connectionString", "faultConnectionString");
    }
    return { keep: false, text: given };
  }
  if (fields !== "parts" || input.password === null) return { keep: false, text: null };
  if (input.password === undefined || input.password === "") {
    if (!had) return { keep: false, text: null };
    // Whoever may change the host must not be able to have a password they do not know sent there.
    const elsewhere = before.databaseType !== databaseType || before.host !== connection.host ||
      before.port !== connection.port || before.user !== connection.user;
    if (elsewhere) wrong("password", "faultPasswordAgain");
    return { keep: true };
  }
  if (input.password.length > passwordLengthMax || /[\0\r\n]/.test(input.password)) wrong("password", "faultPassword");
  return { keep: false, text: input.password };
}

function checkReading(
  input: SettingsInput,
  { before, nowMs, wrong }: { before: StoredSettings | undefined; nowMs: number; wrong: Wrong },
) {
  const timeZone = (input.timeZone ?? before?.timeZone ?? "").trim();
  const query = input.query ?? before?.query ?? "";
  const history = input.history === undefined ? before?.history ?? null : input.history?.trim() || null;
  const intervalMinutes = input.intervalMinutes ?? before?.intervalMinutes ?? 15;
  const everyMinutes = input.everyMinutes ?? before?.everyMinutes ?? 15;
  if (timeZone.length > 64 || !isTimeZone(timeZone)) wrong("timeZone", "faultTimeZone");
  if (history !== null && history !== before?.history) {
    const atMs = dayOf(history);
    if (atMs === undefined || atMs > nowMs + dayMs) wrong("history", "faultHistory");
    else if (atMs < earliestHistoryMs(nowMs)) wrong("history", "faultHistoryTooEarly");
  }
  if (intervalMinutes !== 15 && intervalMinutes !== 30) wrong("intervalMinutes", "faultChoose");
  if (everyMinutes !== 15 && everyMinutes !== 30 && everyMinutes !== 60) wrong("everyMinutes", "faultChoose");
  return {
    timeZone,
    query,
    history,
    intervalMinutes,
    everyMinutes,
    realTime: input.realTime ?? before?.realTime ?? false,
    reconciliation: input.reconciliation ?? before?.reconciliation ?? true,
  };
}

function checkQueryText(
  query: string,
  options: { databaseType: StoredSettings["databaseType"]; connectionString: string; wrong: Wrong },
): void {
  const { databaseType, connectionString, wrong } = options;
  if (query.trim() === "") return wrong("query", "faultQueryEmpty");
  if (query.length > queryLengthMax) return wrong("query", "faultQueryTooLong");
  const check = checkQuery(query, dialectOf(databaseType, driverNameIn(connectionString)) ?? "unknown");
  if (!check.ok) wrong("query", "faultQueryRefused", check.reason);
}

/** Midnight UTC of a day; `undefined` if the day does not exist. */
function dayOf(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return undefined;
  const ms = Date.parse(`${text}T00:00:00Z`);
  // Date.parse turns 30 February into a day in March.
  return Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 10) !== text ? undefined : ms;
}

function earliestHistoryMs(nowMs: number): number {
  const now = new Date(nowMs);
  return Date.UTC(now.getUTCFullYear() - historyYearsMax, now.getUTCMonth(), now.getUTCDate()) -
    historySlackDays * dayMs;
}

function given(value: string | null | undefined, before: string | null | undefined): string | null {
  const text = value === undefined ? before : value;
  return text?.trim() || null;
}
