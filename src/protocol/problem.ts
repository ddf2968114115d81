/** Errors of the hub's API: problem details (RFC 9457), `application/problem+json`. */
import * as z from "zod";

/** Each code is the last segment of the problem's `type`, `/problems/{code}`, where the hub explains it. */
export const problemCodes = [
  "invalid-request",
  "not-authenticated",
  "forbidden",
  "not-found",
  "conflict",
  "method-not-allowed",
  "too-large",
  "too-many-requests",
  "unavailable",
  "internal",
  /** The PIN is wrong or has expired. */
  "wrong-pin",
  /** The agent's link has ended; `reason` says why. */
  "unlinked",
  /** The content does not have the declared SHA-256 or size; nothing was stored. */
  "checksum-mismatch",
  /** A part of the completion is missing, or no longer there; declare again. */
  "part-missing",
  /** The upload address is forged, used for another body, or has expired. */
  "bad-upload-address",
] as const;
/** One of {@linkcode problemCodes}. An agent must tolerate codes that a newer hub has added. */
export type ProblemCode = (typeof problemCodes)[number];

/** Why a link ended. */
export const unlinkReasons = ["integration-deleted", "moved", "linked-elsewhere", "given-up"] as const;
/** One of {@linkcode unlinkReasons}; decides what the agent's log tells the administrator to do. */
export type UnlinkReason = (typeof unlinkReasons)[number];

/**
 * The body of every refusal except OAuth's (RFC 9457, section 3.1). `detail` is for people, `type` and `reason` for
 * programs.
 */
export const Problem = z.object({
  type: z.string().max(256),
  title: z.string().max(256),
  status: z.number().int(),
  detail: z.string().max(4096).optional(),
  reason: z.string().max(64).optional(),
  /** What is wrong, field by field; a field's name is its path in the body, `settings.host`. */
  errors: z.array(z.object({ field: z.string().max(256), detail: z.string().max(4096) })).max(100).optional(),
});
export type Problem = z.infer<typeof Problem>;

/**
 * The code in a problem's `type`, or `undefined` if it is not one of ours.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(problemCode({ type: "/problems/unlinked", title: "", status: 403 }), "unlinked");
 * ```
 */
export function problemCode(problem: Problem): ProblemCode | undefined {
  const last = problem.type.split("/").at(-1);
  return problemCodes.find((code) => code === last);
}
