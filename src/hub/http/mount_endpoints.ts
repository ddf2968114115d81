/**
 * Mounts described endpoints on a Hono app: authentication, role, body and query are checked before the handler runs.
 */
import type { Context, Hono } from "hono";
import type * as z from "zod";
import type { AccessTokens, AgentIdentity } from "../oauth/access_tokens.ts";
import { readJson } from "./request_body.ts";
import { clientAddress } from "./client_address.ts";
import { sessionActor } from "../access/console_session.ts";
import type { Endpoint } from "./endpoint.ts";
import { mayChange } from "../integrations.ts";
import { jsonBytesMax } from "../limits.ts";
import { plainIssues } from "./plain_issues.ts";
import { problemResponse } from "./problem_response.ts";
import { checkSameOrigin } from "./same_origin.ts";
import { readSessionCookie } from "../access/session_cookie.ts";
import { type Actor, HubProblem, type HubServices } from "../services.ts";

/** How many wrong fields are reported, and how many of them in the sentence for people. */
const issuesMax = 20;
const issuesInSentence = 5;

/** What authentication needs. */
export interface Doorkeepers {
  readonly services: HubServices;
  readonly accessTokens: AccessTokens;
}

/** A known path with another method is answered 405 with `Allow` (RFC 9110, section 15.5.6). */
export function mountEndpoints(app: Hono, options: { endpoints: readonly Endpoint[]; doorkeepers: Doorkeepers }): void {
  for (const endpoint of options.endpoints) {
    app.on(endpoint.method.toUpperCase(), endpoint.path, async (context) => {
      const caller = await authenticate(context, { endpoint, doorkeepers: options.doorkeepers });
      if (endpoint.query !== undefined) parse(endpoint.query, context.req.query(), "The query");
      const body = endpoint.body === undefined
        ? undefined
        : parse(endpoint.body, await readJson(context.req.raw, endpoint.bodyBytesMax ?? jsonBytesMax), "The body");
      return await endpoint.handle({
        context,
        caller,
        body,
        // Lazily: Deno creates and aborts a signal for every request that accesses it.
        get signal() {
          return context.req.raw.signal;
        },
        param: (name) => context.req.param(name) ?? "",
      });
    });
  }
  for (const [path, methods] of methodsByPath(options.endpoints)) refuseOtherMethods(app, { path, methods });
}

/** Answers 405 with `Allow` for a known path with another method. Mount it after the endpoints. */
export function refuseOtherMethods(app: Hono, { path, methods }: { path: string; methods: string }): void {
  app.all(path, (context) => {
    const detail = `${context.req.method} is not allowed here; use ${methods}.`;
    const response = problemResponse(new HubProblem("method-not-allowed", detail));
    response.headers.set("Allow", methods);
    return response;
  });
}

function methodsByPath(endpoints: readonly Endpoint[]): ReadonlyMap<string, string> {
  const methods = new Map<string, string>();
  for (const { path, method } of endpoints) {
    const known = methods.get(path);
    methods.set(path, known === undefined ? method.toUpperCase() : `${known}, ${method.toUpperCase()}`);
  }
  return methods;
}

async function authenticate(
  context: Context,
  { endpoint, doorkeepers }: { endpoint: Endpoint; doorkeepers: Doorkeepers },
): Promise<Actor | AgentIdentity | undefined> {
  switch (endpoint.audience) {
    case "nobody":
      return undefined;
    case "agent":
      return await doorkeepers.accessTokens.authenticate(bearer(context), { address: clientAddress(context) });
    case "reader":
      return await findActor(context, doorkeepers.services);
    case "administrator": {
      const actor = await findActor(context, doorkeepers.services);
      mayChange(actor);
      return actor;
    }
  }
}

/** The user or token behind a request; throws {@linkcode HubProblem} `not-authenticated`. */
export async function findActor(context: Context, services: HubServices): Promise<Actor> {
  const address = clientAddress(context);
  const token = bearer(context);
  if (token !== undefined) {
    const actor = await services.sessions.findToken(token, { address });
    if (actor !== undefined) return actor;
    throw new HubProblem("not-authenticated", 'This API token is not valid. "hub token add" creates a new one.');
  }
  const secret = readSessionCookie(context, services);
  const session = secret === undefined ? undefined : await services.sessions.find(secret);
  if (session === undefined) {
    throw new HubProblem("not-authenticated", "Log in, or send an API token: Authorization: Bearer <token>.");
  }
  checkSameOrigin(context.req.raw, { publicUrl: services.publicUrl });
  return sessionActor(session, address);
}

function bearer(context: Context): string | undefined {
  return /^Bearer +([\x21-\x7e]{1,8192})$/i.exec(context.req.header("authorization") ?? "")?.[1];
}

function parse(schema: z.ZodType, value: unknown, what: string): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = plainIssues(result.error.issues.slice(0, issuesMax), value).slice(0, issuesMax);
  const told = problems.slice(0, issuesInSentence).map(({ field, detail }) => `${field || "it"} ${detail}`);
  throw new HubProblem("invalid-request", `${what} is not valid: ${told.join("; ").slice(0, 1000)}.`, {
    errors: problems.map(({ field, detail }) => ({ field: field.slice(0, 256), detail: detail.slice(0, 1000) })),
  });
}
