/**
 * The description of an API endpoint: who may call it, what it accepts and returns. The same description guards the
 * route, is served as OpenAPI, and drives the authorization tests.
 */
import type { Context } from "hono";
import type * as z from "zod";
import type { ProblemCode } from "../../protocol/problem.ts";
import type { AgentIdentity } from "../oauth/access_tokens.ts";
import type { Actor } from "../services.ts";

/** `nobody`: open to all; `reader`: any user or API token; `administrator`; `agent`: an installation's access token. */
export type Audience = "nobody" | "reader" | "administrator" | "agent";

interface Description {
  readonly method: "get" | "post" | "put" | "patch" | "delete";
  /** With parameters as in Hono, `/api/v1/imports/:id`. */
  readonly path: string;
  readonly summary: string;
  readonly tag: "integrations" | "imports" | "agent" | "linking" | "operation";
  readonly query?: z.ZodObject;
  /** Largest body, in bytes. */
  readonly bodyBytesMax?: number;
  /** For a body that is not JSON: the handler reads it itself. */
  readonly bodyType?: string;
  readonly problems?: readonly ProblemCode[];
}

/** What the handler gets besides Hono's context. */
export interface Call<Caller, Body> {
  readonly context: Context;
  readonly caller: Caller;
  readonly body: Body;
  readonly signal: AbortSignal;
  param(name: string): string;
}

type CallerOf<For extends Audience> = For extends "agent" ? AgentIdentity : For extends "nobody" ? undefined : Actor;

/** An endpoint that returns JSON (or whatever `handle` makes of it). */
export interface Endpoint extends Description {
  readonly audience: Audience;
  readonly body?: z.ZodType;
  /** A body of `schema`, or bytes of `contentType`; `json` in addition, for callers who accept it. */
  readonly responses: Readonly<
    Record<number, { description: string; schema?: z.ZodType; contentType?: string; json?: z.ZodType }>
  >;
  handle(call: Call<AgentIdentity | Actor | undefined, unknown>): Response | Promise<Response>;
}

/** Ties a handler's types to its description. */
export function endpoint<For extends Audience, Body extends z.ZodType = z.ZodUndefined>(
  description:
    & Description
    & { readonly audience: For; readonly body?: Body; readonly responses: Endpoint["responses"] }
    & { handle(call: Call<CallerOf<For>, z.infer<Body>>): Response | Promise<Response> },
): Endpoint {
  return description as unknown as Endpoint;
}
