import { assert, assertEquals, assertMatch } from "../../assert.ts";
import { consolePages } from "../../../src/hub/pages/mod.tsx";
import { HubClient } from "../hub_client.ts";
import { startTestHub } from "../start_hub.ts";
import { TestAgent } from "../test_agent.ts";
import { ShiftedClock } from "../test_clock.ts";

Deno.test("another account's integrations and imports are not to be seen", async () => {
  await using test = await startTestHub();
  const { id } = await test.admin.createIntegration("ACD");
  const agent = await TestAgent.linked(test.admin, id);
  await agent.deliver(agent.batch("a.csv", "a\n1\n"));
  const [received] = await test.admin.imports(id);
  const stranger = {
    kind: "user",
    id: "stranger",
    name: "stranger",
    role: "administrator",
    account: { id: "other", name: "other" },
    address: "192.0.2.1",
  } as const;
  const { integrations, imports, linking, requests } = test.hub.services;
  assertEquals((await integrations.list(stranger)).items, []);
  const { pin } = await agent.showPin();
  const attempts: Record<string, () => Promise<unknown>> = {
    get: () => integrations.get(stranger, id),
    change: () => integrations.change(stranger, { id, paused: true }),
    remove: () => integrations.remove(stranger, id),
    connect: () => linking.connect(stranger, { integrationId: id, pin }),
    imports: () => imports.list(stranger, { integrationId: id }),
    import: () => imports.get(stranger, received?.id ?? ""),
    content: () => imports.content(stranger, received?.id ?? ""),
    ask: () => requests.create(stranger, { integrationId: id, request: { type: "import-now" } }),
  };
  for (const [name, attempt] of Object.entries(attempts)) {
    const code = await attempt().then(() => "let in", (error) => error.code);
    assertEquals([name, code], [name, "not-found"]);
  }
});

Deno.test("a session's cookie changes something only from the hub's own pages", async () => {
  await using test = await startTestHub({ pages: consolePages });
  const { sessions } = test.hub.services;
  const account = await test.hub.accounts.ensureAccount();
  await test.hub.accounts.addUser(account, { name: "eve", role: "administrator", password: "correct horse" });
  const login = await sessions.logIn({ name: "eve", password: "correct horse" }, { address: "192.0.2.1" });
  assert(login.ok);
  const client = new HubClient({ url: test.url });
  const create = async (headers: Record<string, string>) => {
    const response = await client.request("POST", "/api/v1/integrations", {
      json: { name: "x", type: "csv" },
      headers: { cookie: `cloud-link-session=${login.secret}`, ...headers },
    });
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await create({ "sec-fetch-site": "same-origin" }), 201);
  assertEquals(await create({ origin: test.url }), 201);
  assertEquals(await create({}), 403);
  assertEquals(await create({ "sec-fetch-site": "cross-site", origin: test.url }), 403);
  assertEquals(await create({ "sec-fetch-site": "same-site" }), 403);
  assertEquals(await create({ origin: "https://evil.example" }), 403);
  assertEquals(await create({ origin: "null" }), 403);
  await sessions.logOut(login.secret);
  assertEquals(await create({ origin: test.url }), 401);
});

Deno.test("a browser that another site made send something is shown a page, in its language, and nothing is done", async () => {
  await using test = await startTestHub({ pages: consolePages });
  const response = await fetch(`${test.url}/account/integrations/new`, {
    method: "POST",
    headers: { "sec-fetch-site": "cross-site", "accept-language": "de" },
    body: new URLSearchParams({ name: "x" }),
  });
  assertEquals([response.status, response.headers.get("content-type")], [403, "text/html; charset=UTF-8"]);
  assertMatch(await response.text(), /Das kam von einer anderen Website/);
  assertEquals((await test.admin.request("POST", "/nowhere")).status, 403);
});

Deno.test("logins are limited per name and address, and a right password before that is not counted", async () => {
  await using test = await startTestHub();
  const { sessions } = test.hub.services;
  const account = await test.hub.accounts.ensureAccount();
  await test.hub.accounts.addUser(account, { name: "eve", role: "viewer", password: "correct horse" });
  const logIn = async (password: string, address = "192.0.2.1") => {
    const result = await sessions.logIn({ name: "eve", password }, { address });
    return result.ok ? "in" : result.reason;
  };
  for (let attempt = 0; attempt < 10; attempt++) assertEquals(await logIn("correct horse"), "in");
  // At the same time: none slips through between counting and hashing.
  const wrong = await Promise.all(Array.from({ length: 20 }, () => logIn("wrong")));
  assertEquals(wrong.filter((reason) => reason === "wrong").length, 5);
  assertEquals(await logIn("correct horse"), "too-many");
  assertEquals(await logIn("correct horse", "192.0.2.2"), "in");
});

Deno.test("attempts made while the clock was ahead do not count once it is put right, nor when it is that late", async () => {
  const clock = new ShiftedClock();
  await using test = await startTestHub({ clock });
  const account = await test.hub.accounts.ensureAccount();
  await test.hub.accounts.addUser(account, { name: "eve", role: "viewer", password: "correct horse" });
  const logIn = async (password: string) => {
    const result = await test.hub.services.sessions.logIn({ name: "eve", password }, { address: "192.0.2.1" });
    return result.ok ? "in" : result.reason;
  };
  const dayMs = 24 * 60 * 60_000;
  clock.advance(dayMs);
  for (let attempt = 0; attempt < 5; attempt++) assertEquals(await logIn("wrong"), "wrong");
  assertEquals(await logIn("correct horse"), "too-many");
  clock.advance(-dayMs);
  assertEquals(await logIn("correct horse"), "in");
  await test.hub.sweep();
  clock.advance(dayMs);
  assertEquals(await logIn("correct horse"), "in");
});

Deno.test("every answer carries the security headers, the date, and no more than it should", async () => {
  await using test = await startTestHub({ pages: consolePages });
  for (const path of ["/login", "/api/v1/integrations", "/nothing", "/healthz", "/oauth/token", "/api/nothing"]) {
    const response = await fetch(`${test.url}${path}`, { redirect: "manual" });
    await response.body?.cancel();
    const { headers } = response;
    const csp = headers.get("content-security-policy") ?? "";
    assert(csp.includes("default-src 'none'") && !csp.includes("unsafe"), `${path}: ${csp}`);
    assertEquals([path, headers.get("x-content-type-options")], [path, "nosniff"]);
    assertEquals([path, headers.get("x-frame-options")], [path, "DENY"]);
    assert(Math.abs(Date.parse(headers.get("date") ?? "") - Date.now()) < 60_000, `${path}: no date`);
  }
  const wrongMethod = await fetch(`${test.url}/api/v1/integrations`, { method: "PUT" });
  assertEquals([wrongMethod.status, (await wrongMethod.json()).type], [405, "/problems/method-not-allowed"]);
});

Deno.test("numbers need a token on the hub's own machine, too: a proxy there asks for everybody", async () => {
  await using test = await startTestHub();
  const open = await test.admin.request("GET", "/metrics", { headers: { authorization: "" } });
  assertEquals([open.status, (await open.json()).type], [401, "/problems/not-authenticated"]);
  const viewer = await test.client("viewer");
  const response = await viewer.request("GET", "/metrics");
  assertEquals([response.status, response.headers.get("content-type")], [
    200,
    "text/plain; version=0.0.4; charset=utf-8",
  ]);
  assertMatch(await response.text(), /^cloud_link_integrations 0$/m);
});

Deno.test("a page that watches an integration hears of an import, and of its end", async () => {
  await using test = await startTestHub();
  const { id } = await test.admin.createIntegration("ACD");
  const agent = await TestAgent.linked(test.admin, id);
  const nobody = await fetch(`${test.url}/api/v1/integrations/${id}/events`);
  assertEquals(nobody.status, 401);
  await nobody.body?.cancel();
  const response = await test.admin.request("GET", `/api/v1/integrations/${id}/events`);
  assertEquals(response.headers.get("content-type"), "text/event-stream");
  await using events = new Events(response);
  await events.until('"importCount":0');
  await agent.deliver(agent.batch("a.csv", "a\n1\n"));
  await events.until('"importCount":1');
  await test.admin.remove(id);
  await events.until("event: gone");
});

/** What a page hears. */
class Events implements AsyncDisposable {
  readonly #chunks: AsyncIterator<string>;
  #text = "";

  constructor(response: Response) {
    assert(response.status === 200 && response.body !== null);
    this.#chunks = response.body.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
  }

  async until(what: string): Promise<void> {
    if (!await this.hears(what)) throw new Error(`it ended before "${what}": ${this.#text}`);
  }

  /** Whether `what` comes before the end. */
  async hears(what: string): Promise<boolean> {
    while (!this.#text.includes(what)) {
      const { done, value } = await this.#chunks.next();
      if (done) return false;
      this.#text += value;
    }
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#chunks.return?.();
  }
}

Deno.test("a page that watches sees nothing more once its user or token is removed, or the session has ended", async (step) => {
  await using test = await startTestHub({ pages: consolePages });
  const { accounts, services } = test.hub;
  const account = await accounts.ensureAccount();
  const { id } = await test.admin.createIntegration("ACD");
  const session = async (name: string) => {
    await accounts.addUser(account, { name, role: "viewer", password: "correct horse" });
    const login = await services.sessions.logIn({ name, password: "correct horse" }, { address: "192.0.2.1" });
    assert(login.ok);
    return { secret: login.secret, headers: { cookie: `cloud-link-session=${login.secret}`, origin: test.url } };
  };
  const ends: Record<string, () => Promise<{ headers: HeadersInit; end: () => Promise<unknown> }>> = {
    "the user is removed": async () => {
      const { headers } = await session("eve");
      return { headers, end: () => accounts.removeUser(account, "eve") };
    },
    "the password is changed": async () => {
      const { headers } = await session("bob");
      return { headers, end: () => accounts.setPassword(account, { name: "bob" }) };
    },
    "the user logs out": async () => {
      const { secret, headers } = await session("joe");
      return { headers, end: () => services.sessions.logOut(secret) };
    },
    "the token is removed": async () => {
      const token = await accounts.addToken(account, { name: "script", role: "viewer" });
      const headers = { authorization: `Bearer ${token}` };
      return { headers, end: () => accounts.removeToken(account, "script") };
    },
  };
  for (const [name, begin] of Object.entries(ends)) {
    await step.step(name, async () => {
      const { headers, end } = await begin();
      const response = await fetch(`${test.url}/api/v1/integrations/${id}/events`, { headers });
      await using events = new Events(response);
      await test.admin.change(id, { name: `before: ${name}` });
      await events.until(`before: ${name}`);
      await end();
      await test.admin.change(id, { name: `after: ${name}` });
      assert(!await events.hears(`after: ${name}`));
    });
  }
});

Deno.test("names of files, whatever is in them, come back in a download and break no header", async () => {
  await using test = await startTestHub();
  const { id } = await test.admin.createIntegration("ACD");
  const agent = await TestAgent.linked(test.admin, id);
  const names = [
    "Süd ç ☃ 你.csv",
    'a"b;c%41.csv',
    "a\r\nSet-Cookie: x=1.csv",
    "..\\..\\x.csv",
    "\ud800.csv",
    "<script>.csv",
  ];
  for (const name of names) {
    await agent.deliver(agent.batch(name, `${name}\n`));
    const received = (await test.admin.imports(id)).find(({ sha256 }) =>
      sha256 === agent.batch(name, `${name}\n`).declaration.sha256
    );
    assert(received !== undefined, name);
    const response = await test.admin.request("GET", `/api/v1/imports/${received.id}/content`);
    assertEquals(response.status, 200);
    assertEquals(response.headers.get("set-cookie"), null);
    assertEquals(response.headers.get("content-length"), String(received.size));
    const etag = response.headers.get("etag") ?? "";
    assertEquals(etag, `"${received.sha256}"`);
    assert((response.headers.get("content-disposition") ?? "").startsWith("attachment; filename="));
    assertEquals((await response.bytes()).length, received.size);
    const again = await test.admin.request("GET", `/api/v1/imports/${received.id}/content`, {
      headers: { "if-none-match": etag },
    });
    assertEquals(again.status, 304);
  }
});

Deno.test("lists are paged by cursor, without gap or repetition", async () => {
  await using test = await startTestHub();
  const { id } = await test.admin.createIntegration("ACD");
  const agent = await TestAgent.linked(test.admin, id);
  await Promise.all(Array.from({ length: 23 }, (_, index) => agent.deliver(agent.batch(`${index}.csv`, `${index}\n`))));
  const seen: string[] = [];
  let cursor = "";
  for (;;) {
    const response = await test.admin.request("GET", `/api/v1/integrations/${id}/imports?limit=5${cursor}`);
    const page = await response.json();
    assertEquals(response.status, 200, JSON.stringify(page));
    seen.push(...page.items.map((item: { id: string }) => item.id));
    if (page.next === null) break;
    cursor = `&cursor=${page.next}`;
  }
  assertEquals([seen.length, new Set(seen).size], [23, 23]);
  const broken = await test.admin.request("GET", `/api/v1/integrations/${id}/imports?cursor=nonsense`);
  assertEquals([broken.status, (await broken.json()).type], [400, "/problems/invalid-request"]);
});
