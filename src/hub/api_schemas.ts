/** Shapes of the API for users and scripts; those of agents are in `protocol/`. */
import { z } from "zod";
import { AgentAnswer } from "../protocol/assignment.ts";
import { DatabaseSource, databaseTypes, dataTypes } from "../protocol/database.ts";
import { BatchOrigin, Sha256 } from "../protocol/delivery.ts";
import { Id, Pin } from "../protocol/linking.ts";
import { unlinkReasons } from "../protocol/problem.ts";
import { pageItemsMax } from "./limits.ts";
import { integrationStates, nextSteps } from "./services.ts";

const Instant = z.iso.datetime();
/** What people type as a name: something visible, no control characters. */
export const Name: z.ZodString = z.string().trim().min(1).max(255).regex(/^[^\p{Cc}]*$/u, "no control characters");

const Waiting = z.object({ batches: z.number().int(), bytes: z.number().int() });

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

/** Settings of a database integration as they are shown: whether there is a secret, never the secret. */
export const SettingsBody = z.object({
  databaseType: z.enum(databaseTypes),
  host: z.string().nullable(),
  port: z.number().int().nullable(),
  database: z.string().nullable(),
  user: z.string().nullable(),
  passwordSet: z.boolean(),
  connectionStringSet: z.boolean(),
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
 * Settings as they are given. Which of `host` …, `connectionString` and `file` are asked for depends on the database type;
 * none when the connection is kept by the installation. What is absent stays as it was.
 */
export const SettingsInputBody = z.strictObject({
  databaseType: z.enum(databaseTypes).optional(),
  host: z.string().nullable().optional(),
  port: z.number().int().nullable().optional(),
  database: z.string().nullable().optional(),
  user: z.string().nullable().optional(),
  password: z.string().nullable().optional(),
  connectionString: z.string().nullable().optional(),
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

export const IntegrationBody = z.object({
  id: Id,
  name: z.string(),
  type: z.enum(["csv", "database"]),
  state: z.enum(integrationStates),
  stateSince: Instant.nullable(),
  problem: z.string().nullable(),
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

export const NewIntegrationBody = z.strictObject({
  name: Name,
  type: z.enum(["csv", "database"]),
  draft: z.boolean().optional(),
  settings: SettingsInputBody.optional(),
});

export const IntegrationChangeBody = z.strictObject({
  name: Name.optional(),
  paused: z.boolean().optional(),
  draft: z.literal(false).optional(),
  settings: SettingsInputBody.optional(),
});

export const ConnectBody = z.strictObject({ pin: Pin });

export const ImportBody = z.object({
  id: Id,
  integrationId: Id,
  fileName: z.string(),
  size: z.number().int(),
  sha256: Sha256,
  rows: z.number().int(),
  state: z.literal("received"),
  receivedAt: Instant,
  error: z.string().nullable(),
  origin: BatchOrigin,
});

export const PageQuery = z.object({
  cursor: z.string().max(1024).optional(),
  limit: z.coerce.number().int().min(1).max(pageItemsMax).optional(),
});

export const IntegrationPage = z.object({ items: z.array(IntegrationBody), next: z.string().nullable() });
export const ImportPage = z.object({ items: z.array(ImportBody), next: z.string().nullable() });

export const NewRequestBody = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("import-now") }),
  z.strictObject({ type: z.literal("test"), source: DatabaseSource.optional() }),
]);

export const RequestBody = z.object({
  id: Id,
  type: z.enum(["import-now", "test"]),
  createdAt: Instant,
  answer: AgentAnswer.nullable(),
});
