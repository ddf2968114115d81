/**
 * Who is logged in to the console's pages, and the check of the token in its forms.
 *
 * `same_origin.ts` rejects changing requests from other sites before any page sees them; the token in each form is the
 * second line of defence.
 */
import type { Context, MiddlewareHandler } from "hono";
import { timingSafeEqual } from "node:crypto";
import { readSessionCookie } from "./session_cookie.ts";
import { clientAddress } from "../http/client_address.ts";
import { type Actor, HubProblem, type HubServices, type Session } from "../services.ts";

/** What {@linkcode requireSession} leaves in the context: `c.var.session`, `c.var.actor`. */
export interface ConsoleEnv {
  Variables: { session: Session; actor: Actor };
}

/**
 * Lets only logged-in users through; others are redirected to `/login?to=…` (a GET) or get problem `not-authenticated`.
 */
export function requireSession(services: HubServices): MiddlewareHandler<ConsoleEnv> {
  return async (context, next) => {
    const secret = readSessionCookie(context, services);
    const session = secret === undefined ? undefined : await services.sessions.find(secret);
    if (session === undefined) {
      if (context.req.method !== "GET") throw new HubProblem("not-authenticated", "Log in again.");
      const url = new URL(context.req.url);
      return context.redirect(`/login?to=${encodeURIComponent(url.pathname + url.search)}`, 303);
    }
    context.set("session", session);
    context.set("actor", sessionActor(session, clientAddress(context)));
    context.header("Cache-Control", "no-store");
    return await next();
  };
}

/** The actor of a session. */
export function sessionActor(session: Session, address: string): Actor {
  const { user } = session;
  return { kind: "user", id: user.id, name: user.name, role: user.role, account: user.account, address };
}

/** Throws {@linkcode HubProblem} `forbidden` unless `token`, from a form's hidden field, belongs to this session. */
export function checkCsrfToken(session: Session, token: unknown): void {
  const expected = new TextEncoder().encode(session.csrfToken);
  const given = new TextEncoder().encode(typeof token === "string" ? token : "");
  if (expected.length !== given.length || !timingSafeEqual(expected, given)) {
    throw new HubProblem("forbidden", "This form is out of date. Load the page again and retry.");
  }
}

/** Where to go after logging in: only a path of this hub, never another site. */
export function safeReturnPath(context: Context, fallback: string): string {
  const to = context.req.query("to");
  return to !== undefined && /^\/(?![/\\])[\x21-\x7e]*$/.test(to) ? to : fallback;
}
