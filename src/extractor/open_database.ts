/** Opens the database of a job: through ODBC, or an SQLite file. */
import { resolve } from "node:path";
import type { Database } from "../database/row_source.ts";
import { openSqlite } from "../database/sqlite.ts";
import { AbandonedConnectError, connectOdbc } from "../odbc/connection.ts";
import { attributesFromParts } from "../odbc/connection_parts.ts";
import { type Attributes, parseConnectionString } from "../odbc/connection_string.ts";
import { listRegistered, type Registered } from "../odbc/drivers.ts";
import { type OdbcLibrary, openOdbcLibrary } from "../odbc/library.ts";
import { assertOffered } from "../odbc/offered_connection.ts";
import { isInside } from "../runtime/is_inside.ts";
import { stateFolderName } from "../runtime/state_folder.ts";
import type { ExtractJob } from "./messages.ts";

/** The parts of a job that identify its database. */
export type DatabaseTarget = Pick<
  ExtractJob,
  "databaseType" | "connection" | "timeZone" | "sqliteFolders" | "folder"
>;

/** Opens a database; fails with the reason and the remedy, or with the signal's reason. */
export type OpenDatabase = (target: DatabaseTarget, signal: AbortSignal) => Promise<Database>;

/** Opens what the target names. The driver manager's library stays loaded as long as the database is open. */
export const openDatabase: OpenDatabase = async (target, signal) => {
  if (target.databaseType === "sqlite") return openSqlite({ file: await sqliteFile(target) });
  const library = openOdbcLibrary();
  try {
    const attributes = odbcAttributes(target, library);
    const database = await connectOdbc({ library, attributes, signal, timeZone: target.timeZone });
    return withLibrary(database, library);
  } catch (error) {
    // The connect then continues in the driver, which needs the library until it has ended.
    const goesOn = signal.aborted || error instanceof AbandonedConnectError;
    if (!goesOn) library[Symbol.dispose]();
    throw error;
  }
};

function odbcAttributes(target: DatabaseTarget, library: OdbcLibrary): Attributes {
  const registered = listRegistered(library);
  const attributes = givenAttributes(target, registered);
  // `null`: this computer's own configuration names it.
  if (target.sqliteFolders !== null) assertOffered(attributes, registered);
  return attributes;
}

function givenAttributes({ databaseType, connection }: DatabaseTarget, registered: Registered): Attributes {
  if (connection.by === "connectionString") return parseConnectionString(connection.connectionString);
  if (connection.by === "parts" && databaseType !== "odbc" && databaseType !== "sqlite") {
    return attributesFromParts(databaseType, { parts: connection, installed: registered.drivers });
  }
  throw new Error(
    `Cannot connect: a database of type ${databaseType} needs a connection string. Enter one in the integration, or ` +
      "under [database] connectionString",
  );
}

/**
 * The real path of an SQLite file, which must lie in one of the allowed folders unless the TOML names it: the hub must
 * not be able to read any file on this computer.
 */
async function sqliteFile(target: DatabaseTarget): Promise<string> {
  const { connection, sqliteFolders, folder } = target;
  if (connection.by !== "file") {
    throw new Error("Cannot open the database: type sqlite needs a file. Enter its name in the integration");
  }
  const wanted = resolve(folder, connection.file);
  const path = await realPath(wanted);
  // It contains the installation's private key.
  const state = resolve(folder, stateFolderName);
  if (isInside(path, state) || isInside(path, await Deno.realPath(state).catch(() => state))) {
    throw new Error(`Cannot open "${wanted}": it belongs to this program itself. Name the database's own file`);
  }
  const folders = sqliteFolders === null ? null : await Promise.all(sqliteFolders.map(realPath));
  if (folders?.every((allowed) => !isInside(path, allowed))) {
    throw new Error(
      `Cannot open "${wanted}": it is neither in the installation folder nor in the import folder. Put it there, or name ` +
        "it on this computer under [database] file",
    );
  }
  return path;
}

async function realPath(path: string): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(`Cannot open "${path}": there is no such file. Check the name`, {
      cause: error,
    });
  }
}

function withLibrary(database: Database, library: OdbcLibrary): Database {
  return {
    info: database.info,
    query: (sql, options) => database.query(sql, options),
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]();
      library[Symbol.dispose]();
    },
  };
}
