import net from "node:net";
import { readBytes, socksConnect, socksRequest } from "./socks_client.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../assert.ts";
import { allowedHosts, parseAllowedHost } from "../../src/egress/allowed_hosts.ts";
import { egressClient } from "../../src/egress/egress_client.ts";
import type { RelayReport } from "../../src/egress/relay_messages.ts";
import { relayPermissions, startRelay } from "../../src/egress/start_relay.ts";
import { eventually } from "../eventually.ts";
import { freePort } from "../free_port.ts";
import { startOrigin } from "./origin.ts";
import { type Relayed, relayed } from "./relayed.ts";
import { makeAuthority } from "./certificates.ts";

const realHub = allowedHosts({ hubUrl: new URL("https://www.injixo.com"), objectStoreHosts: [] });

Deno.test("relay carries requests both ways, and the origin sees nothing of it", async () => {
  await using origin = startOrigin();
  await using net = await relayed({ allowed: [`127.0.0.1:${origin.port}`] });
  const body = new Uint8Array(5_000_000);
  const url = new URL(`http://127.0.0.1:${origin.port}/`);
  const answers = await Promise.all(Array.from({ length: 8 }, async () => {
    const answer = await net.transport.fetch(url, { method: "PUT", body });
    return await answer.text();
  }));
  assertEquals(new Set(answers), new Set(["took 5000000 bytes"]));
  const sent = origin.headers.join("\n");
  assert(!sent.includes(net.relay.token), "the token left this machine");
  assert(!/proxy/i.test(sent), sent);
});

Deno.test("relay hands on the half-close of either side", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using relay = await startRelay({
    allowed: [parseAllowedHost(`127.0.0.1:${listener.addr.port}`)],
    proxy: undefined,
  });
  const served = (async () => {
    using conn = await listener.accept();
    const got = await readAll(conn); // ends by the client's half-close only
    await conn.write(new TextEncoder().encode(`got ${got}`));
  })();
  using client = await socksConnect(relay, { host: "127.0.0.1", port: listener.addr.port });
  await client.write(new TextEncoder().encode("question"));
  await client.closeWrite();
  assertEquals(await readAll(client), "got question");
  await served;
});

Deno.test("relay hands on what a client sends before it is answered", async () => {
  await using remote = startSilentRemote();
  await using relay = await startRelay({
    allowed: [parseAllowedHost(`127.0.0.1:${remote.port}`)],
    proxy: undefined,
  });
  using client = await socksRequest(relay, { host: "127.0.0.1", port: remote.port });
  const early = new Uint8Array(10_000).map((_, index) => index % 251);
  for (let sent = 0; sent < early.length;) sent += await client.write(early.subarray(sent));
  assertEquals(await readBytes(await remote.accepted(0), early.length), early);
});

Deno.test("relay takes nobody with another token, nor without one", async () => {
  await using origin = startOrigin();
  await using net = await relayed({ allowed: [`127.0.0.1:${origin.port}`] });
  for (const token of ["wrong", `${net.relay.token}x`, net.relay.token.slice(1)]) {
    using client = egressClient({ port: net.relay.port, token, purpose: "api", caCerts: [] });
    const error = await fetch(`http://127.0.0.1:${origin.port}/`, { client }).catch((error) => error);
    assertMatch(String(error), /Password auth failure/);
  }
  using plain = await Deno.connect({ hostname: "127.0.0.1", port: net.relay.port });
  await plain.write(Uint8Array.of(5, 1, 0)); // SOCKS5 without authentication
  assertEquals([...await readBytes(plain, 2)], [5, 0xff]);
  using http = await Deno.connect({ hostname: "127.0.0.1", port: net.relay.port });
  await http.write(new TextEncoder().encode("CONNECT www.injixo.com:443 HTTP/1.1\r\n\r\n"));
  assertEquals(await http.read(new Uint8Array(1)).catch(() => null), null);
  assertEquals(origin.headers, []);
});

Deno.test("relay refuses other hosts and other ports, and says how to allow them", async () => {
  await using origin = startOrigin();
  await using other = startOrigin();
  await using net = await relayed({ allowed: [`127.0.0.1:${origin.port}`, "injixo-*.s3.example.com"] });
  const urls = [
    `http://127.0.0.1:${other.port}/`,
    `http://localhost:${origin.port}/`,
    "http://www.example.com/",
    "https://injixo-.s3.example.com/",
    "https://injixo-a.b.s3.example.com/",
    "https://other.s3.example.com/",
    "https://injixo-a.s3.example.com.evil.example/",
    "https://injixo-a.s3.example.com:444/",
  ];
  for (const url of urls) {
    assertMatch(await net.failure(url), /neither the hub nor one of its object stores\. .*objectStoreHosts/, url);
  }
  assertEquals(other.headers, []);
  assertMatch(await net.failure("https://injixo-a.s3.example.com/"), /cannot be resolved/);
});

Deno.test("relay's worker cannot reach more than its permissions name", async () => {
  await using origin = startOrigin();
  const source = new URL("./confined_relay.ts", import.meta.url).href;
  const worker = new Worker(source, {
    type: "module",
    deno: { permissions: { net: relayPermissions(realHub, undefined) } },
  });
  const { promise, resolve } = Promise.withResolvers<Record<string, string>>();
  worker.onmessage = (event) => resolve(event.data);
  worker.postMessage(origin.port);
  const seen = await promise;
  worker.terminate();
  assertEquals(seen, {
    listen: "ok",
    "listen elsewhere": "NotCapable",
    "connect to the origin": "NotCapable",
    "connect to another host": "NotCapable",
    "read a file": "NotCapable",
    "read the environment": "NotCapable",
    "run a program": "NotCapable",
  });
});

Deno.test("relay asks for no more than its permissions", async () => {
  const proxy = { host: "proxy.example", port: 8080, variable: "https_proxy", exceptions: [] };
  const worker = new Worker(new URL("./relay_starter.ts", import.meta.url).href, {
    type: "module",
    deno: { permissions: { net: relayPermissions(realHub, proxy), read: true } }, // read: to load the relay's module
  });
  const { promise, resolve } = Promise.withResolvers<string>();
  worker.onmessage = (event) => resolve(event.data);
  worker.postMessage({ allowed: realHub, proxy });
  assertEquals(await promise, "started"); // a worker cannot give another one more than it has
  worker.terminate();
});

Deno.test("relay names the operating system's error of a refused connection", async () => {
  const port = freePort();
  await using net = await relayed({ allowed: [`127.0.0.1:${port}`] });
  assertEquals(
    await net.failure(`https://127.0.0.1:${port}/`),
    `Cannot connect to 127.0.0.1:${port}: connection refused (ECONNREFUSED, os error 111). Check that the address and ` +
      `the port are right, that 127.0.0.1:${port} runs, and that no firewall rejects it.`,
  );
});

Deno.test("relay names a host that is not known", async () => {
  await using net = await relayed({ allowed: ["nowhere.invalid"] });
  assertMatch(
    await net.failure("https://nowhere.invalid/"),
    /^Cannot connect to nowhere\.invalid:443: the name "nowhere\.invalid" cannot be resolved \(.+\)\. .*DNS/,
  );
});

Deno.test("relay limits its tunnels", async () => {
  await using remote = startSilentRemote();
  await using relay = await startRelay({
    allowed: [parseAllowedHost(`127.0.0.1:${remote.port}`)],
    proxy: undefined,
    limits: { tunnelsMax: 2 },
  });
  const to = { host: "127.0.0.1", port: remote.port };
  using _first = await socksConnect(relay, to);
  using _second = await socksConnect(relay, to);
  const third = await socksConnect(relay, to).catch((error) => error.message);
  assertEquals(third, "SOCKS reply 1");
});

Deno.test("relay closes idle tunnels at both ends", async () => {
  await using remote = startSilentRemote();
  await using relay = await startRelay({
    allowed: [parseAllowedHost(`127.0.0.1:${remote.port}`)],
    proxy: undefined,
    limits: { tunnelsMax: 1, idleTimeoutMs: 300 },
  });
  const to = { host: "127.0.0.1", port: remote.port };
  using idle = await socksConnect(relay, to);
  for (const end of [idle, await remote.accepted(0)]) await untilClosed(end);
  // The remote has not closed it, and yet it no longer counts.
  (await socksConnect(relay, to)).close();
});

Deno.test("relay has room for its own clients whoever else connects and says nothing", async () => {
  await using origin = startOrigin();
  await using relay = await startRelay({
    allowed: [parseAllowedHost(`127.0.0.1:${origin.port}`)],
    proxy: undefined,
    limits: { tunnelsMax: 1, newcomersMax: 2, handshakeTimeoutMs: 3_600_000 },
  });
  const connect = () => Deno.connect({ hostname: "127.0.0.1", port: relay.port });
  const silent = [await connect(), await connect(), await connect()] as const;
  await untilClosed(silent[0]); // the oldest
  (await socksConnect(relay, { host: "127.0.0.1", port: origin.port })).close();
  for (const conn of silent) conn.close();
});

Deno.test("relay does not wait for clients that say nothing", async () => {
  await using relay = await startRelay({ allowed: realHub, proxy: undefined, limits: { handshakeTimeoutMs: 100 } });
  using silent = await Deno.connect({ hostname: "127.0.0.1", port: relay.port });
  await untilClosed(silent);
});

Deno.test("relay gives up connecting for a client that has left", async () => {
  await using proxy = startSilentRemote();
  await using relay = await startRelay({
    allowed: [parseAllowedHost("hub.example:443")],
    proxy: { host: "127.0.0.1", port: proxy.port, variable: "https_proxy", exceptions: [] },
    limits: { proxyTimeoutMs: 10_000 },
  });
  const reports = relay.reports();
  const firstReport = new Promise<RelayReport>((resolve) => reports.onmessage = ({ data }) => resolve(data));
  const client = await socksRequest(relay, { host: "hub.example", port: 443 });
  const conn = await proxy.accepted(0);
  const request = new Uint8Array(1024);
  await conn.read(request);
  client.close();
  assertEquals(await conn.read(request), null);
  await assertRejects(() => socksConnect(relay, { host: "other.example", port: 443 }));
  const report = await firstReport;
  assertEquals(report.type === "failed" && report.failure.cause.stage, "forbidden", "it waited for the proxy");
  reports.close();
});

Deno.test("relay closes tunnels whose bytes the other side does not take", async () => {
  await using remote = startSilentRemote();
  await using relay = await startRelay({
    allowed: [parseAllowedHost(`127.0.0.1:${remote.port}`)],
    proxy: undefined,
    limits: { tunnelsMax: 1, idleTimeoutMs: 2000 },
  });
  const to = { host: "127.0.0.1", port: remote.port };
  const tunnel = await socksConnect(relay, to);
  const bytes = new Uint8Array(1024 * 1024);
  await assertRejects(async () => {
    while (true) await tunnel.write(bytes); // until the buffers are full, and the relay gives up
  });
  tunnel.close();
  (await socksConnect(relay, to)).close();
});

Deno.test("relay tells that a tunnel was reset", async () => {
  await using server = await startCuttingServer((socket) => socket.resetAndDestroy());
  await using client = await relayed({ allowed: [`127.0.0.1:${server.port}`] });
  assertMatch(
    await client.failure(`http://127.0.0.1:${server.port}/`),
    /^The connection to 127\.0\.0\.1:\d+ broke: connection reset by the other side \(ECONNRESET, os error 104\)\./,
  );
});

Deno.test("relay hands on that a tunnel was closed", async () => {
  await using server = await startCuttingServer((socket) => socket.end());
  await using client = await relayed({ allowed: [`127.0.0.1:${server.port}`] });
  assertMatch(
    await client.failure(`http://127.0.0.1:${server.port}/`),
    /^The connection to 127\.0\.0\.1:\d+ was closed before the answer was complete\./,
  );
});

Deno.test("a failed request tells whether it had been sent", async () => {
  await using server = await startCuttingServer((socket) => socket.resetAndDestroy());
  const refusing = freePort();
  const allowed = [`127.0.0.1:${server.port}`, `127.0.0.1:${refusing}`, "nowhere.invalid:80"];
  await using client = await relayed({ allowed });
  const sent = async (address: string) => (await failureOf(client, address)).sent;
  assertEquals(await sent(`http://127.0.0.1:${server.port}/`), true);
  assertEquals(await sent(`https://127.0.0.1:${server.port}/`), false, "not even TLS");
  assertEquals(await sent(`http://127.0.0.1:${refusing}/`), false);
  assertEquals(await sent("http://nowhere.invalid/"), false);
});

Deno.test("a request that is cut under TLS had been sent, and it is not the handshake that failed", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const authority = await makeAuthority(folder);
    const cut = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<Response>();
    await using origin = startOrigin(await authority.issue("localhost"), () => {
      cut.resolve();
      return answer.promise;
    });
    const between = net.createServer((socket) => {
      const onward = net.connect({ host: "127.0.0.1", port: origin.port });
      socket.pipe(onward);
      onward.pipe(socket, { end: false });
      // Without a word of TLS, as what knows nothing of it cuts.
      cut.promise.then(() => {
        onward.unpipe(socket).destroy();
        socket.unpipe(onward).resume().end();
      });
      socket.on("error", () => {});
      onward.on("error", () => {});
    });
    await new Promise<void>((resolve) => between.listen(0, "127.0.0.1", resolve));
    const { port } = between.address() as net.AddressInfo;
    {
      await using client = await relayed({ allowed: [`localhost:${port}`], caCerts: [authority.ca] });
      const { message, sent } = await failureOf(client, `https://localhost:${port}/`);
      assertMatch(message, /^The connection to localhost:\d+ was closed before the answer was complete\./);
      assertEquals(sent, true);
    }
    await new Promise<void>((resolve) => between.close(() => resolve()));
    answer.resolve(new Response());
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

async function failureOf({ transport }: Relayed, address: string): Promise<{ message: string; sent: boolean }> {
  const options = { url: new URL(address), sinceMs: performance.now(), signal: new AbortController().signal };
  const error = await assertRejects(() => transport.fetch(options.url, {}));
  return await transport.explain(error, options);
}

/** A server that does `cut` as soon as a request comes. */
async function startCuttingServer(cut: (socket: net.Socket) => void): Promise<AsyncDisposable & { port: number }> {
  const server = net.createServer((socket) => socket.once("data", () => cut(socket)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as net.AddressInfo).port,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

/** A server that takes connections, and neither reads nor closes them before it is disposed of. */
function startSilentRemote(): AsyncDisposable & { port: number; accepted(index: number): Promise<Deno.Conn> } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections: PromiseWithResolvers<Deno.Conn>[] = [];
  const at = (index: number) => connections[index] ??= Promise.withResolvers();
  let count = 0;
  const accepting = (async () => {
    for await (const conn of listener) at(count++).resolve(conn);
  })();
  return {
    port: listener.addr.port,
    accepted: (index) => at(index).promise,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      for (let index = 0; index < count; index++) (await at(index).promise).close();
    },
  };
}

/** Waits until the other side has closed it, without a byte. */
async function untilClosed(conn: Deno.Conn): Promise<void> {
  let read: number | null | undefined;
  conn.read(new Uint8Array(1)).then((bytes) => read = bytes, () => {});
  await eventually(() => read === null, { what: "the connection to be closed" });
}

async function readAll(conn: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(1024);
  let text = "";
  for (let read; (read = await conn.read(buffer)) !== null;) text += new TextDecoder().decode(buffer.subarray(0, read));
  return text;
}
