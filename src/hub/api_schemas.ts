/** Schemas of the API for users and scripts; those for agents are in `protocol/`. */
import * as z from "zod";
import { AgentAnswer } from "../protocol/assignment.ts";
import { DatabaseSource, databaseTypes, dataTypes } from "../protocol/database.ts";
import { BatchOrigin, Sha256 } from "../protocol/delivery.ts";
import { Id, Pin } from "../protocol/linking.ts";
import { unlinkReasons } from "../protocol/problem.ts";
import { nameLengthMax, pageItemsMax } from "./limits.ts";
import { rowFormats } from "./rows/row_stream.ts";
import { importStates, integrationStates, nextSteps, windowStates } from "./services.ts";

const Instant = z.iso.datetime();
/** A name typed by a user, of anything: visible, without control characters. Surrounding spaces are ignored. */
export const Name: z.ZodString = z.string().trim().min(1).max(nameLengthMax)
  .regex(/^[^\p{Cc}]*$/u, "no control characters");

const Waiting = z.object({ batches: z.number().int(), bytes: z.number().int() });

/** The installation that an integration is linked to. `waiting` is as last reported, `null` before the first report. */
export const InstallationBody = z.object({
  id: Id,
  hostName: z.string(),
  version: z.string(),
  system: z.string(),
  name: z.string(),
  address: z.string(),
  linkedAt: Instant,
  lastSeenAt: Instant.nullable(),
  waiting: Waiting.nullable(),
});

const Minutes = z.union([z.literal(15), z.literal(30), z.literal(60)]);
const IntervalMinutes = z.union([z.literal(15), z.literal(30)]);

/** Settings of a database integration as shown: whether there is a secret, never the secret itself. */
const SettingsBody = z.object({
  databaseType: z.enum(databaseTypes),
  host: z.string().nullable(),
  port: z.number().int().nullable(),
  database: z.string().nullable(),
  user: z.string().nullable(),
  passwordSet: z.boolean(),
  connectionStringSet: z.boolean(),
  trustServerCertificate: z.boolean(),
  file: z.string().nullable(),
  kept: z.boolean(),
  dataType: z.enum(dataTypes),
  intervalMinutes: IntervalMinutes.nullable(),
  timeZone: z.string(),
  query: z.string(),
  everyMinutes: Minutes,
  realTime: z.boolean(),
  reconciliation: z.boolean(),
  history: z.iso.date().nullable(),
});

/**
 * Settings as given. Whether `host` …, `connectionString` or `file` are required depends on the database type; none are
 * when the connection is kept by the installation. Absent fields stay unchanged.
 */
const SettingsInputBody = z.strictObject({
  databaseType: z.enum(databaseTypes).optional(),
  host: z.string().nullable().optional(),
  port: z.number().int().nullable().optional(),
  database: z.string().nullable().optional(),
  user: z.string().nullable().optional(),
  password: z.string().nullable().optional(),
  connectionString: z.string().nullable().optional(),
  trustServerCertificate: z.boolean().optional(),
  file: z.string().nullable().optional(),
  kept: z.boolean().optional(),
  dataType: z.enum(dataTypes).optional(),
  intervalMinutes: IntervalMinutes.nullable().optional(),
  timeZone: z.string().optional(),
  query: z.string().optional(),
  everyMinutes: Minutes.optional(),
  realTime: z.boolean().optional(),
  reconciliation: z.boolean().optional(),
  history: z.string().nullable().optional(),
});

/**
 * An integration at the moment of the response: `state`, `problem`, `noDataSince` and `nextStep` are computed, not
 * stored.
 */
export const IntegrationBody = z.object({
  id: Id,
  name: z.string(),
  type: z.enum(["csv", "database"]),
  state: z.enum(integrationStates),
  stateSince: Instant.nullable(),
  problem: z.string().nullable(),
  noDataSince: Instant.nullable(),
  unlinkReason: z.enum(unlinkReasons).nullable(),
  nextStep: z.enum(nextSteps),
  paused: z.boolean(),
  draft: z.boolean(),
  installation: InstallationBody.nullable(),
  settings: SettingsBody.nullable(),
  test: z.object({ id: Id, state: z.enum(["waiting", "ok", "failed"]) }).nullable(),
  loading: z.number().int(),
  importCount: z.number().int(),
  lastImportAt: Instant.nullable(),
  createdAt: Instant,
});

/** Creates an integration. A `draft` can be linked before its settings are complete, as the console's page does. */
export const NewIntegrationBody = z.strictObject({
  name: Name,
  type: z.enum(["csv", "database"]),
  draft: z.boolean().optional(),
  settings: SettingsInputBody.optional(),
});

/** Changes an integration: absent fields stay unchanged. A draft becomes saved, never the other way round. */
export const IntegrationChangeBody = z.strictObject({
  name: Name.optional(),
  paused: z.boolean().optional(),
  draft: z.literal(false).optional(),
  settings: SettingsInputBody.optional(),
});

/** Rows as JSON: columns of the data type by name, times as RFC 3339 in UTC. */
export const RowsBody = z.array(z.record(z.string(), z.union([z.string(), z.number(), z.null()])));

/** Links an integration: the PIN that the installation shows. */
export const ConnectBody = z.strictObject({ pin: Pin });

/**
 * A completely received batch; others are not visible. `size` is of the content in bytes, uncompressed. Rows of a
 * database become `loaded` or `failed` (`error` says why); files stay `received`.
 */
export const ImportBody = z.object({
  id: Id,
  integrationId: Id,
  fileName: z.string(),
  size: z.number().int(),
  sha256: Sha256,
  rows: z.number().int(),
  state: z.enum(importStates),
  receivedAt: Instant,
  error: z.string().nullable(),
  origin: BatchOrigin,
});

/** Which page of a list. `cursor` is the `next` of the previous page; it stays valid when rows are added. */
export const PageQuery = z.object({
  cursor: z.string().max(1024).optional(),
  limit: z.coerce.number().int().min(1).max(pageItemsMax).optional(),
});

/** Integrations by name; `next` is `null` on the last page. */
export const IntegrationPage = z.object({ items: z.array(IntegrationBody), next: z.string().nullable() });
/** Imports, newest first; `next` is `null` on the last page. */
export const ImportPage = z.object({ items: z.array(ImportBody), next: z.string().nullable() });

const TimeRange = z.object({ from: Instant, to: Instant });

const WindowBody = TimeRange.extend({
  lane: z.enum(["live", "history"]),
  sequence: z.number().int(),
  state: z.enum(windowStates),
  rows: z.object({
    source: z.number().int(),
    refused: z.number().int(),
    batch: z.number().int(),
    hub: z.number().int(),
    overtaken: z.number().int(),
    now: z.number().int(),
  }),
  agrees: z.boolean(),
  reasons: z.array(z.string()),
  error: z.string().nullable(),
  receivedAt: Instant,
  loadedAt: Instant,
});

/**
 * What has been read of a database, and a page of individual windows. `rows` counts those in force, without replaced
 * ones.
 */
export const WindowsBody = z.object({
  dataType: z.enum(dataTypes),
  timeZone: z.string(),
  rows: z.number().int(),
  imported: z.array(TimeRange),
  gaps: z.array(TimeRange),
  historyLeft: TimeRange.nullable(),
  refused: z.array(WindowBody),
  days: z.array(z.object({ day: z.iso.date(), contacts: z.number().int(), answered: z.number().int() })),
  items: z.array(WindowBody),
  next: z.string().nullable(),
});

/**
 * Which rows: `from` inclusive, `to` exclusive; all if both are absent. `format` takes precedence over the Accept
 * header.
 */
export const RowsQuery = z.object({
  from: z.iso.datetime({ offset: true }).or(z.iso.date()).optional(),
  to: z.iso.datetime({ offset: true }).or(z.iso.date()).optional(),
  format: z.enum(rowFormats).optional(),
});

/** A one-off request to a linked agent. A test without `source` uses the saved settings. */
export const NewRequestBody = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("import-now") }),
  z.strictObject({ type: z.literal("test"), source: DatabaseSource.optional() }),
]);

/** The state of a request; `answer` is `null` until the agent has given one. */
export const RequestBody = z.object({
  id: Id,
  type: z.enum(["import-now", "test"]),
  createdAt: Instant,
  answer: AgentAnswer.nullable(),
});
