/** The database connection kept in the TOML, with its password from where the TOML says it is. */
import { join } from "node:path";
import type { Config, DatabaseType, PasswordPlace } from "../../config/config.ts";
import type { KnownConnection } from "../../protocol/database.ts";
import { unreadableReason } from "../../runtime/error_text.ts";
import { credentialsFolder } from "./own_service.ts";

/** Longest password, in characters. */
const passwordLengthMax = 1024;

/** The connection with its password, which is a secret; `undefined` if the TOML has none. */
export async function keptConnection(
  config: Config,
  { credentials = credentialsFolder() }: { credentials?: string | undefined } = {},
): Promise<{ connection: KnownConnection; secrets: readonly string[] } | undefined> {
  const { kept, password: place } = config.database;
  if (kept === undefined) return undefined;
  const password = place && await readPassword(place, { credentials });
  const secrets = password === undefined ? [] : [password];
  if (password === undefined || kept.by === "file") return { connection: kept, secrets };
  if (kept.by === "parts") return { connection: { ...kept, password }, secrets };
  const connectionString = `${kept.connectionString.replace(/;?\s*$/, ";")}PWD={${password.replaceAll("}", "}}")}};`;
  return { connection: { by: "connectionString", connectionString }, secrets };
}

/** The type of a connection for which none is given; `undefined` if the type makes a difference. */
export function defaultType(connection: KnownConnection): DatabaseType | undefined {
  switch (connection.by) {
    case "file":
      return "sqlite";
    case "connectionString":
      return "odbc";
    case "parts":
      return undefined;
  }
}

async function readPassword(
  place: PasswordPlace,
  { credentials }: { credentials: string | undefined },
): Promise<string> {
  const path = place.in === "file" ? place.path : credentialPath(place.name, credentials);
  const key = place.in === "file" ? "passwordFile" : "passwordCredential";
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (cause) {
    const reason = unreadableReason(cause);
    throw new Error(`Cannot read [database] ${key} "${path}": ${reason}. The service's user must be able to read it.`, {
      cause,
    });
  }
  const [password = ""] = text.split(/\r?\n/);
  if (password !== "" && password.length <= passwordLengthMax) return password;
  throw new Error(
    `Cannot use [database] ${key} "${path}": its first line must be the password, ${passwordLengthMax} characters at most.`,
  );
}

function credentialPath(name: string, folder: string | undefined): string {
  if (folder !== undefined) return join(folder, name);
  throw new Error(
    `Cannot use [database] passwordCredential "${name}": only a service has credentials. ` +
      `Add LoadCredential=${name}:/path/of/the/file to the unit, or use passwordFile.`,
  );
}
