import { readBytes, socksConnect } from "./socks_client.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { type Proxy, proxyFromEnvironment } from "../../src/egress/proxy.ts";
import { makeAuthority } from "./certificates.ts";
import { startOrigin } from "./origin.ts";
import { relayed } from "./relayed.ts";
import { freePort } from "../free_port.ts";
import { startTinyproxy } from "./tinyproxy.ts";

/** The proxy of `address`, for loopback destinations too. */
function proxyFor(address: string): Proxy {
  const proxy = proxyFromEnvironment({ https_proxy: address });
  assert(proxy !== undefined);
  return { ...proxy, exceptions: [] };
}

Deno.test("relay logs in to a real tinyproxy, and no origin ever sees the credentials", async () => {
  const folder = await Deno.makeTempDir();
  const authority = await makeAuthority(folder);
  await using origin = startOrigin(await authority.issue("localhost"));
  await using tinyproxy = await startTinyproxy(["BasicAuth jo p4ssword", `ConnectPort ${origin.port}`]);
  const allowed = [`localhost:${origin.port}`];
  const url = `https://localhost:${origin.port}/`;
  const options = { allowed, caCerts: [authority.ca] };
  {
    await using net = await relayed({
      ...options,
      proxy: proxyFor(`http://jo:p4ss%77ord@127.0.0.1:${tinyproxy.port}`),
    });
    assertEquals(await net.get(url), "took 0 bytes");
    const answer = await net.transport.fetch(new URL(url), { method: "PUT", body: new Uint8Array(3_000_000) });
    assertEquals(await answer.text(), "took 3000000 bytes");
    const sent = origin.headers.join("\n");
    assert(sent.includes("content-length: 3000000"));
    assert(!/proxy|p4ss|authorization/i.test(sent) && !sent.includes(net.relay.token), sent);
  }
  {
    await using net = await relayed({ ...options, proxy: proxyFor(`http://jo:wrong@127.0.0.1:${tinyproxy.port}`) });
    const message = await net.failure(url);
    assertMatch(message, /does not accept the user and password \("HTTP\/1\.\d 40[17] .*Correct them in https_proxy/);
    assert(!message.includes("wrong@"));
  }
  {
    await using net = await relayed({ ...options, proxy: proxyFor(`http://127.0.0.1:${tinyproxy.port}`) });
    assertMatch(await net.failure(url), /requires a user and a password \(.*Set them in https_proxy/);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("relay tells that a real tinyproxy forbids the host", async () => {
  await using origin = startOrigin();
  await using tinyproxy = await startTinyproxy([`ConnectPort 443`]);
  await using net = await relayed({
    allowed: [`localhost:${origin.port}`],
    proxy: proxyFor(`http://127.0.0.1:${tinyproxy.port}`),
  });
  assertMatch(
    await net.failure(`https://localhost:${origin.port}/`),
    /through the proxy 127\.0\.0\.1:\d+: it refused with "HTTP\/1\.\d 403 .*"\. Ask for connections \(CONNECT\) to localhost:\d+/,
  );
  assertEquals(origin.headers, []);
});

Deno.test("relay tells that a real tinyproxy cannot reach the host", async () => {
  const dead = freePort();
  await using tinyproxy = await startTinyproxy([`ConnectPort ${dead}`]);
  await using net = await relayed({
    allowed: [`localhost:${dead}`],
    proxy: proxyFor(`http://127.0.0.1:${tinyproxy.port}`),
  });
  assertMatch(
    await net.failure(`https://localhost:${dead}/`),
    /it refused with "HTTP\/1\.\d 50\d .*"\. Check that the proxy/,
  );
});

Deno.test("relay tells a dead proxy from an unknown one", async () => {
  const dead = freePort();
  await using net = await relayed({ allowed: ["hub.example"], proxy: proxyFor(`http://127.0.0.1:${dead}`) });
  assertMatch(
    await net.failure("https://hub.example/"),
    /^Cannot connect to hub\.example:443 through the proxy 127\.0\.0\.1:\d+: connection refused \(ECONNREFUSED, os error 111\)\./,
  );
  await using other = await relayed({ allowed: ["hub.example"], proxy: proxyFor("http://proxy.invalid:8080") });
  assertMatch(
    await other.failure("https://hub.example/"),
    /the name "proxy\.invalid" cannot be resolved .*https_proxy/,
  );
});

const answers: readonly (readonly [string, string | undefined, RegExp])[] = [
  [
    "asks for NTLM",
    "HTTP/1.1 407 No\r\nProxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\n\r\n",
    /requires a login by Negotiate, NTLM \("HTTP\/1\.1 407 No"\), which is not supported; Basic is\./,
  ],
  [
    "asks for Digest",
    'HTTP/1.1 407 No\r\nProxy-Authenticate: Digest realm="a, b", nonce="x"\r\n\r\n',
    /requires a login by Digest \(/,
  ],
  [
    "answers 502",
    "HTTP/1.1 502 Bad Gateway\r\n\r\n<html>",
    /refused with "HTTP\/1\.1 502 Bad Gateway"\. Check that the proxy/,
  ],
  ["is a plain file server", "<html><body>Welcome", /its answer is not that of an HTTP proxy/],
  [
    "answers with a page",
    "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 20\r\n\r\n<html><body>Log in.",
    /the proxy 127\.0\.0\.1:\d+: it answers with a web page instead of connecting\. .*without/,
  ],
  ["answers without end", `HTTP/1.1 200 OK\r\nX: ${"x".repeat(20_000)}`, /its answer is not that of an HTTP proxy/],
  ["closes at once", "", /closed the connection without an answer/],
  ["hangs", undefined, /did not answer within 0\.3 s\. Check that the proxy can connect to hub\.example:443/],
];

for (const [name, answer, expected] of answers) {
  Deno.test(`relay has a message of its own for a proxy that ${name}`, async () => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const open: Deno.Conn[] = [];
    const serving = (async () => {
      for await (const conn of listener) {
        open.push(conn);
        await conn.read(new Uint8Array(4096));
        if (answer === undefined) continue;
        await conn.write(new TextEncoder().encode(answer));
        await conn.closeWrite();
      }
    })();
    {
      await using net = await relayed({
        allowed: ["hub.example"],
        proxy: proxyFor(`http://127.0.0.1:${listener.addr.port}`),
        limits: { proxyTimeoutMs: answer === undefined ? 300 : 60_000 },
      });
      assertMatch(await net.failure("https://hub.example/"), expected);
    }
    listener.close();
    await serving;
    for (const conn of open) conn.close();
  });
}

Deno.test("relay hands on what a proxy sends right behind its answer", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    using conn = await listener.accept();
    await conn.read(new Uint8Array(4096));
    await conn.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\n\r\nhi"));
    while (await conn.read(new Uint8Array(4096)).catch(() => null) !== null);
  })();
  {
    await using net = await relayed({
      allowed: ["hub.example:80"],
      proxy: proxyFor(`http://127.0.0.1:${listener.addr.port}`),
    });
    using tunnel = await socksConnect(net.relay, { host: "hub.example", port: 80 });
    assertEquals(new TextDecoder().decode(await readBytes(tunnel, 2)), "hi");
  }
  await serving;
});
