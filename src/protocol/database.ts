/** The settings of a database integration, as the hub passes them to the agent. */
import * as z from "zod";

/** Kinds of databases as the console offers them; `odbc` is any connection string, `sqlite` a file beside the agent. */
export const databaseTypes = ["mssql", "mysql", "postgresql", "odbc", "sqlite"] as const;
/** Import data types of the manual: which columns a query must return, and how its windows are read. */
export const dataTypes = ["interval", "contact", "agent-status"] as const;
/** What kind of rows a query returns; the columns of each are in `source/columns.ts`. */
export type DataType = (typeof dataTypes)[number];

/** How to reach the database. `kept` means as defined in the installation's own TOML. */
export const DatabaseConnection = z.discriminatedUnion("by", [
  z.object({
    by: z.literal("parts"),
    host: z.string().min(1).max(255),
    /** Absent for a named instance of SQL Server (`host\instance`) and where the driver's default applies. */
    port: z.number().int().min(1).max(65535).optional(),
    database: z.string().min(1).max(255),
    user: z.string().max(255).optional(),
    password: z.string().max(1024).optional(),
    /** SQL Server: accept any server certificate. */
    trustServerCertificate: z.boolean().optional(),
  }),
  z.object({ by: z.literal("connectionString"), connectionString: z.string().min(1).max(4096) }),
  /** An SQLite file, absolute or relative to the installation folder. */
  z.object({ by: z.literal("file"), file: z.string().min(1).max(4096) }),
  z.object({ by: z.literal("kept") }),
]);
export type DatabaseConnection = z.infer<typeof DatabaseConnection>;
/** A connection that says itself how to reach the database. */
export type KnownConnection = Exclude<DatabaseConnection, { by: "kept" }>;

/** A database integration. */
export const DatabaseSource = z.object({
  type: z.literal("database"),
  databaseType: z.enum(databaseTypes),
  connection: DatabaseConnection,
  dataType: z.enum(dataTypes),
  /** Length of the intervals that the query returns; only for data type `interval`. */
  intervalMinutes: z.union([z.literal(15), z.literal(30)]).optional(),
  /** IANA name of the time zone of the database's timestamps. */
  timeZone: z.string().min(1).max(64),
  query: z.string().min(1).max(65536),
  everyMinutes: z.union([z.literal(15), z.literal(30), z.literal(60)]),
  /** First instant of the history to import (RFC 3339, UTC); `null` for none. */
  historyFrom: z.iso.datetime().nullable(),
  /** Agent status: reread all of the last 24 hours each time. */
  reconciliation: z.boolean(),
  /** Agent status: every 10 seconds. */
  realTime: z.boolean(),
});
export type DatabaseSource = z.infer<typeof DatabaseSource>;
