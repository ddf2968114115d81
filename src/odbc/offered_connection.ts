/**
 * What a connection offered by the hub may contain. Even if an attacker controls the hub, it must only let a driver
 * reach a database: no file, library or program on this computer, and no other host with credentials kept here.
 *
 * Keys are allowlisted, since drivers have hundreds: FreeTDS' DumpFile writes a file, psqlodbc's pqopt and MariaDB's
 * USE_MYCNF read files, SQL Anywhere's START runs a program. Anything else belongs in a data source on this computer or
 * under `[database] connectionString`.
 */
import { type Attribute, attribute, type Attributes } from "./connection_string.ts";
import { driverProfile } from "./driver_profile.ts";
import type { Registered } from "./drivers.ts";

/** Which host to reach. A data source defines that itself, and its password must not be sent elsewhere. */
const addressKeys = new Set([
  ..."SERVER SERVERNAME SERVERNODE HOST HOSTNAME ADDRESS ADDR PORT PORTNUMBER SERVICE SERVICENAME SID".split(" "),
  ..."PROTOCOL INSTANCE INSTANCENAME FAILOVER_PARTNER".split(" "),
]);

/**
 * Logging on as this service's own user, in Windows or Kerberos. At a host chosen by the hub that would hand out the
 * service's identity, so only a data source may say which host it is.
 */
const identityKeys = new Set(["TRUSTED_CONNECTION", "SERVERSPN", "FAILOVERPARTNERSPN", "REALM"]);
const userKeys = ["UID", "USER", "USERNAME", "USERID"];

/** User, database, and how values are returned. None of them names a file, a program or a statement in any driver. */
const otherKeys = new Set([
  ..."DRIVER DSN DESCRIPTION UID PWD USER USERNAME USERID PASSWORD DATABASE DATABASENAME DB NAMESPACE SCHEMA".split(
    " ",
  ),
  ..."CURRENTSCHEMA SEARCHPATH ROLE WAREHOUSE APP APPLICATIONNAME WSID LANGUAGE CLIENT_LOCALE DB_LOCALE".split(" "),
  ..."CHARSET CLIENTCHARSET DELIMIDENT QUOTEDID DIALECT READONLY TIMEOUT LOGINTIMEOUT CONNECTTIMEOUT".split(" "),
  ..."QUERYTIMEOUT CONN_TIMEOUT READTIMEOUT WRITETIMEOUT TEXTSIZE".split(" "),
  // Encryption, without the files that some drivers accept for it.
  ..."ENCRYPT ENCRYPTION SSL SSLMODE SSLVERIFY FORCETLS USESSL TRUSTSERVERCERTIFICATE HOSTNAMEINCERTIFICATE".split(" "),
  // SQL Server and FreeTDS
  ..."APPLICATIONINTENT MULTISUBNETFAILOVER MARS_CONNECTION AUTOTRANSLATE REGIONAL".split(" "),
  ..."ANSINPW CONNECTRETRYCOUNT CONNECTRETRYINTERVAL USEFMTONLY TDS_VERSION USENTLMV2".split(" "),
  // psqlodbc
  ..."USEDECLAREFETCH FETCH BOOLSASCHAR BYTEAASLONGVARBINARY USESERVERSIDEPREPARE MAXVARCHARSIZE".split(" "),
  ..."MAXLONGVARCHARSIZE UNKNOWNSIZES TEXTASLONGVARCHAR UNKNOWNSASLONGVARCHAR TRUEISMINUS1 NUMERICAS".split(" "),
  ..."LOWERCASEIDENTIFIER KEEPALIVETIME KEEPALIVEINTERVAL LFCONVERSION PARSE".split(" "),
  // MariaDB and MySQL
  ..."NO_CACHE FORWARDONLY FORWARD_CURSOR STREAMRESULT NO_BIGINT NO_PROMPT COMPRESSED_PROTO COLUMN_SIZE_S32".split(" "),
  ..."NO_SSPS AUTO_RECONNECT PREFETCH ZERO_DATE_TO_MIN NO_SCHEMA NO_CATALOG DFLT_BIGINT_BIND_STR".split(" "),
]);

const withUser =
  "Enter a user and a password in the integration, or name a data source (DSN) of this computer there, or " +
  "write the connection under [database] connectionString on this computer";

/** Keys whose values are not checked: a password may look like anything. */
const secretKeys = new Set(["PWD", "PASSWORD"]);

/**
 * Engines that run inside the driver, so that SQL reads and writes files on this computer (SQLite's driver has
 * `blob_import`, `blob_export` and `load_extension`, Access has `IN 'file'`, DuckDB `read_csv`).
 */
const engine =
  /sqlite|duckdb|microsoft access|msaccess|mdbtools|excel|dbase|foxpro|paradox|\btext\b|\bcsv\b|\.(mdb|accdb|xls|txt|dbf)\b/i;

/** A path, a share, or another kind of address. */
const path = /^\s*([/~]|\\\\|[A-Za-z]:[\\/]|file:)|(^|[\\/])\.\.([\\/]|$)|:\/\//i;

/**
 * A host, optionally with SQL Server's `tcp:` before it and an instance or port after it. Excludes named pipes and
 * LocalDB.
 */
const host = /^(tcp:)?([\p{L}\p{N}._-]+|\[?[0-9a-f:.]+(%[\p{L}\p{N}]+)?\]?)(\\[\p{L}\p{N}_$#-]+)?(\s*,\s*\d{1,5})?$/iu;

/**
 * Checks the attributes of a connection offered by the hub, as a string or in parts.
 *
 * @throws an `Error` that names the key, never a value, and says where the connection can be entered instead.
 */
export function assertOffered(attributes: Attributes, registered: Registered): void {
  const driver = attribute(attributes, "DRIVER");
  const dataSource = attribute(attributes, "DSN");
  if (driver !== undefined && dataSource !== undefined) refuse("DRIVER and DSN", "only one of them may be given");
  const used = driver ?? driverOf(dataSource ?? "", registered);
  if (engine.test(used) || engine.test(libraryOf(used, registered))) {
    throw new Error(
      `Cannot use the driver "${used}" for a connection from the hub: its SQL can reach files on this computer. Use the ` +
        "database type sqlite, or write the connection under [database] connectionString on this computer",
    );
  }
  for (const one of attributes) assertHarmless(one, { withDataSource: dataSource !== undefined });
  if (dataSource === undefined) assertUser(attributes, { driver: used, library: libraryOf(used, registered) });
}

/** Drivers for SQL Server log on as this service's own user if no user is named. */
function assertUser(attributes: Attributes, { driver, library }: { driver: string; library: string }): void {
  const families = [driverProfile(driver).family, driverProfile(library).family];
  if (!families.some((family) => family === "mssql" || family === "freetds")) return;
  if (userKeys.some((key) => (attribute(attributes, key) ?? "").trim() !== "")) return;
  throw new Error(
    "Cannot use a connection from the hub without a user: the driver would log on with the identity of this service, at " +
      `whatever host the hub names. ${withUser}`,
  );
}

function assertHarmless({ key, value }: Attribute, { withDataSource }: { withDataSource: boolean }): void {
  const name = key.toUpperCase();
  const isAddress = addressKeys.has(name);
  const isIdentity = identityKeys.has(name);
  if (isIdentity && !withDataSource) {
    throw new Error(
      `Cannot use "${key}" in a connection from the hub: it would log on with the identity of this service, at whatever ` +
        `host the hub names. ${withUser}`,
    );
  }
  if (!isAddress && !isIdentity && !otherKeys.has(name)) {
    refuse(key, "it is not one of the keys known to reach nothing but the database");
  }
  if (isAddress && withDataSource) {
    refuse(key, "a DSN itself says which server to reach, and its password goes nowhere else");
  }
  if (/[\p{Cc}\u2028\u2029]/u.test(value)) refuse(key, "its value has a control character");
  // Drivers disagree about what ends a value in braces: what follows could be read as further keys.
  if (/\}[^]*;/.test(value)) refuse(key, 'its value has "}" and then ";", which some drivers take for its end');
  if (secretKeys.has(name)) return;
  if (path.test(value)) refuse(key, "its value names a file or a pipe");
  if (/^(SERVER|HOST|HOSTNAME|ADDRESS|ADDR)$/.test(name) && !host.test(value)) {
    refuse(key, "its value is not a host name");
  }
}

function refuse(key: string, reason: string): never {
  throw new Error(
    `Cannot use "${key}" in a connection from the hub: ${reason}. Leave it out, set it in a data source (DSN) of this ` +
      "computer, or write the connection under [database] connectionString there",
  );
}

function driverOf(dataSource: string, { dataSources }: Registered): string {
  return dataSources.find(({ name }) => name.toUpperCase() === dataSource.toUpperCase())?.driver ?? "";
}

function libraryOf(driver: string, { libraries }: Registered): string {
  return libraries.get(driver.toUpperCase()) ?? "";
}
