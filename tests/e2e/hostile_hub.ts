/** A hub that has turned against its agents: it links whoever comes, and says what the test wants. */
import type { AgentAnswer } from "../../src/protocol/assignment.ts";

export interface HostileHub extends AsyncDisposable {
  readonly url: string;
  /** Has the agent test a source, whatever it is, and gives its answer; `undefined` when it does not take the request. */
  test(source: Record<string, unknown>): Promise<AgentAnswer>;
  /** The assignment from now on. */
  assign(assignment: Record<string, unknown>): void;
  /** Where parts are to be sent. */
  addressOfParts: (hub: string) => { url: string; headers: Record<string, string> };
  /** Each part whose address was asked for. */
  readonly addressesAsked: number;
  /** Resolves once the agent has asked for another address than these. */
  askedAgain(after: number): Promise<void>;
}

/** What the agent does within this time, or never, in ms. */
const patienceMs = 120_000;

async function soon<T>(promise: Promise<T>, what: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`The agent never ${what}`)), patienceMs);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Starts one on a free loopback port. */
export function startHostileHub(): HostileHub {
  const link = {
    id: "l1",
    account: { id: "a1", name: "Evil\r\n2026-01-01 root: forged\x1b[31m" },
    integration: { id: "i1", name: "x" },
  };
  const answers = new Map<string, (answer: AgentAnswer) => void>();
  let version = 0;
  let changed = Promise.withResolvers<void>();
  let asked = Promise.withResolvers<void>();
  let assignment: Record<string, unknown> = { source: null, requests: [] };
  const state = {
    addressesAsked: 0,
    addressOfParts: (hub: string) => ({ url: `${hub}/parts`, headers: {} as Record<string, string> }),
  };
  const set = (next: Record<string, unknown>) => {
    assignment = next;
    version++;
    changed.resolve();
    changed = Promise.withResolvers();
  };
  const stop = Promise.withResolvers<void>();
  const answer = async (request: Request): Promise<Response> => {
    const { origin, pathname } = new URL(request.url);
    const json = request.method === "GET" ? undefined : await request.text();
    switch (pathname) {
      case "/.well-known/oauth-authorization-server":
        return Response.json({
          issuer: origin,
          token_endpoint: `${origin}/oauth/token`,
          device_authorization_endpoint: `${origin}/oauth/device_authorization`,
          registration_endpoint: `${origin}/oauth/register`,
          grant_types_supported: ["urn:ietf:params:oauth:grant-type:device_code", "client_credentials"],
          token_endpoint_auth_methods_supported: ["private_key_jwt"],
          token_endpoint_auth_signing_alg_values_supported: ["ES256"],
          cloud_link: { version: "0.1.0" },
        });
      case "/oauth/register":
        return Response.json({ client_id: "c1" }, { status: 201 });
      case "/oauth/device_authorization":
        return Response.json({
          device_code: "d".repeat(32),
          user_code: "123456",
          verification_uri: `${origin}/x`,
          expires_in: 300,
          interval: 0,
        });
      case "/oauth/token":
        return Response.json({ access_token: "t", token_type: "Bearer", expires_in: 600, link });
      case "/api/v1/agent/assignment": {
        const etag = `"${version}"`;
        if (request.headers.get("if-none-match") === etag) await Promise.race([changed.promise, stop.promise]);
        return Response.json(
          { link, paused: false, received: { count: 0 }, requests: [], ...assignment },
          { headers: { etag: `"${version}"` } },
        );
      }
    }
    const request_ = /^\/api\/v1\/agent\/requests\/(.+)$/.exec(pathname)?.[1];
    if (request_ !== undefined) answers.get(request_)?.(JSON.parse(json ?? "{}"));
    if (pathname === "/api/v1/agent/batches") return Response.json({ state: "wanted", parts: [] });
    if (pathname.endsWith("/parts") && pathname.includes("/batches/")) {
      const { parts } = JSON.parse(json ?? "{}");
      state.addressesAsked++;
      asked.resolve();
      asked = Promise.withResolvers();
      const address = { ...state.addressOfParts(origin), expiresAt: new Date(Date.now() + 3_600_000).toISOString() };
      return Response.json({ addresses: parts.map(() => address) });
    }
    if (pathname === "/redirect") {
      const to = new URL(request.url).searchParams.get("to") ?? "";
      return new Response(null, { status: 307, headers: { location: to } });
    }
    return new Response(null, { status: 204 });
  };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, answer);
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    assign: set,
    test(source) {
      const id = crypto.randomUUID();
      const { promise, resolve } = Promise.withResolvers<AgentAnswer>();
      answers.set(id, resolve);
      set({ source: null, requests: [{ id, type: "test", source }] });
      return soon(promise, "answered the request");
    },
    get addressesAsked() {
      return state.addressesAsked;
    },
    get addressOfParts() {
      return state.addressOfParts;
    },
    set addressOfParts(made) {
      state.addressOfParts = made;
    },
    async askedAgain(after) {
      while (state.addressesAsked <= after) await soon(asked.promise, "asked for an address");
    },
    async [Symbol.asyncDispose]() {
      stop.resolve();
      await server.shutdown();
    },
  };
}
