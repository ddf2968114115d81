/** The specifics of known drivers: options that make them stream, and where they deviate. */
import type { Attribute, Attributes } from "./connection_string.ts";

/** How one family of drivers is used. */
export interface DriverProfile {
  readonly family: DriverFamily;
  /** Options added to a connection string that does not set them. */
  readonly options: Attributes;
  /**
   * Options for encrypting with every server that supports it, for drivers that do not by default. Only for a string
   * that names the driver and has none of these keys: a data source has its own settings, which the string would
   * override.
   */
  readonly encryption?: { readonly option: Attribute; readonly unless: readonly string[] };
  /** Statements for a new connection; one that fails is reported and skipped. */
  readonly sessionStatements: readonly string[];
  /** Statement that sets the session's time zone; `undefined` if there is none. */
  timeZoneStatement(zone: string): string | undefined;
  /** What to do when that statement fails, and what the failure means until then. */
  readonly timeZoneRemedy?: string;
  /** SQLGetData works for any row of a fetched block, whatever the driver says; `undefined` asks the driver. */
  readonly longValuesInBlocks?: boolean;
  /** Read every value as text: the database does not enforce its columns' declared types. */
  readonly textOnly?: boolean;
  /** Character data arrives as UTF-8 in `SQL_C_CHAR`: the driver does not support wide characters. */
  readonly narrow?: boolean;
  /**
   * Wide characters cost this driver more than its own UTF-8: MariaDB's opens a converter for every value, which takes
   * five times the CPU time of the rest of a fetch. Whether its `SQL_C_CHAR` is UTF-8 is tested on each connection,
   * since that depends on the connection's character set and on the system.
   */
  readonly prefersUtf8?: boolean;
  /** The first version that streams, as the driver writes it; earlier ones hold whole results, whatever the options. */
  readonly streamsFrom?: { readonly version: string; readonly remark: string };
  /** The database shows GUIDs in lower case, but the driver gives them in upper case. */
  readonly lowerGuids?: boolean;
  /** No value is longer than its column's declared size, not even where that is 0. */
  readonly sizesHold?: boolean;
  /** SQLCancel has no effect on a fetch: the first query identifies the session, and another connection ends it. */
  readonly cancelFetch?: { readonly sessionQuery: string; statement(session: number): string };
  /**
   * Functions through which SQL leaves the database, for files or code on this computer: a query must not contain their
   * names.
   */
  readonly refusedSql?: RegExp;
  /**
   * Timestamps with a zone arrive as the session's wall clock; this expression returns them as text with their offset.
   */
  offsetText?(expression: string): string;
}

/** Drivers that behave alike, whatever their version and registered name. */
export type DriverFamily = "postgresql" | "mariadb" | "mysql" | "mssql" | "freetds" | "sqlite" | "other";

/** Rows that psqlodbc requests at once; a block with more rows requests that many. */
const postgresqlFetchRows = 1;

const isoZone = (zone: string) => zone.replaceAll("'", "''");

const mysqlTimeZones: Pick<DriverProfile, "timeZoneStatement" | "timeZoneRemedy"> = {
  // Servers only know zone names that were loaded into them; UTC needs none.
  timeZoneStatement: (zone) =>
    /^(Etc\/)?(UTC|GMT|UCT|Zulu|Universal)$/i.test(zone)
      ? "SET time_zone = '+00:00'"
      : `SET time_zone = '${isoZone(zone)}'`,
  timeZoneRemedy: "Load the time zones into the server (mariadb-tzinfo-to-sql or mysql_tzinfo_to_sql). Until then " +
    "columns of type TIMESTAMP are read in the server's own time zone; DATETIME is not affected.",
};

const profiles: Record<DriverFamily, DriverProfile> = {
  postgresql: {
    family: "postgresql",
    options: [
      { key: "UseDeclareFetch", value: "1" },
      { key: "Fetch", value: String(postgresqlFetchRows) },
      { key: "BoolsAsChar", value: "0" },
      { key: "ByteaAsLongVarBinary", value: "1" },
      { key: "UseServerSidePrepare", value: "1" },
    ],
    // "CA" is the short name of SSLmode; pqopt can also set the mode, which must not differ then.
    encryption: { option: { key: "SSLmode", value: "prefer" }, unless: ["SSLmode", "CA", "pqopt"] },
    sessionStatements: ["SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"],
    timeZoneStatement: (zone) => `SET TIME ZONE '${isoZone(zone)}'`,
    longValuesInBlocks: true,
    prefersUtf8: true,
    lowerGuids: true,
    cancelFetch: {
      sessionQuery: "SELECT pg_backend_pid()",
      statement: (session) => `SELECT pg_cancel_backend(${session})`,
    },
    offsetText: (expression) => `CAST(${expression} AS text)`,
  },
  mariadb: {
    family: "mariadb",
    options: [{ key: "NO_CACHE", value: "1" }, { key: "FORWARDONLY", value: "1" }],
    sessionStatements: ["SET SESSION TRANSACTION READ ONLY"],
    ...mysqlTimeZones,
    longValuesInBlocks: false,
    prefersUtf8: true,
    // Cursor types, STREAMRESULT and prepared statements were tried with 3.1.15: none of them makes it stream.
    streamsFrom: {
      version: "03.01.0017",
      remark:
        "This driver loads a whole result into memory before it returns the first row, so history is read in smaller " +
        "pieces: install MariaDB Connector/ODBC 3.1.17 or newer (Debian 12 has 3.1.15).",
    },
    sizesHold: true,
  },
  mysql: {
    family: "mysql",
    options: [{ key: "NO_CACHE", value: "1" }, { key: "FORWARD_CURSOR", value: "1" }],
    sessionStatements: ["SET SESSION TRANSACTION READ ONLY"],
    ...mysqlTimeZones,
    longValuesInBlocks: false,
    sizesHold: true,
  },
  mssql: {
    family: "mssql",
    options: [{ key: "APP", value: "injixo Cloud Link" }, { key: "ApplicationIntent", value: "ReadOnly" }],
    sessionStatements: [],
    timeZoneStatement: () => undefined,
    longValuesInBlocks: false,
  },
  freetds: {
    family: "freetds",
    options: [{ key: "TDS_Version", value: "7.4" }, { key: "ClientCharset", value: "UTF-8" }],
    sessionStatements: [],
    timeZoneStatement: () => undefined,
    longValuesInBlocks: false,
  },
  sqlite: {
    family: "sqlite",
    // Streams row by row only outside a transaction; otherwise it holds the whole result in memory.
    options: [
      { key: "Timeout", value: "10000" },
      { key: "NoCreat", value: "1" },
      { key: "StepAPI", value: "1" },
      { key: "NoTXN", value: "1" },
    ],
    sessionStatements: ["PRAGMA query_only = ON"],
    timeZoneStatement: () => undefined,
    longValuesInBlocks: false,
    // On Windows its functions are wide; elsewhere the driver manager would convert UTF-16 by truncating it.
    narrow: Deno.build.os !== "windows",
    textOnly: true,
    refusedSql: /blob_(?:im|ex)port|(?:im|ex)port_(?:sql|csv|xml|db)|load_extension|readfile|writefile|fts3_tokenizer/i,
  },
  other: {
    family: "other",
    options: [],
    sessionStatements: [],
    timeZoneStatement: () => undefined,
  },
};

/** psqlodbc's ANSI variant, which passes on the server's bytes: these must then be UTF-8. */
const ansi: Pick<DriverProfile, "narrow" | "sessionStatements"> = {
  narrow: true,
  sessionStatements: ["SET client_encoding TO 'UTF8'", ...profiles.postgresql.sessionStatements],
};

const names: readonly (readonly [RegExp, DriverFamily])[] = [
  [/postgres|psqlodbc/i, "postgresql"],
  [/maria|maodbc/i, "mariadb"],
  [/mysql|myodbc/i, "mysql"],
  [/freetds|tdsodbc/i, "freetds"],
  [/sql server|sqlsrv|msodbcsql|sqlncli/i, "mssql"],
  [/sqlite/i, "sqlite"],
];

/** The profile of a driver, by its registered name or its library's name. */
export function driverProfile(name: string): DriverProfile {
  const family = names.find(([pattern]) => pattern.test(name))?.[1] ?? "other";
  const profile = profiles[family];
  return family === "postgresql" && /ansi|psqlodbca/i.test(name) ? { ...profile, ...ansi } : profile;
}
