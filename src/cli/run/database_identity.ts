/** Identifies the database behind a connection, independent of login and driver. */
import { resolve } from "node:path";
import type { DatabaseSource, KnownConnection } from "../../protocol/database.ts";
import { defaultPort } from "../../odbc/connection_parts.ts";
import { type Attributes, parseConnectionString } from "../../odbc/connection_string.ts";

/** Keys that determine which database it is, by their meaning; all others say how it is read, or by whom. */
const meanings: readonly (readonly [meaning: string, keys: readonly string[]])[] = [
  ["dsn", ["DSN"]],
  ["server", ["SERVER", "SERVERNAME", "SERVERNODE", "HOST", "HOSTNAME", "ADDRESS", "ADDR"]],
  ["port", ["PORT", "PORTNUMBER", "SERVICE", "SERVICENAME"]],
  ["instance", ["INSTANCE", "INSTANCENAME", "SID"]],
  ["database", ["DATABASE", "DATABASENAME", "DB", "DBNAME", "DBALIAS", "DBQ", "NAMESPACE", "CATALOG"]],
  ["schema", ["SCHEMA", "CURRENTSCHEMA", "SEARCHPATH"]],
];

/**
 * The same text for the same database, without user, password and other secrets; `undefined` for a string that connects
 * nowhere: it cannot be parsed, or its data source has no name.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../../tests/assert.ts";
 * const identity = (connectionString: string) =>
 *   databaseIdentity({ by: "connectionString", connectionString }, { databaseType: "odbc", folder: "/" });
 * assertEquals(identity("DSN=acd;PWD=old"), identity("DSN=acd;PWD=new"));
 * ```
 */
export function databaseIdentity(
  connection: KnownConnection,
  { databaseType, folder }: {
    databaseType: DatabaseSource["databaseType"];
    /** What relative names of SQLite files refer to. */
    folder: string;
  },
): string | undefined {
  switch (connection.by) {
    case "file":
      return JSON.stringify([["file", resolve(folder, connection.file)]]);
    case "parts": {
      const { host, database } = connection;
      const usual = databaseType === "odbc" || databaseType === "sqlite" ? undefined : defaultPort(databaseType, host);
      const port = connection.port ?? usual;
      return JSON.stringify([
        ["server", host.toLowerCase()],
        ...port === undefined ? [] : [["port", String(port)]],
        ["database", database],
      ]);
    }
    case "connectionString":
      return ofAttributes(connection.connectionString);
  }
}

function ofAttributes(connectionString: string): string | undefined {
  let attributes: Attributes;
  try {
    attributes = parseConnectionString(connectionString);
  } catch {
    // Connecting reports what is wrong with it.
    return undefined;
  }
  const found = meanings.flatMap(([meaning, keys]) => {
    const value = attributes.find(({ key }) => keys.includes(key.toUpperCase()))?.value;
    return value === undefined ? [] : [[meaning, meaning === "server" ? value.toLowerCase() : value]];
  });
  // A hub that can no longer read the string it keeps gives an empty name.
  const isNowhere = found.some(([meaning, value]) => meaning === "dsn" && value === "");
  return isNowhere ? undefined : JSON.stringify(found);
}
