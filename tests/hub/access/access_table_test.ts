/**
 * Who may do what: every route of the hub against every kind of caller. The routes come from the router and from the
 * OpenAPI document themselves, so a new one without a row here fails.
 */
import { SignJWT } from "jose";
import { AccessTokens } from "../../../src/hub/oauth/access_tokens.ts";
import { GroupCommit } from "../../../src/hub/database/group_commit.ts";
import { openDatabase } from "../../../src/hub/database/open.ts";
import { consolePages } from "../../../src/hub/pages/mod.tsx";
import type { Account, Role } from "../../../src/hub/services.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { assert, assertEquals } from "../../assert.ts";
import { execBeside } from "../exec_beside.ts";
import { fetchWithin } from "../fetch_within.ts";
import { HubClient } from "../hub_client.ts";
import { startTestHub, type TestHub } from "../start_hub.ts";
import { TestAgent } from "../test_agent.ts";

/** In the names of everything that belongs to the account: nobody else ever sees it. */
const marker = "Vertraulich";

interface Row {
  /** `all`: without any login, or with one of its own (OAuth's assertions, signed addresses). */
  readonly for: "all" | "reader" | "administrator" | "agent";
  /** How it answers those whom it is for. */
  readonly answer: number;
  /** How it answers the same kind of caller of another account (or another installation). @default 404 */
  readonly foreign?: number;
  /** A body that would do what the endpoint is for. */
  readonly body?: (scene: Scene) => unknown;
  /** Afterwards the scene is another: those whom it is for are tried elsewhere. */
  readonly destroys?: boolean;
}

const api: Readonly<Record<string, Row>> = {
  "GET /.well-known/oauth-authorization-server": { for: "all", answer: 200 },
  "POST /oauth/register": { for: "all", answer: 400 },
  "POST /oauth/device_authorization": { for: "all", answer: 400 },
  "POST /oauth/token": { for: "all", answer: 400 },
  "GET /healthz": { for: "all", answer: 200 },
  "GET /readyz": { for: "all", answer: 200 },
  "GET /metrics": { for: "reader", answer: 200, foreign: 200 },
  "GET /problems/{code}": { for: "all", answer: 404 },
  "PUT /api/v1/uploads": { for: "all", answer: 403 },
  "GET /api/v1/integrations": { for: "reader", answer: 200, foreign: 200 },
  "POST /api/v1/integrations": {
    for: "administrator",
    answer: 201,
    foreign: 201,
    body: () => ({ name: "new", type: "csv" }),
  },
  "GET /api/v1/integrations/{id}": { for: "reader", answer: 200 },
  "PATCH /api/v1/integrations/{id}": { for: "administrator", answer: 200, body: () => ({ paused: false }) },
  "DELETE /api/v1/integrations/{id}": { for: "administrator", answer: 204, destroys: true },
  "POST /api/v1/integrations/{id}/link": {
    for: "administrator",
    answer: 200,
    destroys: true,
    body: ({ pin }) => ({ pin }),
  },
  "POST /api/v1/integrations/{id}/requests": {
    for: "administrator",
    answer: 202,
    body: () => ({ type: "import-now" }),
  },
  "GET /api/v1/integrations/{id}/requests/{request}": { for: "reader", answer: 200 },
  "GET /api/v1/integrations/{id}/events": { for: "reader", answer: 200 },
  "GET /api/v1/integrations/{id}/imports": { for: "reader", answer: 200 },
  "GET /api/v1/integrations/{id}/windows": { for: "reader", answer: 409 },
  "GET /api/v1/integrations/{id}/rows": { for: "reader", answer: 409 },
  "GET /api/v1/imports/{id}": { for: "reader", answer: 200 },
  "GET /api/v1/imports/{id}/content": { for: "reader", answer: 200 },
  "GET /api/v1/agent/assignment": { for: "agent", answer: 200, foreign: 200 },
  "PUT /api/v1/agent/status": {
    for: "agent",
    answer: 204,
    foreign: 204,
    body: () => ({ version: "1", waiting: { batches: 0, bytes: 0 }, problem: null }),
  },
  "PUT /api/v1/agent/requests/{id}": { for: "agent", answer: 204, body: () => ({ ok: true, message: "done" }) },
  "DELETE /api/v1/agent/link": { for: "agent", answer: 204, foreign: 204, destroys: true },
  "POST /api/v1/agent/batches": { for: "agent", answer: 200, body: ({ batch }) => batch.declaration },
  "POST /api/v1/agent/batches/whole": {
    for: "agent",
    answer: 200,
    foreign: 200,
    body: ({ batch }) => ({ batches: [{ declaration: batch.declaration, payload: batch.payload.toBase64() }] }),
  },
  "POST /api/v1/agent/batches/missing": {
    for: "agent",
    answer: 200,
    foreign: 200,
    body: ({ batch }) => ({ ids: [batch.declaration.id] }),
  },
  "POST /api/v1/agent/batches/{id}/parts": { for: "agent", answer: 409, body: ({ batch }) => ({ parts: batch.parts }) },
  "POST /api/v1/agent/batches/{id}/complete": {
    for: "agent",
    answer: 200,
    body: ({ batch }) => ({ parts: batch.parts }),
  },
};

/** Pages; forms are sent with the session's own token. `for: "all"` needs no login. */
const pages: Readonly<Record<string, Row>> = {
  "GET /": { for: "all", answer: 303 },
  "GET /account": { for: "all", answer: 303 },
  "GET /login": { for: "all", answer: 200 },
  "POST /login": { for: "all", answer: 422 },
  "GET /account/integrations": { for: "reader", answer: 200, foreign: 200 },
  "GET /account/integrations/new": { for: "administrator", answer: 200, foreign: 200 },
  "POST /account/integrations/new": {
    for: "administrator",
    answer: 303,
    foreign: 303,
    body: () => ({ type: "csv", name: "x" }),
  },
  "GET /account/integrations/:id": { for: "reader", answer: 200 },
  "GET /account/integrations/:id/:action": { for: "reader", answer: 303, foreign: 303 },
  "GET /account/integrations/:id/delete": { for: "administrator", answer: 200 },
  "POST /account/integrations/:id/delete": { for: "administrator", answer: 303, destroys: true },
  // A CSV integration has none.
  "GET /account/integrations/:id/settings": { for: "reader", answer: 404 },
  "POST /account/integrations/:id/settings": { for: "administrator", answer: 400 },
  "POST /account/integrations/:id/connect": {
    for: "administrator",
    answer: 303,
    destroys: true,
    body: ({ pin }) => ({ pin }),
  },
  "POST /account/integrations/:id/look": {
    for: "administrator",
    answer: 200,
    foreign: 200,
    body: ({ pin }) => ({ pin }),
  },
  "POST /account/integrations/:id/save": {
    for: "administrator",
    answer: 303,
    body: () => ({ name: `${marker} ACD` }),
  },
  "POST /account/integrations/:id/rename": {
    for: "administrator",
    answer: 303,
    body: () => ({ name: `${marker} ACD` }),
  },
  "POST /account/integrations/:id/test": { for: "administrator", answer: 409 },
  "POST /account/integrations/:id/pause": { for: "administrator", answer: 303 },
  "POST /account/integrations/:id/resume": { for: "administrator", answer: 303 },
  // Last: it ends the sessions that the others use.
  "POST /logout": { for: "reader", answer: 303, foreign: 303, destroys: true },
};

type Kind =
  | "nobody"
  | "reader"
  | "administrator"
  | "strange reader"
  | "strange administrator"
  | "agent"
  | "other agent"
  | "unlinked agent";

interface Caller {
  readonly kind: Kind;
  readonly headers: Readonly<Record<string, string>>;
  /** Of a session. */
  readonly csrf?: string;
}

interface Scene {
  readonly id: string;
  readonly importId: string;
  readonly requestId: string;
  readonly pin: string;
  readonly batch: ReturnType<TestAgent["batch"]>;
  readonly callers: Readonly<Record<string, Caller>>;
}

const password = "correct horse";

async function setScene(test: TestHub): Promise<Scene> {
  const account = await test.hub.accounts.ensureAccount();
  const stranger = await addAccount(test);
  const { id } = await test.admin.createIntegration(`${marker} ACD`);
  const agent = await TestAgent.linked(test.admin, id);
  const batch = agent.batch(`${marker}.csv`, `${marker};b\n1;2\n`);
  await agent.deliver(batch);
  const [received] = await test.admin.imports(id);
  const asked = await test.admin.request("POST", `/api/v1/integrations/${id}/requests`, {
    json: { type: "import-now" },
  });
  const { pin } = await (await TestAgent.register(test.url, { hostName: "waits" })).showPin();

  const token = async (of: Account, role: Role) =>
    await test.hub.accounts.addToken(of, { name: crypto.randomUUID(), role });
  const strangeAdmin = await token(stranger, "administrator");
  const other = await linkedAgent(test, await token(account, "administrator"), `${marker} other`);
  const strange = await linkedAgent(test, strangeAdmin, "strange");
  const gone = await linkedAgent(test, strangeAdmin, "gone");
  assertEquals((await gone.request("DELETE", "link")).status, 204);
  const revoked = await test.hub.accounts.addToken(account, { name: "revoked", role: "administrator" });
  await test.hub.accounts.removeToken(account, "revoked");

  const session = (of: Account, role: Role) => logIn(test, of, role);
  const loggedOut = await session(account, "administrator");
  await test.hub.services.sessions.logOut(loggedOut.secret);
  const expired = await session(account, "administrator");
  const changed = await session(account, "administrator");
  await test.hub.accounts.setPassword(account, { name: changed.name, password: "another long one" });
  const removed = await session(account, "administrator");
  await test.hub.accounts.removeUser(account, removed.name);

  const bearer = (kind: Kind, secret = ""): Caller => ({ kind, headers: { authorization: `Bearer ${secret}` } });
  const cookie = (kind: Kind, { secret, csrf }: { secret: string; csrf: string }): Caller => ({
    kind,
    headers: { cookie: `cloud-link-session=${secret}`, origin: test.url },
    csrf,
  });
  const scene: Scene = {
    id,
    importId: received?.id ?? "",
    requestId: (await asked.json()).id,
    pin,
    batch,
    callers: {
      nobody: { kind: "nobody", headers: {} },
      "an empty token": bearer("nobody"),
      "a token that is none": bearer("nobody", "icl_wrong"),
      "a revoked token": bearer("nobody", revoked),
      "a session that is none": cookie("nobody", { secret: "planted", csrf: "planted" }),
      "a session that logged out": cookie("nobody", loggedOut),
      "a session that has expired": cookie("nobody", expired),
      "a session from before the password was changed": cookie("nobody", changed),
      "a session of a removed user": cookie("nobody", removed),
      "an agent's token of before": bearer("nobody", await oldToken(test, agent)),
      "an agent's token that it signed itself": bearer("nobody", await forgedToken(test, agent)),
      "an agent's token without a signature": bearer("nobody", unsignedToken(test, agent)),
      "a viewer's token": bearer("reader", await token(account, "viewer")),
      "a viewer's session": cookie("reader", await session(account, "viewer")),
      "an administrator's token": bearer("administrator", await token(account, "administrator")),
      "an administrator's session": cookie("administrator", await session(account, "administrator")),
      "another account's viewer": bearer("strange reader", await token(stranger, "viewer")),
      "another account's token": bearer("strange administrator", strangeAdmin),
      "another account's session": cookie("strange administrator", await session(stranger, "administrator")),
      "the agent": bearer("agent", agent.token),
      "another integration's agent": bearer("other agent", other.token),
      "another account's agent": bearer("other agent", strange.token),
      "an unlinked agent": bearer("unlinked agent", gone.token),
    },
  };
  // The last step: a login removes what has expired.
  const expire = `update session set expiresAt = 0 where csrfToken = '${expired.csrf}'`;
  await execBeside(`${test.dataDirectory}/hub.db`, expire);
  return scene;
}

/** Hubs have one account by their commands; the database takes more. */
async function addAccount(test: TestHub): Promise<Account> {
  await using data = await openDatabase(test.dataDirectory);
  const account = { id: "strangers", name: "Strangers" };
  await data.database.insertInto("account").values({ ...account, createdAt: Date.now() }).execute();
  return account;
}

async function linkedAgent(test: TestHub, token: string, name: string): Promise<TestAgent> {
  const client = new HubClient({ url: test.url, token });
  const { id } = await client.createIntegration(name);
  return await TestAgent.linked(client, id);
}

async function logIn(test: TestHub, account: Account, role: Role) {
  const name = crypto.randomUUID();
  await test.hub.accounts.addUser(account, { name, role, password });
  const login = await test.hub.services.sessions.logIn({ name, password }, { address: "192.0.2.1" });
  assert(login.ok);
  return { name, secret: login.secret, csrf: login.session.csrfToken };
}

/** What the hub itself gave out an hour ago. */
async function oldToken(test: TestHub, agent: TestAgent): Promise<string> {
  await using data = await openDatabase(test.dataDirectory);
  const clock = { ...systemClock, now: () => Date.now() - 3_600_000 };
  const { database, keys } = data;
  const writes = new GroupCommit({ database, clock });
  const tokens = new AccessTokens({ database, writes, clock, key: keys.token, issuer: () => test.url });
  return tokens.issue({ installationId: agent.clientId, linkId: agent.link?.id ?? "" });
}

function claims(test: TestHub, agent: TestAgent) {
  const now = Math.floor(Date.now() / 1000);
  return { iss: test.url, sub: agent.clientId, link: agent.link?.id ?? "", iat: now, exp: now + 600, jti: "x" };
}

function forgedToken(test: TestHub, agent: TestAgent): Promise<string> {
  return new SignJWT(claims(test, agent)).setProtectedHeader({ alg: "ES256", typ: "at+jwt" }).sign(agent.key);
}

function unsignedToken(test: TestHub, agent: TestAgent): string {
  const encode = (value: unknown) =>
    new TextEncoder().encode(JSON.stringify(value)).toBase64({ alphabet: "base64url", omitPadding: true });
  return `${encode({ alg: "none", typ: "at+jwt" })}.${encode(claims(test, agent))}.`;
}

/** The status; `undefined` where the scene would be another afterwards. */
function expectedOfApi(row: Row, { kind }: Caller): number | undefined {
  if (row.for === "all") return row.answer;
  if (kind === "nobody") return 401;
  if (kind.endsWith("agent") !== (row.for === "agent")) return 401;
  if (kind === "unlinked agent") return 403;
  if (row.for === "administrator" && kind.endsWith("reader")) return 403;
  if (kind.startsWith("strange") || kind === "other agent") return expectedOfStranger(row);
  return row.destroys ? undefined : row.answer;
}

function expectedOfStranger({ foreign, destroys }: Row): number | undefined {
  if (foreign === undefined) return 404;
  return destroys ? undefined : foreign;
}

Deno.test("every endpoint of the API answers every caller as its row says", async (step) => {
  await using test = await startTestHub({ trustProxy: true });
  const scene = await setScene(test);
  const description = await (await fetch(`${test.url}/api/openapi.json`)).json();
  const described = Object.entries(description.paths as Record<string, Record<string, unknown>>)
    .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`));
  assertEquals(described.toSorted(), Object.keys(api).toSorted());
  for (const [name, row] of Object.entries(api)) {
    await step.step(name, async () => {
      const [method = "", pattern = ""] = name.split(" ");
      const path = pattern.replace("imports/{id}", `imports/${scene.importId}`)
        .replace("batches/{id}", `batches/${scene.batch.declaration.id}`)
        .replace("agent/requests/{id}", `agent/requests/${scene.requestId}`)
        .replace("{id}", scene.id).replace("{request}", scene.requestId);
      for (const [who, caller] of Object.entries(scene.callers)) {
        const expected = expectedOfApi(row, caller);
        if (expected === undefined) continue;
        const json = row.body?.(scene);
        const response = await fetchWithin(`${test.url}${path}`, {
          method,
          headers: {
            ...from(),
            ...caller.headers,
            ...json === undefined ? {} : { "content-type": "application/json" },
          },
          ...json === undefined ? {} : { body: JSON.stringify(json) },
        });
        const text = await textOf(response);
        assertEquals([who, response.status], [who, expected], text);
        const mine = ["reader", "administrator", "agent"].includes(caller.kind) ||
          who === "another integration's agent";
        if (!mine) assert(!text.includes(marker), `${who} sees it: ${text}`);
      }
    });
  }
});

/** Each request from another address: wrong tokens are limited by it. */
function from(): Record<string, string> {
  const [a, b, c] = crypto.getRandomValues(new Uint8Array(3));
  return { "x-forwarded-for": `10.${a}.${b}.${c}` };
}

/** An event stream never ends. */
async function textOf(response: Response): Promise<string> {
  if (!response.headers.get("content-type")?.startsWith("text/event-stream")) return await response.text();
  await response.body?.cancel();
  return "";
}

Deno.test("every page and form answers every caller as its row says", async (step) => {
  let routes: readonly { readonly method: string; readonly path: string }[] = [];
  await using test = await startTestHub({
    trustProxy: true,
    pages: (services) => {
      const app = consolePages(services);
      routes = app.routes;
      return app;
    },
  });
  const scene = await setScene(test);
  const mounted = routes.filter(({ method, path }) => method !== "ALL" && path !== "/*" && !path.startsWith("/assets/"))
    .map(({ method, path }) => `${method} ${path}`);
  assertEquals([...new Set(mounted)].toSorted(), Object.keys(pages).toSorted());
  for (const [name, row] of Object.entries(pages)) {
    await step.step(name, async () => {
      const [method = "", pattern = ""] = name.split(" ");
      const path = pattern.replace(":id", scene.id).replace(":action", "rename");
      for (const [who, caller] of Object.entries(scene.callers)) {
        const expected = expectedOfPage(row, caller);
        if (expected === undefined) continue;
        const form = new URLSearchParams({
          csrf: caller.csrf ?? "",
          ...row.body?.(scene) as Record<string, string> | undefined,
        });
        const response = await fetchWithin(`${test.url}${path}`, {
          method,
          redirect: "manual",
          headers: { ...from(), origin: test.url, ...caller.headers },
          ...method === "POST" ? { body: form } : {},
        });
        const text = await response.text();
        const toLogin = response.status === 303 && response.headers.get("location")?.startsWith("/login");
        assertEquals([who, toLogin ? "login" : response.status], [who, expected], text);
        if (!["reader", "administrator"].includes(caller.kind)) assert(!text.includes(marker), `${who} sees it`);
      }
    });
  }
});

function expectedOfPage(row: Row, { kind, csrf }: Caller): number | "login" | undefined {
  // Who is logged in is sent on.
  if (row.for === "all") return kind === "nobody" ? row.answer : undefined;
  // Tokens are for programs.
  if (csrf === undefined || kind === "nobody") return "login";
  if (row.for === "administrator" && kind === "reader") return 403;
  if (kind === "strange administrator") return expectedOfStranger(row);
  return row.destroys ? undefined : row.answer;
}
