/** The database part of `check`: the driver manager, what is registered with it, and the kept connection. */
import type { Config } from "../config/config.ts";
import type { CheckLine } from "../control/check_line.ts";
import { openDatabase } from "../extractor/open_database.ts";
import { driverManagerLibrary, openOdbcLibrary } from "../odbc/library.ts";
import { listRegistered } from "../odbc/drivers.ts";
import { defaultType, keptConnection } from "./run/kept_connection.ts";
import { anySignal } from "../runtime/any_signal.ts";
import { errorText } from "../runtime/error_text.ts";

/** How long connecting may take, in ms. */
const connectTimeoutMs = 30_000;

/** Checks what this process would use; it loads native drivers, so the agent itself does not run it. */
export async function checkDatabases(config: Config, signal: AbortSignal): Promise<readonly CheckLine[]> {
  return [...driverLines(), ...await keptConnectionLines(config, signal)];
}

function driverLines(): CheckLine[] {
  try {
    using library = openOdbcLibrary();
    const { drivers, dataSources } = listRegistered(library);
    return [
      { name: "Driver manager", result: "ok", detail: `${driverManagerLibrary()} is installed` },
      drivers.length > 0 ? { name: "Drivers", result: "ok", detail: drivers.join(", ") } : {
        name: "Drivers",
        result: "warning",
        detail: "none is registered with the driver manager",
        remedy: "Install the ODBC driver of the database, if this installation reads one",
      },
      {
        name: "Data sources",
        result: "ok",
        detail: dataSources.map(({ name, driver }) => `${name} (${driver})`).join(", ") || "none",
      },
    ];
  } catch (error) {
    const detail = errorText(error);
    return [{
      name: "Driver manager",
      result: "warning",
      detail,
      remedy: "Nothing to do, unless this installation reads a database through ODBC",
    }];
  }
}

async function keptConnectionLines(config: Config, signal: AbortSignal): Promise<CheckLine[]> {
  const name = "Database";
  const remedy = "Correct [database] in the configuration";
  try {
    const kept = await keptConnection(config);
    if (kept === undefined) return [];
    const { connection } = kept;
    const { type = defaultType(connection) } = config.database;
    if (type === undefined && connection.by === "parts") {
      const detail =
        `${connection.database} on ${connection.host}: not tested, since [database] type does not say what ` +
        "kind of database it is; the agent tests it once an integration does";
      return [{ name, result: "ok", detail }];
    }
    using limit = anySignal(signal, AbortSignal.timeout(connectTimeoutMs));
    await using database = await openDatabase({
      databaseType: type ?? "odbc",
      connection,
      timeZone: "UTC",
      sqliteFolders: null,
      folder: config.folder,
    }, limit.signal);
    const { description, remarks } = database.info;
    const detail = `connected to ${description}`;
    return remarks.length === 0
      ? [{ name, result: "ok", detail }]
      : [{ name, result: "warning", detail, remedy: remarks.join(" ") }];
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    return [{ name, result: "failed", detail: errorText(error), remedy }];
  }
}
