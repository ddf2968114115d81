/** Refusals as problem details (RFC 9457). */
import type { Problem, ProblemCode } from "../../protocol/problem.ts";
import { HubProblem } from "../services.ts";

interface Kind {
  readonly status: number;
  readonly title: string;
  /** For readers who look up the problem's type. */
  readonly meaning: string;
}

const kinds: Readonly<Record<ProblemCode, Kind>> = {
  "invalid-request": {
    status: 400,
    title: "The request is not valid",
    meaning: "The body or the query does not match the API description. `errors` names each wrong field.",
  },
  "not-authenticated": {
    status: 401,
    title: "Not logged in",
    meaning: "There is no session, API token or access token, or it has ended.",
  },
  "forbidden": {
    status: 403,
    title: "Not allowed",
    meaning: "The role does not allow it, or another website's page sent it.",
  },
  "not-found": {
    status: 404,
    title: "Not found",
    meaning: "There is nothing of this name, or not in this account.",
  },
  "conflict": {
    status: 409,
    title: "Conflicts with the current state",
    meaning: "It cannot be done as things are now. Look at them again.",
  },
  "method-not-allowed": {
    status: 405,
    title: "Method not allowed",
    meaning: "The address exists, but not for this method. The header Allow names those that are.",
  },
  "too-large": { status: 413, title: "Too large", meaning: "The body is larger than the hub accepts here." },
  "too-many-requests": {
    status: 429,
    title: "Too many requests",
    meaning: "A limit is used up, such as that of wrong PINs. Retry-After says how many seconds to wait.",
  },
  "unavailable": {
    status: 503,
    title: "Not available now",
    meaning: "The hub is busy, stopping, or waiting for its database. Try again, after Retry-After where it is given.",
  },
  "internal": { status: 500, title: "The hub failed", meaning: "The hub's log says why." },
  "wrong-pin": {
    status: 404,
    title: "The PIN is wrong or has expired",
    meaning: "No installation shows this PIN now. A PIN is valid for five minutes.",
  },
  "unlinked": {
    status: 403,
    title: "The installation is no longer linked",
    meaning: "The link that the access token was for has ended; `reason` says why.",
  },
  "checksum-mismatch": {
    status: 422,
    title: "The content is not what was declared",
    meaning: "What arrived is damaged, incomplete or something else. Nothing was stored: send it again.",
  },
  "part-missing": {
    status: 409,
    title: "A part is missing",
    meaning: "A part of the batch is missing, or no longer there. Declare the batch again and send what is missing.",
  },
  "bad-upload-address": {
    status: 403,
    title: "The upload address is not valid",
    meaning: "It is forged or altered, has already been used, or has expired. Ask for a new one.",
  },
};

/** What a problem's type means, for people. */
export function problemText(code: ProblemCode): string {
  const { title, status, meaning } = kinds[code];
  return `${title} (HTTP status ${status})\n\n${meaning}\n`;
}

/** The HTTP status of a problem. */
export function problemStatus(code: ProblemCode): number {
  return kinds[code].status;
}

/** The JSON of `problem`: the body of a response, or one of several answers in it. */
export function problemBody(problem: HubProblem): Problem {
  const { title, status } = kinds[problem.code];
  return {
    type: `/problems/${problem.code}`,
    title,
    status,
    detail: problem.message,
    ...(problem.reason === undefined ? {} : { reason: problem.reason }),
    ...(problem.errors === undefined ? {} : { errors: problem.errors }),
  };
}

/** The response for `problem`. */
export function problemResponse(problem: HubProblem): Response {
  const { status } = kinds[problem.code];
  const body = problemBody(problem);
  const headers = new Headers({ "Content-Type": "application/problem+json", "Cache-Control": "no-store" });
  if (problem.retryAfterSeconds !== undefined) headers.set("Retry-After", String(problem.retryAfterSeconds));
  if (status === 401) headers.set("WWW-Authenticate", 'Bearer realm="injixo Cloud Link"');
  return new Response(JSON.stringify(body), { status, headers });
}
