/**
 * How a batch reaches the hub:
 *
 * 1. `POST /api/v1/agent/batches` with a {@linkcode BatchDeclaration} → {@linkcode DeclarationAnswer}: a receipt if the
 *    hub already has it, otherwise the parts that have arrived so far (a half-sent batch is resumed).
 * 2. `POST /api/v1/agent/batches/{id}/parts` with a {@linkcode PartsRequest} → one signed address per part
 *    ({@linkcode PartsAnswer}); each part is PUT to its address as bytes with exactly the given headers.
 * 3. `POST /api/v1/agent/batches/{id}/complete` with {@linkcode CompletionRequest} → 200 {@linkcode Receipt}, or 202
 *    while the hub is still checking a large batch: ask again.
 *
 * The payload is the batch's content compressed by zstd; parts are consecutive ranges of the payload.
 *
 * A small batch may be sent whole instead, several in one request, if the assignment says up to which size: `POST
 * /api/v1/agent/batches/whole` with {@linkcode WholeBatchesRequest} → {@linkcode WholeBatchesAnswer}. Repeating it is
 * as harmless as repeating the steps above, and the two ways may be mixed.
 */
import * as z from "zod";
import { dataTypes } from "./database.ts";
import { Problem } from "./problem.ts";

/** Parts have at least this length (the last may be shorter), in bytes: half a second on a line of 1 Mbit/s. */
export const partBytesMin = 64 * 1024;
/** Payloads up to this length are a single part, in bytes. */
export const singlePartBytesMax = 256 * 1024;
/** Parts have at most this length, in bytes. */
export const partBytesMax = 8 * 1024 * 1024;
/** Largest content of one batch, in bytes. */
const contentBytesMax = 64 * 1024 ** 3;
/** Largest number of parts of a batch. */
export const partsPerBatchMax = 300_000;
/** How many part addresses may be requested at once. */
export const partsPerRequestMax = 64;

/**
 * Largest body of a request to the hub, in bytes: what administrators of proxies are told to allow. (For very large
 * batches, a hub that does not accept runs of parts gets longer ones.)
 */
export const requestBytesMax = 256 * 1024;

/** Largest payload sent whole, in bytes; a hub may set a lower limit. */
export const wholePayloadBytesMax = 32 * 1024;
/** Largest content of a batch sent whole, in bytes: it is checked in memory. */
export const wholeContentBytesMax = 1024 * 1024;
/** How many batches may be sent whole in one request. */
export const wholeBatchesMax = 64;

/** SHA-256, lower-case hexadecimal. */
export const Sha256: z.ZodString = z.string().regex(/^[0-9a-f]{64}$/);
const ByteCount = z.number().int().nonnegative().max(contentBytesMax);
const Instant = z.iso.datetime();

/** What the batch contains. */
export const BatchOrigin = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("csv"),
    /** The file's name without its folder. */
    fileName: z.string().min(1).max(255),
    /** When the file was last changed. */
    modifiedAt: Instant.nullable(),
  }),
  z.object({
    kind: z.literal("query"),
    dataType: z.enum(dataTypes),
    /** The rows of this window, and no others, are replaced: from inclusive, to exclusive, UTC. */
    window: z.object({ from: Instant, to: Instant }),
    timeZone: z.string().max(64),
    rows: z.number().int().nonnegative(),
    /** Rows that the query returned and the agent refused, with the first few reasons. */
    refused: z.object({ rows: z.number().int().nonnegative(), reasons: z.array(z.string().max(512)).max(10) }),
    columns: z.array(z.string().max(256)).max(1024),
  }),
]);
export type BatchOrigin = z.infer<typeof BatchOrigin>;

/** Everything known about a batch before its bytes are sent. */
export const BatchDeclaration = z.object({
  /** See {@linkcode ../spool/batch_id.ts}: computed from integration, origin and content. */
  id: Sha256,
  linkId: z.string().max(64),
  /** The agent's sequence number: for a window the highest wins. */
  sequence: z.number().int().positive(),
  lane: z.enum(["live", "history"]),
  origin: BatchOrigin,
  /** The content: what the hub stores and serves. */
  sha256: Sha256,
  bytes: ByteCount,
  /** The payload: the content compressed with zstd, which is what is sent. */
  payloadSha256: Sha256,
  payloadBytes: ByteCount,
  createdAt: Instant,
});
export type BatchDeclaration = z.infer<typeof BatchDeclaration>;

/** A range of the payload. */
export const Part = z.object({
  offset: ByteCount,
  bytes: z.number().int().positive().max(partBytesMax),
  sha256: Sha256,
});
export type Part = z.infer<typeof Part>;

/** The hub's confirmation that it has the whole batch, durably. */
export const Receipt = z.object({ batch: Sha256, receivedAt: Instant });
export type Receipt = z.infer<typeof Receipt>;

/** Answer to the declaration. */
export const DeclarationAnswer = z.discriminatedUnion("state", [
  z.object({ state: z.literal("received"), receipt: Receipt }),
  z.object({
    state: z.literal("wanted"),
    parts: z.array(Part),
    /** The completion may name {@linkcode PartRun}s. Absent from older hubs. */
    takesRuns: z.boolean().optional(),
  }),
]);
export type DeclarationAnswer = z.infer<typeof DeclarationAnswer>;

/** The parts the agent will send next. Addresses expire, so it asks for a few at a time. */
export const PartsRequest = z.object({ parts: z.array(Part).min(1).max(partsPerRequestMax) });
export type PartsRequest = z.infer<typeof PartsRequest>;

/** One signed address per requested part, in the same order. */
export const PartsAnswer = z.object({
  addresses: z.array(z.object({
    url: z.url().max(4096),
    headers: z.record(z.string(), z.string()),
    expiresAt: Instant,
  })),
});
export type PartsAnswer = z.infer<typeof PartsAnswer>;

/** Consecutive parts of the same length. */
export const PartRun = z.object({
  /** Of each part. */
  bytes: z.number().int().positive().max(partBytesMax),
  count: z.number().int().positive().max(partsPerBatchMax),
});
export type PartRun = z.infer<typeof PartRun>;

/** All parts of a batch in the order of their offsets, without gaps or overlaps. */
export const AllParts = z.array(Part).min(1).max(partsPerBatchMax);

/**
 * All parts, one by one or as runs. A list of thousands of parts exceeds what some proxies accept; the hub knows the
 * parts that have arrived by their offset and length, and verifies the whole by the payload's SHA-256 in any case.
 */
export const CompletionRequest = z.union([
  z.object({ parts: AllParts }),
  z.object({ runs: z.array(PartRun).min(1).max(partsPerBatchMax) }),
]);
export type CompletionRequest = z.infer<typeof CompletionRequest>;

/** Small batches with their payloads, oldest first. */
export const WholeBatchesRequest = z.object({
  batches: z.array(z.object({
    declaration: BatchDeclaration,
    /** Base64 (RFC 4648, section 4). */
    payload: z.string().max(Math.ceil(wholePayloadBytesMax / 3) * 4),
  })).min(1).max(wholeBatchesMax),
});
export type WholeBatchesRequest = z.infer<typeof WholeBatchesRequest>;

/** The result for one of them. Each is accepted or refused individually. */
export const WholeBatchAnswer = z.discriminatedUnion("state", [
  z.object({ state: z.literal("received"), receipt: Receipt }),
  /** The hub wants it declared and sent in parts: some have already arrived. */
  z.object({ state: z.literal("wanted") }),
  z.object({ state: z.literal("refused"), problem: Problem }),
]);
export type WholeBatchAnswer = z.infer<typeof WholeBatchAnswer>;

/** In the order of the request. */
export const WholeBatchesAnswer = z.object({ answers: z.array(WholeBatchAnswer).max(wholeBatchesMax) });
export type WholeBatchesAnswer = z.infer<typeof WholeBatchesAnswer>;

/** `POST /api/v1/agent/batches/missing`: which of these once acknowledged batches the hub no longer has. */
export const MissingRequest = z.object({ ids: z.array(Sha256).max(1000) });
export type MissingRequest = z.infer<typeof MissingRequest>;
/** The requested ids that the hub does not have: it was restored from a backup, and they are sent again. */
export const MissingAnswer = z.object({ missing: z.array(Sha256).max(1000) });
export type MissingAnswer = z.infer<typeof MissingAnswer>;
