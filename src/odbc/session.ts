/** Sets up a new session: time zone, read-only access, no autocommit; and finds out what the driver can do. */
import { quoted } from "../database/identifier.ts";
import type { DatabaseInfo } from "../database/row_source.ts";
import { connectionAttribute, getDataExtension, infoType } from "./constants.ts";
import { OdbcError } from "./diagnostics.ts";
import type { DriverProfile } from "./driver_profile.ts";
import type { Handles } from "./handles.ts";
import type { DriverTraits } from "./odbc_rows.ts";

/** What was found out about database and driver during set-up. */
export interface Session {
  readonly info: DatabaseInfo;
  readonly traits: DriverTraits;
}

const setUpTimeoutSeconds = 30;
const off = 0n;
const readOnly = 1n;

/** Sets up the session. Failures become remarks, not errors: the query itself may still work. */
export async function prepareSession(
  handles: Handles,
  options: { profile: DriverProfile; signal: AbortSignal; timeZone: string | undefined },
): Promise<Session> {
  const { profile, signal } = options;
  const quoteCharacter = handles.text(infoType.identifierQuote);
  const remarks: string[] = [];
  const attempt = async (sql: string, { what, remedy }: { what: string; remedy?: string | undefined }) => {
    try {
      await execute(handles, { sql, signal });
      return true;
    } catch (error) {
      if (!(error instanceof OdbcError)) throw error;
      remarks.push(`${what} could not be set: ${error.message}${remedy ? ` ${remedy}` : ""}`);
      return false;
    }
  };
  const zone = options.timeZone && profile.timeZoneStatement(options.timeZone);
  const zoneSet = zone
    ? await attempt(zone, { what: "The session's time zone", remedy: profile.timeZoneRemedy })
    : false;
  for (const sql of profile.sessionStatements) await attempt(sql, { what: "Read-only access" });
  handles.set(connectionAttribute.accessMode, readOnly);
  const { streamsFrom } = profile;
  // Version parts have leading zeros, so that they compare as text.
  const holdsResults = streamsFrom !== undefined && handles.text(infoType.driverVersion) < streamsFrom.version;
  if (holdsResults) remarks.push(streamsFrom.remark);
  if (!handles.set(connectionAttribute.autocommit, off)) remarks.push("Autocommit could not be switched off.");
  return {
    traits: traitsOf(handles, profile),
    info: {
      description: describe(handles),
      quote: (name) => quoted(name, quoteCharacter),
      offsetText: (column, expression) =>
        /timestamptz|with (local )?time zone/i.test(column.typeName) ? profile.offsetText?.(expression) : undefined,
      sessionTimeZone: zoneSet ? "set" : "as-is",
      holdsResults,
      remarks,
    },
  };
}

/** Runs a statement without rows. */
export async function execute(handles: Handles, options: { sql: string; signal: AbortSignal }): Promise<void> {
  await using statement = handles.statement({ signal: options.signal, timeoutSeconds: setUpTimeoutSeconds });
  await statement.execute(options.sql, []);
}

function traitsOf(handles: Handles, profile: DriverProfile): DriverTraits {
  const extensions = handles.number(infoType.getDataExtensions);
  const inBlocks = getDataExtension.block | getDataExtension.bound;
  return {
    refetch: profile.longValuesInBlocks ?? (extensions & inBlocks) === inBlocks,
    textOnly: profile.textOnly ?? false,
    narrow: profile.narrow ?? false,
    utf8Text: false,
    lowerGuids: profile.lowerGuids ?? false,
    sizesHold: profile.sizesHold ?? false,
    losesOffset: profile.offsetText !== undefined,
    boundAgain: (extensions & getDataExtension.bound) !== 0,
  };
}

function describe(handles: Handles): string {
  const product = `${handles.text(infoType.databaseProduct)} ${handles.text(infoType.databaseVersion)}`.trim();
  const driver = `${handles.text(infoType.driverName)} ${handles.text(infoType.driverVersion)}`.trim();
  return driver === "" ? product : `${product} (${driver})`;
}
