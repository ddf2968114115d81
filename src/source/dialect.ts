/**
 * Which SQL dialect a database uses, for the agent, who has a connection, and for the hub, who has its connection
 * string.
 */
import type { DatabaseSource } from "../protocol/database.ts";
import type { Dialect } from "./sql_tokens.ts";

/** Names of products, drivers and their libraries. */
const names: readonly (readonly [RegExp, Dialect])[] = [
  [/postgres|psqlodbc/i, "postgresql"],
  [/maria|mysql|maodbc|myodbc/i, "mysql"],
  [/sql server|msodbcsql|sqlncli|freetds|tdsodbc/i, "mssql"],
  [/sqlite/i, "sqlite"],
];

/**
 * The dialect of a database type. For `odbc` it follows from the driver's name; `undefined` if that is unknown. Whoever
 * has a connection asks {@linkcode connectedDialect} instead.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(dialectOf("odbc", "MariaDB Unicode"), "mysql");
 * assertEquals(dialectOf("odbc", "Oracle 19"), undefined);
 * ```
 */
export function dialectOf(databaseType: DatabaseSource["databaseType"], driver: string): Dialect | undefined {
  return databaseType === "odbc" ? dialectNamed(driver) : databaseType;
}

/**
 * The dialect of an open connection, by its own description: the type of a database is what the hub says.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(connectedDialect("MariaDB 10.11.6 (libmaodbc.so 03.01.0015)"), "mysql");
 * assertEquals(connectedDialect("Oracle 19"), "generic");
 * ```
 */
export function connectedDialect(description: string): Dialect {
  return dialectNamed(description) ?? "generic";
}

function dialectNamed(name: string): Dialect | undefined {
  return names.find(([pattern]) => pattern.test(name))?.[1];
}

/**
 * The driver's name in a connection string; empty if it names a data source.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(driverNameIn("SERVER=db;Driver={PostgreSQL Unicode};UID=u"), "PostgreSQL Unicode");
 * ```
 */
export function driverNameIn(connectionString: string): string {
  const [, braced, plain] = /(?:^|;)\s*driver\s*=\s*(?:\{([^}]*)\}|([^;]*))/i.exec(connectionString) ?? [];
  return braced ?? plain?.trim() ?? "";
}
