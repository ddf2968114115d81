/** Refusals as problem details (RFC 9457). */
import type { Problem, ProblemCode } from "../protocol/problem.ts";
import { HubProblem } from "./services.ts";

const kinds: Readonly<Record<ProblemCode, { status: number; title: string }>> = {
  "invalid-request": { status: 400, title: "The request is not valid" },
  "not-authenticated": { status: 401, title: "Not logged in" },
  "forbidden": { status: 403, title: "Not allowed" },
  "not-found": { status: 404, title: "Not found" },
  "conflict": { status: 409, title: "Does not fit the present state" },
  "method-not-allowed": { status: 405, title: "Method not allowed" },
  "too-large": { status: 413, title: "Too large" },
  "too-many-requests": { status: 429, title: "Too many requests" },
  "unavailable": { status: 503, title: "Not available now" },
  "internal": { status: 500, title: "The hub failed" },
  "wrong-pin": { status: 404, title: "The PIN is wrong or has expired" },
  "unlinked": { status: 403, title: "The installation is not linked any longer" },
  "checksum-mismatch": { status: 422, title: "The content is not what was declared" },
  "part-missing": { status: 409, title: "A part is missing" },
  "bad-upload-address": { status: 403, title: "The upload address is not valid" },
};

/** The HTTP status of a problem. */
export function problemStatus(code: ProblemCode): number {
  return kinds[code].status;
}

/** What tells `problem`: the body of an answer, or one of several answers. */
export function problemBody(problem: HubProblem): Problem {
  return {
    type: `/problems/${problem.code}`,
    ...kinds[problem.code],
    detail: problem.message,
    ...(problem.reason === undefined ? {} : { reason: problem.reason }),
    ...(problem.errors === undefined ? {} : { errors: problem.errors }),
  };
}

/** The answer that tells `problem`. */
export function problemResponse(problem: HubProblem): Response {
  const { status } = kinds[problem.code];
  const body = problemBody(problem);
  const headers = new Headers({ "Content-Type": "application/problem+json", "Cache-Control": "no-store" });
  if (problem.retryAfterSeconds !== undefined) headers.set("Retry-After", String(problem.retryAfterSeconds));
  if (status === 401) headers.set("WWW-Authenticate", 'Bearer realm="injixo Cloud Link"');
  return new Response(JSON.stringify(body), { status, headers });
}
