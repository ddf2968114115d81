/**
 * The connection that the installation keeps to itself: `[database]` in the TOML, with the password in the TOML, in a file
 * of its own, or in systemd's credentials (`LoadCredential=database-password:…`, see systemd.exec(5)).
 */
import type { KeptConnection } from "./query_approval.ts";

/** Names under which systemd's credentials are looked for. */
export const credentialNames = {
  password: "database-password",
  connectionString: "database-connection-string",
} as const;

/** `[database]` as far as it says how to connect. */
export interface KeptSettings {
  readonly connectionString?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly database?: string | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** Absolute path. */
  readonly passwordFile?: string | undefined;
  /** An SQLite file, absolute or relative to the installation folder. */
  readonly file?: string | undefined;
}

/** Handed in, so that which files may be read is the caller's matter, and tests need none. */
export interface SecretReader {
  /** The content of a file; `undefined` when there is none. */
  readonly readFile: (path: string) => string | undefined;
  /** `$CREDENTIALS_DIRECTORY`. */
  readonly credentialsDirectory: string | undefined;
}

/**
 * The connection, with its secrets read; `undefined` when the installation keeps none.
 *
 * @throws when a secret cannot be read or settings contradict one another, with the key.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * const reader = { readFile: () => "s3cret\n", credentialsDirectory: undefined };
 * assertEquals(
 *   keptConnection({ connectionString: "DSN=acd;UID=me", passwordFile: "/etc/pw" }, reader),
 *   { by: "connectionString", connectionString: "DSN=acd;UID=me;PWD={s3cret}" },
 * );
 * ```
 */
export function keptConnection(settings: KeptSettings, reader: SecretReader): KeptConnection | undefined {
  const connectionString = settings.connectionString ?? credential(credentialNames.connectionString, reader);
  const ways = [
    connectionString !== undefined && "connectionString",
    settings.host !== undefined && "host",
    settings.file !== undefined && "file",
  ].filter((way) => way !== false);
  if (ways.length > 1) {
    throw new Error(`[database] has ${ways.join(" and ")}: keep one of them, it says how the database is reached`);
  }
  if (settings.file !== undefined) return { by: "file", file: settings.file };
  const password = passwordOf(settings, reader);
  if (connectionString !== undefined) {
    return { by: "connectionString", connectionString: withPassword(connectionString, password) };
  }
  const { host, port, database, user } = settings;
  if (host === undefined) return undefined;
  if (database === undefined) throw new Error('[database] has host but no database: add database = "its name"');
  return {
    by: "parts",
    host,
    database,
    ...port !== undefined ? { port } : {},
    ...user !== undefined ? { user } : {},
    ...password !== undefined ? { password } : {},
  };
}

function passwordOf(settings: KeptSettings, reader: SecretReader): string | undefined {
  if (settings.password !== undefined && settings.passwordFile !== undefined) {
    throw new Error("[database] has password and passwordFile: keep one of them");
  }
  if (settings.passwordFile === undefined) return settings.password ?? credential(credentialNames.password, reader);
  const text = reader.readFile(settings.passwordFile);
  if (text === undefined) {
    throw new Error(`Cannot read [database] passwordFile "${settings.passwordFile}": there is no such file`);
  }
  return firstLine(text);
}

function credential(name: string, { readFile, credentialsDirectory }: SecretReader): string | undefined {
  if (credentialsDirectory === undefined) return undefined;
  const text = readFile(`${credentialsDirectory}/${name}`);
  return text === undefined ? undefined : firstLine(text);
}

/** Editors end files with a line break that is no part of the secret. */
function firstLine(text: string): string {
  return text.replace(/^\uFEFF/, "").split(/\r?\n/)[0] ?? "";
}

function withPassword(connectionString: string, password: string | undefined): string {
  if (password === undefined) return connectionString;
  return `${connectionString.replace(/;\s*$/, "")};PWD={${password.replaceAll("}", "}}")}}`;
}
