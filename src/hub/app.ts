/**
 * All of the hub's routes in one Hono app: REST, agents, OAuth, operation, and the console's pages at `/`. Holds no
 * state: everything is behind the services passed in.
 */
import { type Context, Hono } from "hono";
import { routePath } from "hono/route";
import { getLogger } from "@logtape/logtape";
import type { Clock } from "../runtime/clock.ts";
import { clientAddress, setClientAddress } from "./http/client_address.ts";
import type { Endpoint } from "./http/endpoint.ts";
import type { Metrics } from "./metrics.ts";
import { type Doorkeepers, mountEndpoints, refuseOtherMethods } from "./http/mount_endpoints.ts";
import { mountOAuth, type OAuthOptions } from "./oauth/oauth.ts";
import { openApi } from "./http/openapi.ts";
import { problemResponse } from "./http/problem_response.ts";
import { securityHeaders } from "./http/security_headers.ts";
import { RequestFailures } from "./http/request_failures.ts";
import { HubProblem } from "./services.ts";

const log = getLogger(["cloud-link", "hub"]);

/** What the app is made of. Tests build the same app without a socket. */
export interface AppOptions {
  readonly doorkeepers: Doorkeepers;
  readonly endpoints: readonly Endpoint[];
  readonly oauth: OAuthOptions;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** Whether to trust `X-Forwarded-For`: only behind a proxy that sets it. */
  readonly trustProxy: boolean;
  /** The console's pages; if absent, the hub has only its API. */
  readonly pages?: Hono;
}

/** What `Deno.serve` says about a connection, passed to Hono as its environment. */
export interface ConnectionInfo {
  readonly remoteAddr: Deno.Addr;
}

/**
 * Errors other than {@linkcode HubProblem} are logged (each once a minute), and answered with 500 without the reason.
 * Paths below `/api/` never reach the pages.
 */
export function createApp(options: AppOptions): Hono {
  const { services } = options.doorkeepers;
  const { publicUrl } = services;
  const failures = new RequestFailures(options);
  const app = new Hono();
  app.use(async (context, next) => {
    setClientAddress(context, requestAddress(context, options));
    const started = options.clock.monotonicMs();
    await next();
    record(context, { ...options, seconds: (options.clock.monotonicMs() - started) / 1000 });
  });
  app.use(securityHeaders({ publicUrl }));
  mountEndpoints(app, options);
  mountOAuth(app, options.oauth);
  const description = JSON.stringify(openApi(options.endpoints, { publicUrl }));
  app.get("/api/openapi.json", (context) => context.body(description, 200, { "Content-Type": "application/json" }));
  refuseOtherMethods(app, { path: "/api/openapi.json", methods: "GET" });
  app.all("/api/*", () => {
    throw new HubProblem("not-found", "There is nothing here. /api/openapi.json describes what there is.");
  });
  if (options.pages !== undefined) app.route("/", options.pages);
  app.notFound(() => problemResponse(new HubProblem("not-found", "There is nothing here.")));
  app.onError((error, context) => {
    if (error instanceof HubProblem) return problemResponse(error);
    failures.failed(error, context.req);
    return problemResponse(new HubProblem("internal", "The hub failed. Its log says why."));
  });
  return app;
}

function requestAddress(context: Context, { trustProxy }: AppOptions): string {
  // The proxy adds the last entry; those before it are whatever the client claimed.
  const forwarded = trustProxy ? context.req.header("x-forwarded-for")?.split(",").at(-1)?.trim() : undefined;
  if (forwarded !== undefined && /^[0-9A-Fa-f.:]{2,45}$/.test(forwarded)) return forwarded;
  const address = (context.env as ConnectionInfo | undefined)?.remoteAddr;
  return address !== undefined && "hostname" in address ? address.hostname : "unknown";
}

function record(context: Context, { metrics, seconds }: AppOptions & { seconds: number }): void {
  const { method } = context.req;
  const { status } = context.res;
  // The route, not the path: each has its own counter, and there is no end of paths.
  const route = routePath(context, -1);
  metrics.countRequest({ method, route, status, seconds });
  log.debug("{method} {route} {status} from {address} in {milliseconds} ms", {
    method,
    route,
    status,
    address: clientAddress(context),
    milliseconds: Math.round(seconds * 1000),
  });
}
