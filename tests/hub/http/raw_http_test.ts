/** The hub's door as it is on the wire: framing that two programs could read differently, and what is no request. */
import { consolePages } from "../../../src/hub/pages/mod.tsx";
import { assert, assertEquals, assertMatch } from "../../assert.ts";
import { fetchWithin } from "../fetch_within.ts";
import { startTestHub, type TestHub } from "../start_hub.ts";
import { ShiftedClock } from "../test_clock.ts";

/** Sends bytes and reads until the hub closes. */
async function answerTo(test: TestHub, text: string): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: test.hub.port });
  const bytes = new TextEncoder().encode(text);
  // The hub may close before it has read all of it.
  for (let sent = 0; sent < bytes.length;) {
    const written = await connection.write(bytes.subarray(sent)).catch(() => 0);
    if (written === 0) break;
    sent += written;
  }
  const buffer = new Uint8Array(65_536);
  const decoder = new TextDecoder();
  for (let answer = "";;) {
    const read = await connection.read(buffer).catch(() => null);
    if (read === null) return answer;
    answer += decoder.decode(buffer.subarray(0, read), { stream: true });
  }
}

const smuggled = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
const post = "POST /oauth/register HTTP/1.1\r\nHost: x\r\n";

Deno.test("framing that a proxy could read differently is refused, and the connection closed", async () => {
  await using test = await startTestHub();
  const ambiguous: Record<string, string> = {
    "both lengths": `${post}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
    "both lengths, the other way round":
      `${post}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n${smuggled}`,
    "two lengths": `${post}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde${smuggled}`,
    "a list of lengths": `${post}Content-Length: 4, 4\r\n\r\nabcd${smuggled}`,
    "a signed length": `${post}Content-Length: +4\r\n\r\nabcd${smuggled}`,
    "an unknown encoding": `${post}Transfer-Encoding: xchunked\r\nContent-Length: 4\r\n\r\nabcd${smuggled}`,
    "an encoding after chunked": `${post}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${smuggled}`,
    "a blank before the colon": `${post}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${smuggled}`,
    "a folded header": `${post}X: a\r\n b\r\n\r\n${smuggled}`,
    "a zero character": `${post}X: a\0b\r\n\r\n${smuggled}`,
    "two hosts": `GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n${smuggled}`,
    "too many headers": `GET /healthz HTTP/1.1\r\nHost: x\r\n${"X: a\r\n".repeat(1000)}\r\n${smuggled}`,
    "a header of two megabytes": `GET /healthz HTTP/1.1\r\nHost: x\r\nX: ${"a".repeat(2_000_000)}\r\n\r\n${smuggled}`,
    "an address of 200 kB": `GET /${"a".repeat(200_000)} HTTP/1.1\r\nHost: x\r\n\r\n${smuggled}`,
    "another protocol": `SSH-2.0-OpenSSH_9.2\r\n\r\n${smuggled}`,
  };
  for (const [name, text] of Object.entries(ambiguous)) {
    const answer = await answerTo(test, text);
    assertEquals([name, answer.includes(" 200 OK")], [name, false], answer);
    assertEquals([name, answer.split("HTTP/1.1 ").length - 1 <= 1], [name, true], answer);
  }
  assertEquals((await fetch(`${test.url}/healthz`).then((answer) => answer.text())).length > 0, true);
});

Deno.test("half a request on many connections keeps nobody else out, and is forgotten with its connection", async () => {
  await using test = await startTestHub();
  const connections: Deno.Conn[] = [];
  try {
    for (let index = 0; index < 300; index++) {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port: test.hub.port });
      connections.push(connection);
      await connection.write(new TextEncoder().encode(index % 2 === 0 ? "" : "GET / HTTP/1.1\r\nHost: x\r\nX-"));
    }
    const { id } = await test.admin.createIntegration("ACD");
    assertEquals((await test.admin.integration(id)).name, "ACD");
  } finally {
    for (const connection of connections) connection.close();
  }
});

Deno.test("JSON that is deep, wide or strange is refused without falling over", async () => {
  await using test = await startTestHub();
  const deep = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;
  const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;
  const bodies = [
    deep(60_000),
    nested(20_000),
    `{"name":${deep(50_000)},"type":"csv"}`,
    `{"name":"x","type":"database","settings":${nested(15_000)}}`,
    `{${Array.from({ length: 9000 }, (_, index) => `"k${index}":1`).join(",")}}`,
    '{"__proto__":{"role":"administrator"},"name":"x","type":"csv","constructor":1}',
    '{"name":"x","type":"csv","name":"y","paused":1e999}',
    "[".repeat(100_000),
    "\u{feff}{}",
    '"\\ud800"',
    "nul",
  ];
  for (const body of bodies) {
    for (const [method, path] of [["POST", "/api/v1/integrations"], ["POST", "/oauth/register"]] as const) {
      const response = await fetchWithin(`${test.url}${path}`, {
        method,
        headers: { "content-type": "application/json", authorization: `Bearer ${test.admin.token}` },
        body,
      });
      const text = await response.text();
      assert(response.status >= 400 && response.status < 500, `${response.status} to ${body.slice(0, 60)}: ${text}`);
      assert(text.length < 20_000, `an answer of ${text.length} characters to ${body.slice(0, 60)}`);
    }
  }
  const { items } = await (await test.admin.request("GET", "/api/v1/integrations")).json();
  assertEquals(items, []);
});

Deno.test("no address leads out of the hub's pages and files", async () => {
  await using test = await startTestHub({ pages: consolePages });
  for (
    const path of [
      "/assets/../hub.db",
      "/assets/..%2f..%2fhub.db",
      "/assets/%2e%2e/%2e%2e/etc/passwd",
      "/downloads/..%2fhub.db",
      "/downloads/injixo-cloud-link.msi/../../hub.db",
      "/..%5c..%5chub.db",
      "//evil.example/%2e%2e",
      "/api/v1/imports/..%2f..%2fhub.db/content",
      "/api/v1/uploads?key=../hub.db&bytes=1&sha256=x&expires=1&signature=x",
    ]
  ) {
    const answer = await answerTo(test, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    assertMatch(answer, /^HTTP\/1\.1 (30[0-9]|40[0-9]) /, path);
    assert(!answer.includes("SQLite format") && !answer.includes("root:"), path);
    // Only ever to a place of its own.
    for (const [, to = ""] of answer.matchAll(/^location: (.*)\r$/gim)) assertMatch(to, /^\/(?![/\\])/, path);
  }
});

Deno.test("a login makes a new secret, which browsers keep to themselves, and ends after twelve hours", async () => {
  const clock = new ShiftedClock();
  await using test = await startTestHub({ pages: consolePages, clock });
  const account = await test.hub.accounts.ensureAccount();
  await test.hub.accounts.addUser(account, { name: "eve", role: "viewer", password: "correct horse" });
  const logIn = async (to = "") => {
    const response = await fetchWithin(`${test.url}/login${to}`, {
      method: "POST",
      redirect: "manual",
      headers: { cookie: "cloud-link-session=planted", origin: test.url },
      body: new URLSearchParams({ name: "eve", password: "correct horse" }),
    });
    await response.body?.cancel();
    return response;
  };
  const cookies = (await logIn()).headers.getSetCookie();
  assertEquals(cookies.map((cookie) => cookie.split("=")[0]), ["cloud-link-session", "cloud-link-browser"]);
  for (const cookie of cookies) {
    for (const attribute of [/; HttpOnly/, /; SameSite=Lax/, /; Path=\//]) assertMatch(cookie, attribute);
  }
  const [cookie = ""] = cookies;
  const [pair = ""] = cookie.split(";");
  assertEquals(pair.includes("planted"), false);
  assert(pair.length > 40, "the secret is short");
  const status = async (sent: string) => {
    const response = await fetchWithin(`${test.url}/api/v1/integrations`, { headers: { cookie: sent } });
    await response.body?.cancel();
    return response.status;
  };
  assertEquals([await status(pair), await status("cloud-link-session=planted")], [200, 401]);
  for (const to of ["https://evil.example", "//evil.example", "/\\evil.example", "/%0d%0aSet-Cookie:x=1", "/a\tb"]) {
    const { headers } = await logIn(`?to=${encodeURIComponent(to)}`);
    assertMatch(headers.get("location") ?? "", /^\/(?![/\\])[\x21-\x7e]*$/);
    assertEquals(headers.get("x"), null);
  }
  clock.advance(12 * 3_600_000 - 60_000);
  assertEquals(await status(pair), 200);
  clock.advance(60_000);
  assertEquals(await status(pair), 401);
});

Deno.test("where the hub is reached by https its cookie is for that host and https alone", async () => {
  await using test = await startTestHub({ pages: consolePages, publicUrl: new URL("https://hub.example") });
  const account = await test.hub.accounts.ensureAccount();
  await test.hub.accounts.addUser(account, { name: "eve", role: "viewer", password: "correct horse" });
  const response = await fetchWithin(`${test.url}/login`, {
    method: "POST",
    redirect: "manual",
    headers: { origin: "https://hub.example" },
    body: new URLSearchParams({ name: "eve", password: "correct horse" }),
  });
  await response.body?.cancel();
  const cookies = response.headers.getSetCookie();
  assertEquals(cookies.map((cookie) => cookie.split("=")[0]), [
    "__Host-cloud-link-session",
    "__Host-cloud-link-browser",
  ]);
  for (const cookie of cookies) assertMatch(cookie, /; Secure/);
  assertMatch(response.headers.get("strict-transport-security") ?? "", /max-age=\d{8}/);
});

Deno.test("a browser that was logged in before is let in while its address is refused", async () => {
  await using test = await startTestHub({ pages: consolePages });
  const account = await test.hub.accounts.ensureAccount();
  await test.hub.accounts.addUser(account, { name: "eve", role: "viewer", password: "correct horse" });
  const logIn = async (password: string, cookie = "") => {
    const response = await fetchWithin(`${test.url}/login`, {
      method: "POST",
      redirect: "manual",
      headers: { origin: test.url, cookie },
      body: new URLSearchParams({ name: "eve", password }),
    });
    await response.body?.cancel();
    return response;
  };
  const cookies = (await logIn("correct horse")).headers.getSetCookie().map((cookie) => cookie.split(";")[0] ?? "");
  const kept = cookies.find((cookie) => cookie.startsWith("cloud-link-browser="));
  for (let guess = 0; guess < 5; guess++) assertEquals((await logIn("a wrong one")).status, 422);
  assertEquals((await logIn("correct horse")).status, 429);
  assertEquals((await logIn("correct horse", kept)).status, 303);
});
