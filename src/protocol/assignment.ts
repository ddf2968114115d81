/**
 * What the hub tells a linked agent to do, fetched by one long poll: `GET /api/v1/agent/assignment` with
 * `If-None-Match` and `Prefer: wait=55` (RFC 7240) answers 200 with an `ETag` as soon as it differs, otherwise 304. An
 * agent whose link has ended gets problem `unlinked`.
 */
import * as z from "zod";
import { DatabaseSource } from "./database.ts";
import { Id, Link } from "./linking.ts";

/** Longest wait of one poll, in seconds: below the idle limit of common proxies. */
export const assignmentWaitSecondsMax = 55;

/** A CSV integration: files of the import folder, unchanged. */
const CsvSource = z.object({ type: z.literal("csv") });

/** Where an integration's data comes from. */
export const Source = z.discriminatedUnion("type", [CsvSource, DatabaseSource]);
export type Source = z.infer<typeof Source>;

/** A one-off request of the hub; answered by its id with `PUT /api/v1/agent/requests/{id}`. */
export const AgentRequest = z.discriminatedUnion("type", [
  /** Look for new data now. */
  z.object({ id: Id, type: z.literal("import-now") }),
  /** Connect to the given source, run its query for the last hour and report; nothing is imported. */
  z.object({ id: Id, type: z.literal("test"), source: DatabaseSource }),
]);
export type AgentRequest = z.infer<typeof AgentRequest>;

/** The answer to an {@linkcode AgentRequest}. */
export const AgentAnswer = z.object({
  ok: z.boolean(),
  /** One line for people. */
  message: z.string().max(4096),
  /** Columns in the order of the query, and the first rows as text; `null` is SQL's NULL. */
  preview: z.object({
    columns: z.array(z.string().max(256)).max(1024),
    rows: z.array(z.array(z.string().max(4096).nullable()).max(1024)).max(10),
    rowCount: z.number().int().nonnegative(),
  }).optional(),
});
export type AgentAnswer = z.infer<typeof AgentAnswer>;

/**
 * What a linked agent does until told otherwise. It is stored, so that extraction continues while the hub is
 * unreachable.
 */
export const Assignment = z.object({
  link: Link,
  paused: z.boolean(),
  /** `null`: linked, but the integration is still a draft: nothing to do yet. */
  source: Source.nullable(),
  requests: z.array(AgentRequest).max(32),
  /**
   * How many batches of this link's integration the hub has, undamaged; fewer than the agent knows of means that the hub
   * was restored, or its disk has damaged some.
   */
  received: z.object({
    count: z.number().int().nonnegative(),
    /**
     * The highest sequence number that the hub knows of this integration's batches, 0 for none; above the agent's own if
     * its state was put back. Absent from older hubs.
     */
    sequence: z.number().int().nonnegative().optional(),
  }),
  /** Payloads up to this length may be sent whole, in bytes. Absent from older hubs, which accept only parts. */
  wholePayloadBytes: z.number().int().nonnegative().optional(),
  /**
   * The rank of this link's windows: those of a higher epoch replace those of a lower one. If it is not the one that the
   * agent knows, another installation was linked in between, and the agent reads everything again. Absent from older hubs.
   */
  epoch: z.number().int().nonnegative().optional(),
  /** Another computer uses the same identity: a machine was cloned. Absent if none does. */
  twin: z.boolean().optional(),
});
export type Assignment = z.infer<typeof Assignment>;

/** An agent's report about itself, `PUT /api/v1/agent/status`, on every change and once a minute. */
export const AgentStatusReport = z.object({
  version: z.string().max(64),
  /** What waits for delivery. */
  waiting: z.object({ batches: z.number().int().nonnegative(), bytes: z.number().int().nonnegative() }),
  /** What is broken now, one line with the remedy; `null` when all is well. */
  problem: z.string().max(2048).nullable(),
  /** Identifies the running process: two that report alternately are two computers with one identity. */
  run: z.string().min(1).max(64).optional(),
});
export type AgentStatusReport = z.infer<typeof AgentStatusReport>;
