import { assertEquals, assertMatch } from "../assert.ts";
import { checkNetwork, type NetworkCheckOptions } from "../../src/egress/network_checks.ts";
import { proxyFromEnvironment } from "../../src/egress/proxy.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { startTestHub } from "../hub/start_hub.ts";
import { makeAuthority } from "./certificates.ts";
import { startOrigin } from "./origin.ts";
import { relayed } from "./relayed.ts";
import { freePort } from "../free_port.ts";

async function check(
  net: Pick<NetworkCheckOptions, "transport">,
  url: string,
  options: Partial<NetworkCheckOptions> = {},
) {
  const lines = await Array.fromAsync(checkNetwork({
    hubUrl: new URL(url),
    proxy: undefined,
    transport: net.transport,
    clock: systemClock,
    objectStores: [],
    link: undefined,
    signal: new AbortController().signal,
    ...options,
  }));
  return lines.map(({ name, result, detail, remedy }) => `${name}: ${result}: ${detail}${remedy ? ` ${remedy}` : ""}`);
}

Deno.test("check goes all the way to the hub, its object store and the link", async () => {
  await using hub = await startTestHub();
  await using store = startOrigin(undefined, () => new Response("<Error/>", { status: 403 }));
  const { port } = new URL(hub.url);
  await using net = await relayed({ allowed: [`127.0.0.1:${port}`, `127.0.0.1:${store.port}`] });
  const lines = await check(net, hub.url, {
    objectStores: [new URL(`http://127.0.0.1:${store.port}`)],
    link: () => Promise.resolve("linked to ACD of Account"),
  });
  assertMatch(lines[4] ?? "", /^Hub: ok: http:\/\/127\.0\.0\.1:\d+, version \d/);
  assertEquals(lines.toSpliced(4, 1), [
    "Proxy: ok: none: https_proxy is not set",
    "DNS: ok: 127.0.0.1 is resolved",
    `TCP: ok: 127.0.0.1:${port} accepts connections`,
    "TLS: ok: not used: the hub is on this machine",
    "Clock: ok: as the hub's",
    `Object store: ok: 127.0.0.1:${store.port} answers (403)`,
    "Link: ok: linked to ACD of Account",
  ]);
  const year = { ...systemClock, now: () => systemClock.now() + 3600_000 };
  const late = await check(net, hub.url, { clock: year });
  assertMatch(late[5] ?? "", /^Clock: warning: 3\d\d\d s ahead of the hub's .*NTP/);
  assertMatch(late[6] ?? "", /^Link: warning: not linked Run the command pin/);
});

Deno.test("check stops at the step that fails", async () => {
  const folder = await Deno.makeTempDir();
  const authority = await makeAuthority(folder);
  await using origin = startOrigin(await authority.issue("localhost"));
  const dead = freePort();
  await using net = await relayed({ allowed: ["hub.invalid", `127.0.0.1:${dead}`, `localhost:${origin.port}`] });
  const last = async (url: string) => (await check(net, url)).slice(-2).join("\n");
  assertMatch(await last("https://hub.invalid"), /^Proxy: ok.*\nDNS: failed: .*cannot be resolved/);
  assertMatch(await last(`https://127.0.0.1:${dead}`), /^DNS: ok.*\nTCP: failed: .*ECONNREFUSED/);
  assertMatch(await last(`https://localhost:${origin.port}`), /^TCP: ok.*\nTLS: failed: .*UnknownIssuer/);
  await using trusting = await relayed({ allowed: [`localhost:${origin.port}`], caCerts: [authority.ca] });
  const stranger = await check(trusting, `https://localhost:${origin.port}`);
  assertMatch(stranger.at(-2) ?? "", /^Hub: failed: .*it is not a hub of injixo Cloud Link Check \[hub\] url/);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("check does not wait for ever for an answer", async () => {
  const transport = {
    fetch: (_: URL, { signal }: RequestInit) =>
      new Promise<never>((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason))),
    diagnose: () => Promise.reject(new Error("nothing failed")),
  };
  const clock = { ...systemClock, sleep: () => Promise.resolve() };
  const lines = await check({ transport }, "https://hub.example", { clock });
  assertMatch(lines.at(-1) ?? "", /failed: No answer from hub\.example within 20 s\. Check any firewall or proxy/);
});

Deno.test("check shows the proxy without its password, and that it is dead", async () => {
  const dead = freePort();
  const proxy = proxyFromEnvironment({ HTTPS_PROXY: `http://jo:s3cret@127.0.0.1:${dead}` });
  if (proxy === undefined) throw new Error("no proxy");
  await using net = await relayed({ allowed: ["hub.example"], proxy });
  assertEquals(await check(net, "https://hub.example", { proxy }), [
    `Proxy: ok: http://jo:***@127.0.0.1:${dead} (from HTTPS_PROXY)`,
    `Tunnel: failed: Cannot connect to hub.example:443 through the proxy 127.0.0.1:${dead}: connection refused ` +
    `(ECONNREFUSED, os error 111). Check that the address and the port are right, that the proxy 127.0.0.1:${dead} runs, ` +
    "and that no firewall rejects it. Its address is in https_proxy.",
  ]);
});
