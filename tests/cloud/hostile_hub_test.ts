// deno-lint-ignore-file camelcase -- the RFCs name the fields
/** The client against answers that no good hub gives. */
import { HubError, type HubErrorKind } from "../../src/agent/ports.ts";
import { createCloud } from "../../src/cloud/cloud.ts";
import type { BatchDeclaration } from "../../src/protocol/delivery.ts";
import type { Transport } from "../../src/cloud/transport.ts";
import { anySignal } from "../../src/runtime/any_signal.ts";
import { type Clock, systemClock } from "../../src/runtime/clock.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../assert.ts";
import { captureLog } from "../fakes/captured_log.ts";
import { fastClock } from "../fakes/fast_clock.ts";
import { directTransports } from "./direct_transport.ts";
import { memoryIdentities } from "./memory_identities.ts";

const info = { hostName: "acd-server", version: "0.1.0", system: "linux", name: "com.injixo.cloud-link" };
const { signal } = new AbortController();
const link = { id: "l1", account: { id: "a1", name: "Account" }, integration: { id: "i1", name: "ACD" } };
const assignment = { link, paused: false, source: { type: "csv" }, requests: [], received: { count: 0 } };

type Answer = (request: Request, url: URL) => Response | Promise<Response> | undefined;

/** A hub of which single answers are replaced. */
function startFakeHub(answer: Answer) {
  const seen: { method: string; path: string; headers: Headers; body: string }[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {}, onError: () => new Response(null) },
    async (request) => {
      const url = new URL(request.url);
      const body = await request.clone().text();
      seen.push({ method: request.method, path: url.pathname, headers: request.headers, body });
      return await answer(request, url) ?? goodAnswer(url);
    },
  );
  const url = new URL(`http://127.0.0.1:${server.addr.port}`);
  return { url, seen, [Symbol.asyncDispose]: () => server.shutdown() };
}

function goodAnswer({ origin, pathname }: URL): Response {
  if (pathname === "/.well-known/oauth-authorization-server") return Response.json(metadataOf(origin));
  if (pathname === "/oauth/register") return Response.json({ client_id: "client" }, { status: 201 });
  if (pathname === "/oauth/token") {
    return Response.json({ access_token: "token", token_type: "Bearer", expires_in: 3600, link });
  }
  if (pathname === "/oauth/device_authorization") {
    const verification_uri = `${origin}/account/integrations`;
    return Response.json({
      device_code: "d".repeat(16),
      user_code: "424242",
      verification_uri,
      expires_in: 300,
      interval: 5,
    });
  }
  if (pathname === "/api/v1/agent/assignment") return Response.json(assignment, { headers: { etag: '"1"' } });
  return new Response(null, { status: 204 });
}

function metadataOf(origin: string) {
  return {
    issuer: origin,
    token_endpoint: `${origin}/oauth/token`,
    device_authorization_endpoint: `${origin}/oauth/device_authorization`,
    registration_endpoint: `${origin}/oauth/register`,
    grant_types_supported: ["urn:ietf:params:oauth:grant-type:device_code", "client_credentials"],
    token_endpoint_auth_methods_supported: ["private_key_jwt"],
    token_endpoint_auth_signing_alg_values_supported: ["ES256"],
    cloud_link: { version: "0.1.0" },
  };
}

/** A registered client of that hub. */
async function cloudOf(url: URL, options: { clock?: Clock; onAnswer?: () => void } = {}) {
  const transports = directTransports();
  const cloud = createCloud({
    hubUrl: url,
    transports,
    clock: options.clock ?? systemClock,
    identities: memoryIdentities(),
    info,
    onAnswer: options.onAnswer ?? (() => {}),
  });
  await cloud.linking.requestPin(signal);
  return { ...cloud, [Symbol.dispose]: () => transports[Symbol.dispose]() };
}

function html(status = 200) {
  return new Response("<!DOCTYPE html><title>Welcome</title>", { status, headers: { "content-type": "text/html" } });
}

const strange: [string, () => Response, HubErrorKind, RegExp][] = [
  ["a web page", () => html(), "not-a-hub", /with a web page\. That is not a hub .*captive portal/],
  ["404 with a web page", () => html(404), "not-a-hub", /answers 404 with a web page/],
  ["truncated JSON", () => new Response('{"link":{"id":"l1"'), "not-a-hub", /text that is not JSON/],
  ["JSON of another shape", () => Response.json({ link: 5 }), "not-a-hub", /JSON with link/],
  [
    "a redirect",
    () => new Response(null, { status: 302, headers: { location: "https://portal.example/login?x=1" } }),
    "not-a-hub",
    /redirects to portal\.example \(302\)/,
  ],
  ["too large a body", () => new Response(new Uint8Array(5 * 1024 * 1024)), "not-a-hub", /more than 4194304 bytes/],
  [
    "429",
    () => new Response("slow", { status: 429, headers: { "retry-after": "7" } }),
    "busy",
    /asks for fewer requests/,
  ],
  ["503 with HTML", () => html(503), "busy", /has a problem \(503\)/],
  ["500", () => new Response(null, { status: 500 }), "busy", /\(500\)/],
  [
    "a problem",
    () =>
      Response.json({ type: "/problems/conflict", title: "Conflict", status: 409, detail: "No\x1b[31m." }, {
        status: 409,
      }),
    "refused",
    /refuses \(409\): No \[31m\./,
  ],
  [
    "unlinked",
    () =>
      Response.json({ type: "/problems/unlinked", title: "Unlinked", status: 403, reason: "moved" }, { status: 403 }),
    "unlinked",
    /Unlinked/,
  ],
  ["413 of a proxy", () => html(413), "too-large", /does not accept a request of this size \(413\)\. Allow .* 256 KiB/],
  [
    "413 of the hub",
    () => Response.json({ type: "/problems/too-large", title: "Too large", status: 413 }, { status: 413 }),
    "refused",
    /refuses \(413\): Too large/,
  ],
];

for (const [name, answer, kind, message] of strange) {
  Deno.test(`cloud client understands ${name}`, async () => {
    await using hub = startFakeHub((_, { pathname }) => pathname === "/api/v1/agent/assignment" ? answer() : undefined);
    using cloud = await cloudOf(hub.url);
    const error = await assertRejects(() => cloud.assignment.poll(undefined, signal), message);
    assert(error instanceof HubError);
    assertEquals(error.kind, kind);
    if (name === "429") assertEquals(error.retryAfterMs, 7000);
    if (name === "unlinked") assertEquals(error.unlinkReason, "moved");
  });
}

const strangers: [string, (url: URL) => Response, RegExp][] = [
  ["has no metadata", () => html(404), /has no \/\.well-known\/oauth-authorization-server\. That is not a hub/],
  [
    "is another authorization server",
    ({ origin }) => Response.json({ ...metadataOf(origin), cloud_link: undefined }),
    /JSON with cloud_link/,
  ],
  [
    "says that it is elsewhere",
    () => Response.json(metadataOf("https://real.example")),
    /its address is https:\/\/real\.example/,
  ],
  [
    "says that it is at an endless address",
    () => Response.json(metadataOf(`https://${"real.".repeat(2000)}example`)),
    /its address is https:\/\/real\..*That is not a hub/,
  ],
  [
    "lacks ES256",
    ({ origin }) =>
      Response.json({ ...metadataOf(origin), token_endpoint_auth_signing_alg_values_supported: ["RS256"] }),
    /does not support ES256/,
  ],
];

for (const [name, answer, message] of strangers) {
  Deno.test(`cloud client sends nothing to an address that ${name}`, async () => {
    await using hub = startFakeHub((_, url) => url.pathname.startsWith("/.well-known") ? answer(url) : undefined);
    const error = await assertRejects(() => cloudOf(hub.url), message);
    assert(error instanceof HubError && error.kind === "not-a-hub");
    assert(error.message.length < 1000, "what a stranger says is cut");
    assertEquals(hub.seen.map(({ path }) => path), ["/.well-known/oauth-authorization-server"]);
  });
}

Deno.test("cloud client gives up on a body that never ends", async () => {
  await using hub = startFakeHub((_, { pathname }) =>
    pathname === "/api/v1/agent/status"
      ? new Response(new ReadableStream({ start: (stream) => stream.enqueue(new Uint8Array(1)) }))
      : undefined
  );
  using cloud = await cloudOf(hub.url, { clock: fastClock(10) });
  const report = { version: "0", waiting: { batches: 0, bytes: 0 }, problem: null };
  const error = await assertRejects(() => cloud.assignment.report(report, signal), /no answer within 30 s/);
  assert(error instanceof HubError && error.kind === "unreachable");
});

Deno.test("cloud client ends at once when its signal aborts", async () => {
  const arrived = Promise.withResolvers<void>();
  await using hub = startFakeHub((request, { pathname }) => {
    if (pathname !== "/api/v1/agent/assignment") return undefined;
    arrived.resolve();
    return new Promise((resolve) => request.signal.addEventListener("abort", () => resolve(new Response(null))));
  });
  using cloud = await cloudOf(hub.url);
  const aborter = new AbortController();
  const polling = assertRejects(() => cloud.assignment.poll(undefined, aborter.signal));
  await arrived.promise;
  aborter.abort(new Error("stopping"));
  assertEquals((await polling).message, "stopping");
});

Deno.test("cloud client fetches one token for all who ask, and a new one when it is refused", async () => {
  let tokens = 0;
  await using hub = startFakeHub((request, { pathname }) => {
    if (pathname === "/oauth/token") {
      return Response.json({ access_token: `token${++tokens}`, token_type: "Bearer", expires_in: 3600, link });
    }
    if (request.headers.get("authorization") === "Bearer token1" && tokens > 0 && pathname.endsWith("status")) {
      return Response.json({ type: "/problems/not-authenticated", title: "No", status: 401 }, { status: 401 });
    }
    return undefined;
  });
  using cloud = await cloudOf(hub.url);
  await Promise.all(Array.from({ length: 10 }, () => cloud.assignment.poll(undefined, signal)));
  assertEquals(tokens, 1);
  await cloud.assignment.report({ version: "0", waiting: { batches: 0, bytes: 0 }, problem: null }, signal);
  assertEquals(tokens, 2);
});

Deno.test("cloud client asks a hub that was down without waiting, so that its return is known at once", async () => {
  let down = true;
  await using hub = startFakeHub((_, { pathname }) =>
    pathname === "/api/v1/agent/assignment" && down ? new Response(null, { status: 503 }) : undefined
  );
  using cloud = await cloudOf(hub.url);
  const poll = () => cloud.assignment.poll('"0"', signal);
  await assertRejects(poll);
  await assertRejects(poll);
  down = false;
  await poll();
  await poll();
  assertEquals(waitsOf(hub.seen), [55, 0, 0, 55]);
});

/** How something on the way ends a poll that has been silent for too long. */
const cuts: readonly [string, () => Response, RegExp][] = [
  ["504", () => new Response(null, { status: 504 }), /504/],
  ["502", () => new Response(null, { status: 502 }), /502/],
  [
    "closing the connection",
    () =>
      new Response(new ReadableStream({ start: (stream) => stream.error(new Error("cut")) }), {
        headers: { "content-length": "10" },
      }),
    /error reading a body/,
  ],
];

for (const [name, cutBy, message] of cuts) {
  Deno.test(`cloud client polls shorter where polls are cut by ${name}, and longer again, and tells once`, async () => {
    using log = await captureLog();
    let cut = true;
    let nowMs = 0;
    await using hub = startFakeHub((_, { pathname }) => {
      if (pathname !== "/api/v1/agent/assignment" || !cut) return undefined;
      nowMs += 20_000;
      return cutBy();
    });
    using cloud = await cloudOf(hub.url, { clock: { ...systemClock, monotonicMs: () => nowMs } });
    assertEquals(await cloud.assignment.poll('"0"', signal), undefined, "the first cut is no failure");
    await assertRejects(() => cloud.assignment.poll('"0"', signal), message);
    cut = false;
    await cloud.assignment.poll('"0"', signal);
    await cloud.assignment.poll('"0"', signal);
    assertEquals(waitsOf(hub.seen), [55, 16, 12, 14]);
    assertEquals(log.lines().length, 1);
    assertMatch(
      log.lines()[0] ?? "",
      /^info A connection to 127\.0\.0\.1:\d+ was cut after 20 s of silence: a proxy or/,
    );
  });
}

Deno.test("cloud client polls shorter where answers are lost, which is harmless only after one has come", async () => {
  using log = await captureLog();
  let lost = true;
  let arrived = Promise.withResolvers<void>();
  await using hub = startFakeHub((request, { pathname }) => {
    if (pathname !== "/api/v1/agent/assignment" || !lost) return undefined;
    arrived.resolve();
    return new Promise((resolve) => request.signal.addEventListener("abort", () => resolve(new Response(null))));
  });
  let skippedMs = 0;
  const clock: Clock = {
    ...systemClock,
    monotonicMs: () => systemClock.monotonicMs() + skippedMs,
    // The time for a poll is over as soon as one is lost.
    async sleep(ms, inner) {
      const over = new AbortController();
      using either = anySignal(inner, over.signal);
      arrived.promise.then(() => over.abort());
      await systemClock.sleep(ms, either.signal).catch(() => inner.throwIfAborted());
      skippedMs += ms;
      arrived = Promise.withResolvers();
    },
  };
  using cloud = await cloudOf(hub.url, { clock });
  const poll = () => cloud.assignment.poll('"0"', signal);
  await assertRejects(poll, /no answer within 70 s/);
  assertEquals(log.lines(), []);
  lost = false;
  await poll();
  lost = true;
  assertEquals(await poll(), undefined);
  await assertRejects(poll, /no answer within/);
  assertEquals(waitsOf(hub.seen), [55, 44, 46, 36]);
  assertEquals(log.lines(), [], "the hub may be down: no other poll was answered");
  lost = false;
  await poll();
  lost = true;
  assertEquals(await poll(), undefined);
  lost = false;
  await poll();
  assertEquals(log.lines().length, 1);
});

for (
  const [name, says] of [
    ["the connection", "error sending request for url (https://hub.test/): client error (Connect): SOCKS error"],
    ["TLS", "error sending request for url (https://hub.test/): client error (Connect): tls handshake eof"],
  ]
) {
  Deno.test(`cloud client does not take it for a cut poll that ${name} took too long and failed`, async () => {
    using log = await captureLog();
    let skippedMs = 0;
    const clock: Clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + skippedMs };
    await using hub = startFakeHub(() => undefined);
    using direct = directTransports();
    const poll: Transport = {
      ...direct.poll,
      fetch() {
        skippedMs += 12_000;
        return Promise.reject(new TypeError(says));
      },
    };
    const cloud = createCloud({
      hubUrl: hub.url,
      transports: { ...direct, poll },
      clock,
      identities: memoryIdentities(),
      info,
    });
    await cloud.linking.requestPin(signal);
    for (let n = 0; n < 3; n++) await assertRejects(() => cloud.assignment.poll('"0"', signal), /Cannot connect/);
    assertEquals(log.lines(), []);
  });
}

function waitsOf(seen: readonly { path: string; headers: Headers }[]): number[] {
  return seen.filter(({ path }) => path === "/api/v1/agent/assignment")
    .map(({ headers }) => Number(headers.get("prefer")?.slice("wait=".length)));
}

Deno.test("cloud client tells of every answer of the hub, and of nobody else's", async () => {
  let answer: (() => Response) | undefined;
  let told = 0;
  await using hub = startFakeHub(() => answer?.());
  using cloud = await cloudOf(hub.url, { onAnswer: () => told++ });
  const report = () =>
    cloud.assignment.report({ version: "0", waiting: { batches: 0, bytes: 0 }, problem: null }, signal);
  await report();
  const before = told;
  assert(before > 0);
  for (const strange of [() => new Response(null, { status: 503 }), html, () => html(404)]) {
    answer = strange;
    await assertRejects(report);
  }
  assertEquals(told, before);
  answer = undefined;
  await report();
  await report();
  assertEquals(told, before + 2);
});

Deno.test("cloud client sends parts with exactly the given headers and no token, and knows S3's refusals", async () => {
  let answer = new Response(null, { status: 200 });
  await using store = startFakeHub(() => answer);
  await using hub = startFakeHub(() => undefined);
  using cloud = await cloudOf(hub.url);
  const address = {
    url: `${store.url}key?X-Amz-Signature=1`,
    headers: { "x-amz-checksum-sha256": "abc" },
    expiresAt: "",
  };
  const put = () => cloud.delivery.put(address, new TextEncoder().encode("part"), signal);
  await put();
  const [sent] = store.seen;
  assertEquals([sent?.method, sent?.body, sent?.headers.get("content-length")], ["PUT", "part", "4"]);
  const names = [...sent?.headers.keys() ?? []].filter((name) =>
    !/^(accept|user-agent|host|content-length)/.test(name)
  );
  assertEquals(names, ["x-amz-checksum-sha256"]);
  const cases: [number, string, HubErrorKind, RegExp][] = [
    [503, "SlowDown", "busy", /has a problem .* This is retried\./],
    [403, "AccessDenied", "stale", /refuses a part .* new address; if this persists, tell the hub's operator/],
    [400, "BadDigest", "checksum", /received other bytes .* check proxies/],
    [400, "RequestTimeout", "busy", /has a problem .* This is retried\./],
    [404, "NoSuchKey", "stale", /refuses a part .* tell the hub's operator/],
    [413, "EntityTooLarge", "stale", /does not accept a part of this size .* allow requests of 256 KiB/],
  ];
  for (const [status, code, kind, message] of cases) {
    answer = new Response(`<Error><Code>${code}</Code></Error>`, { status });
    const error = await assertRejects(put, new RegExp(`\\(${status} ${code}\\)`));
    assertMatch(`${error instanceof HubError && error.kind}`, new RegExp(kind), code);
    assertMatch(error.message, message);
  }
  answer = html(403);
  const { host } = store.url;
  assertEquals(
    (await assertRejects(put)).message,
    `${host} answers a part with a web page (403): a proxy or firewall on the way, not the object store. ` +
      `Ask for uploads (PUT) to ${host} to be allowed there.`,
  );
});

Deno.test("cloud client tells a hub of before, which takes no whole batches, from one that answers nonsense", async () => {
  const title = "Not found";
  let answer = () => Response.json({ type: "/problems/not-found", title, status: 404 }, { status: 404 });
  await using hub = startFakeHub((_, { pathname }) => pathname.endsWith("/whole") ? answer() : undefined);
  using cloud = await cloudOf(hub.url);
  const declaration = { payloadBytes: 3 } as BatchDeclaration;
  const kind = async () => {
    const error = await assertRejects(() =>
      cloud.delivery.sendWhole([{ declaration, payload: new Uint8Array([1, 2, 255]) }], signal)
    );
    return error instanceof HubError && error.kind;
  };
  assertEquals(await kind(), "refused");
  assertEquals(JSON.parse(hub.seen.at(-1)?.body ?? ""), { batches: [{ declaration, payload: "AQL/" }] });
  answer = () => Response.json({ type: "/problems/method-not-allowed", title, status: 405 }, { status: 405 });
  assertEquals(await kind(), "refused");
  answer = () => new Response("<html>Request Entity Too Large</html>", { status: 413 });
  assertEquals(await kind(), "too-large");
  answer = () => Response.json({ answers: [] });
  assertEquals(await kind(), "not-a-hub");
  answer = () => Response.json({ answers: [{ state: "eaten" }] });
  assertEquals(await kind(), "not-a-hub");
});

Deno.test("cloud client sends a part again at once when its connection is cut, and says so", async () => {
  let cuts = 2; // fetch itself tries twice when it is cut like this
  using store = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const conn of store) {
      await conn.read(new Uint8Array(4096));
      if (cuts-- <= 0) await conn.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
      conn.close();
    }
  })();
  await using hub = startFakeHub(() => undefined);
  using cloud = await cloudOf(hub.url);
  const address = { url: `http://127.0.0.1:${store.addr.port}/key`, headers: {}, expiresAt: "" };
  const put = () => cloud.delivery.put(address, new TextEncoder().encode("part"), signal);
  assertEquals(await put(), { tries: 2 });
  assertEquals(await put(), { tries: 1 });
  cuts = 4;
  const error = await assertRejects(put);
  assert(error instanceof HubError && error.kind === "unreachable", String(error));
  store.close();
  await serving;
});

Deno.test("cloud client waits as long as Retry-After says, in either form", async () => {
  let headers: Record<string, string> = {};
  await using hub = startFakeHub((_, { pathname }) =>
    pathname.endsWith("status") ? new Response(null, { status: 503, headers }) : undefined
  );
  using cloud = await cloudOf(hub.url);
  const retryAfterMs = async () => {
    const report = { version: "0", waiting: { batches: 0, bytes: 0 }, problem: null };
    const error = await assertRejects(() => cloud.assignment.report(report, signal));
    return error instanceof HubError ? error.retryAfterMs : -1;
  };
  headers = { "retry-after": "120" };
  assertEquals(await retryAfterMs(), 120_000);
  headers = { "retry-after": new Date(Date.now() + 60_000).toUTCString() };
  const ms = await retryAfterMs() ?? 0;
  assert(ms > 50_000 && ms <= 61_000, String(ms));
  headers = { "retry-after": "soon" };
  assertEquals(await retryAfterMs(), undefined);
});
