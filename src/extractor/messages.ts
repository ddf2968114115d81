/**
 * Messages between agent and extractor: one JSON message per line.
 *
 * Drivers share the child's standard output, and some print to it. So the first line sent to the child contains a
 * random prefix; lines that begin with it are messages, all others are driver output. The child ends any unfinished
 * output line before each message.
 *
 * Credentials travel on standard input only: others can read arguments and environment.
 */
import * as z from "zod";
import { DatabaseConnection, databaseTypes, dataTypes } from "../protocol/database.ts";

/** Longest line from the child; a longer one is cut, and is not a message. */
export const lineBytesMax = 4 * 1024 * 1024;
/** How many rows can be previewed. */
const previewRowsMax = 10;
/** How much of a previewed value is shown, in characters. */
export const previewValueLength = 200;

/** Opens the conversation. */
const Hello = z.object({ type: z.literal("hello"), prefix: z.string().regex(/^[0-9a-f]{32}$/) });

/** One query to run. */
export const ExtractJob = z.object({
  databaseType: z.enum(databaseTypes),
  /** Never `kept`: resolved by the agent. */
  connection: DatabaseConnection,
  /** Folders that may contain an SQLite file (real paths); `null` for a file named by the TOML. */
  sqliteFolders: z.array(z.string()).nullable(),
  /** What relative file names refer to. */
  folder: z.string(),
  timeZone: z.string(),
  dataType: z.enum(dataTypes),
  query: z.string(),
  /** From inclusive, to exclusive, in ms since the epoch. */
  window: z.object({ fromMs: z.number(), toMs: z.number() }),
  /** Where the batch goes; `null` for a preview only. */
  output: z.object({ path: z.string(), bytesMax: z.number() }).nullable(),
  previewRows: z.number().int().min(0).max(previewRowsMax),
  /** The database should give up after this long. */
  timeoutSeconds: z.number().positive(),
  /** Keep the connection for the next job. */
  keepConnection: z.boolean(),
});
export type ExtractJob = z.infer<typeof ExtractJob>;

/** From the agent. The end of input ends the child. */
export const ToExtractor = z.discriminatedUnion("type", [
  Hello,
  z.object({ type: z.literal("run"), id: z.number().int(), job: ExtractJob }),
  z.object({ type: z.literal("cancel"), id: z.number().int() }),
]);
export type ToExtractor = z.infer<typeof ToExtractor>;

/** The result of a query. */
export const ExtractResult = z.object({
  /** Rows that the query returned. */
  rows: z.number().int(),
  refused: z.object({ rows: z.number().int(), reasons: z.array(z.string()) }),
  columns: z.array(z.string()),
  preview: z.array(z.array(z.string().nullable())),
  /** `null` if there was nothing to write. */
  file: z.object({
    path: z.string(),
    sha256: z.string(),
    bytes: z.number(),
    payloadSha256: z.string(),
    payloadBytes: z.number(),
  }).nullable(),
  /** From the start of the query to the last row, in ms. */
  durationMs: z.number(),
  /** The database's description, for people. */
  database: z.string(),
  /** The driver holds whole results in memory: ask for less at once. */
  holdsResults: z.boolean(),
  /** What could not be set up as intended. */
  remarks: z.array(z.string()),
  /** Resident memory of the child, in bytes. */
  memoryBytes: z.number(),
});
export type ExtractResult = z.infer<typeof ExtractResult>;

/** Why a query failed. */
const extractFailures = [
  /** The query cannot be narrowed, or lacks columns: someone must change it. */
  "query",
  /** The database cannot be reached, or refuses the login. */
  "connection",
  /** The database refused or aborted the query. */
  "database",
  /** It took longer than allowed. */
  "timeout",
  "cancelled",
  /** The batch could not be written. */
  "output",
  /** The driver took the process down, or it had to be killed. */
  "crash",
] as const;
/** One of {@linkcode extractFailures}: where it went wrong, and so what helps. */
export type ExtractFailure = (typeof extractFailures)[number];

/** From the child. */
export const FromExtractor = z.discriminatedUnion("type", [
  z.object({ type: z.literal("started"), id: z.number().int() }),
  z.object({ type: z.literal("progress"), id: z.number().int(), rows: z.number().int(), memoryBytes: z.number() }),
  z.object({ type: z.literal("result"), id: z.number().int(), result: ExtractResult }),
  z.object({
    type: z.literal("error"),
    id: z.number().int(),
    failure: z.enum(extractFailures),
    message: z.string(),
    memoryBytes: z.number(),
  }),
]);
export type FromExtractor = z.infer<typeof FromExtractor>;

/** A line with a message from the child, with the prefix that distinguishes it from driver output. */
export function encodeFromExtractor(message: FromExtractor, prefix: string): string {
  return `\n${prefix} ${JSON.stringify(message)}\n`;
}

/** The message in a line; `undefined` for driver output. Throws if a line has the prefix but is not a valid message. */
export function decodeFromExtractor(line: string, prefix: string): FromExtractor | undefined {
  if (!line.startsWith(`${prefix} `)) return undefined;
  return FromExtractor.parse(JSON.parse(line.slice(prefix.length + 1)));
}

/** The message about a query that took longer than allowed. */
export function timeoutMessage(job: ExtractJob): string {
  return `The query took longer than ${job.timeoutSeconds} seconds. Less data is requested next time; an index on the time ` +
    "column, or a simpler query, helps the database.";
}
