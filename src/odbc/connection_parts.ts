/** Builds connection strings from host, database, user and password, with the best installed driver. */
import type { Attribute, Attributes } from "./connection_string.ts";

/** What the hub's form asks for. */
export interface ConnectionParts {
  readonly host: string;
  /** Absent for a named instance of SQL Server, and for the database's usual port. */
  readonly port?: number | undefined;
  readonly database: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** SQL Server: encrypt, but accept any certificate. Its driver 18 refuses those it cannot verify. */
  readonly trustServerCertificate?: boolean | undefined;
}

/** The databases whose connection is entered in parts. */
export type PartsDatabase = "mssql" | "mysql" | "postgresql";

const drivers: Record<PartsDatabase, { readonly patterns: readonly RegExp[]; readonly install: string }> = {
  mssql: {
    patterns: [/^ODBC Driver \d+ for SQL Server$/i, /^SQL Server Native Client/i, /^FreeTDS$/i, /^SQL Server$/i],
    install: "Microsoft's package msodbcsql18",
  },
  mysql: {
    patterns: [/^MariaDB/i, /^MySQL ODBC .*Unicode/i, /^MySQL/i],
    install: "the package odbc-mariadb, or MySQL Connector/ODBC",
  },
  postgresql: {
    patterns: [/^PostgreSQL Unicode/i, /^PostgreSQL.*(?<!ANSI)(\(x64\))?$/i, /^PostgreSQL/i],
    install: "the package odbc-postgresql, or psqlodbc",
  },
};

/**
 * Chooses among `installed`: the best kind of driver first, and of that the highest version.
 *
 * @throws an `Error` that names what to install.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * const names = ["ODBC Driver 17 for SQL Server", "ODBC Driver 18 for SQL Server"];
 * assertEquals(chooseDriver("mssql", names), "ODBC Driver 18 for SQL Server");
 * ```
 */
export function chooseDriver(database: PartsDatabase, installed: readonly string[]): string {
  for (const pattern of drivers[database].patterns) {
    const [newest] = installed.filter((name) => pattern.test(name)).sort((a, b) => compareVersions(b, a));
    if (newest) return newest;
  }
  const known = installed.length === 0 ? "none is installed" : `installed are ${installed.join(", ")}`;
  throw new Error(`Cannot find an ODBC driver for ${database}: ${known}. Install ${drivers[database].install}`);
}

/** Attributes for a connection given in parts. */
export function attributesFromParts(
  database: PartsDatabase,
  options: { parts: ConnectionParts; installed: readonly string[] },
): Attributes {
  const { parts } = options;
  const driver = chooseDriver(database, options.installed);
  const attributes: Attribute[] = [{ key: "DRIVER", value: driver }];
  const freeTds = /freetds/i.test(driver);
  if (database === "mssql" && !freeTds) {
    const instance = parts.host.includes("\\");
    const server = parts.port === undefined || instance ? parts.host : `${parts.host},${parts.port}`;
    attributes.push({ key: "SERVER", value: server });
  } else {
    attributes.push({ key: "SERVER", value: parts.host });
    const port = parts.port ?? defaultPort(database, parts.host);
    if (port !== undefined) attributes.push({ key: "PORT", value: String(port) });
  }
  attributes.push({ key: "DATABASE", value: parts.database });
  if (parts.user !== undefined) attributes.push({ key: "UID", value: parts.user });
  if (parts.password !== undefined) attributes.push({ key: "PWD", value: parts.password });
  // FreeTDS does not verify certificates.
  if (database === "mssql" && !freeTds && parts.trustServerCertificate === true) {
    attributes.push({ key: "TrustServerCertificate", value: "yes" });
  }
  if (database === "mssql" && parts.user === undefined) attributes.push({ key: "Trusted_Connection", value: "yes" });
  return attributes;
}

/** The port if none is given; a named instance of SQL Server has none. */
export function defaultPort(database: PartsDatabase, host: string): number | undefined {
  if (database === "mysql") return 3306;
  if (database === "postgresql") return 5432;
  return host.includes("\\") ? undefined : 1433;
}

/** Compares the numbers in the names, one after the other. */
function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((name) => (name.match(/\d+/g) ?? []).map(Number)) as [number[], number[]];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? -1) - (right[i] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}
