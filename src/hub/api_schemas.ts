/** Shapes of the API for users and scripts; those of agents are in `protocol/`. */
import { z } from "zod";
import { AgentAnswer } from "../protocol/assignment.ts";
import { DatabaseSource } from "../protocol/database.ts";
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
  importCount: z.number().int(),
  lastImportAt: Instant.nullable(),
  createdAt: Instant,
});

export const NewIntegrationBody = z.strictObject({
  name: Name,
  type: z.literal("csv"),
  draft: z.boolean().optional(),
});

export const IntegrationChangeBody = z.strictObject({
  name: Name.optional(),
  paused: z.boolean().optional(),
  draft: z.literal(false).optional(),
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
  z.strictObject({ type: z.literal("test"), source: DatabaseSource }),
]);

export const RequestBody = z.object({
  id: Id,
  type: z.enum(["import-now", "test"]),
  createdAt: Instant,
  answer: AgentAnswer.nullable(),
});
