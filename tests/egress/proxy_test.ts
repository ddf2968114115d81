import { assert, assertEquals, assertRejects } from "../assert.ts";
import { goesByProxy, proxyFromEnvironment, shownProxy } from "../../src/egress/proxy.ts";

Deno.test("proxy is read from https_proxy, lower case first", () => {
  assertEquals(proxyFromEnvironment({}), undefined);
  assertEquals(proxyFromEnvironment({ https_proxy: "", HTTPS_PROXY: " " }), undefined);
  const cases: [string, string, string, number][] = [
    ["http://proxy.example:8080", "http://proxy.example:8080", "proxy.example", 8080],
    ["http://Proxy.Example", "http://proxy.example:80", "proxy.example", 80],
    ["proxy.example:3128/", "http://proxy.example:3128", "proxy.example", 3128],
    ["http://[2001:DB8::1]:3128", "http://[2001:db8::1]:3128", "2001:db8::1", 3128],
    ["http://pröxy.example.:3128", "http://xn--prxy-6qa.example:3128", "xn--prxy-6qa.example", 3128],
    ["http://jo%40corp:p%40ss%2Fw%3A@10.0.0.1:8080", "http://jo%40corp:***@10.0.0.1:8080", "10.0.0.1", 8080],
  ];
  for (const [address, shown, host, port] of cases) {
    const proxy = proxyFromEnvironment({ https_proxy: address, HTTPS_PROXY: "http://other" });
    assert(proxy !== undefined);
    assertEquals([shownProxy(proxy), proxy.host, proxy.port, proxy.variable], [shown, host, port, "https_proxy"]);
  }
  assertEquals(
    proxyFromEnvironment({ HTTPS_PROXY: "http://jo:a@b:c%25@p:1" })?.credentials,
    { user: "jo", password: "a@b:c%" },
  );
});

Deno.test("proxy address that cannot be used is told without its password", async () => {
  const bad = [
    "https://jo:s3cret@proxy",
    "socks5://jo:s3cret@proxy",
    "http://jo:s3cret@",
    "http://jo:s3cret@proxy:99999",
    "http://jo:s3cret%zz@proxy",
    "http://jo:s3cret/x@proxy:1",
    "http://jo:s3cret@pro xy",
    "http://jo:s3cret@proxy,example:3128",
    "http://jo:s3cret@proxy..example:3128",
    "http://",
  ];
  for (const address of bad) {
    const error = await assertRejects(() => proxyFromEnvironment({ https_proxy: address }), /https_proxy.*Set it like/);
    assert(!error.message.includes("s3cret"), error.message);
  }
});

Deno.test("no_proxy takes hosts, domains, ports, networks and the star", () => {
  const goes = (host: string, rules: string, port = 443) => {
    const proxy = proxyFromEnvironment({ https_proxy: "http://p", no_proxy: rules });
    assert(proxy !== undefined);
    return goesByProxy({ host, port }, proxy);
  };
  const exceptions: [string, string, number?][] = [
    ["hub.example", "*"],
    ["hub.example", "hub.example"],
    ["HUB.example", "other, Hub.Example"],
    ["a.hub.example", "hub.example"],
    ["a.hub.example", ".hub.example"],
    ["hub.example", ".hub.example"],
    ["a.hub.example", "*.hub.example"],
    ["hub.example", "hub.example:8443", 8443],
    ["10.1.2.3", "10.0.0.0/8"],
    ["10.1.2.3", "10.1.2.3"],
    ["2001:db8::5", "2001:db8::/32"],
    ["127.0.0.1", ""],
    ["localhost", ""],
    ["::1", ""],
  ];
  for (const [host, rules, port] of exceptions) assert(!goes(host, rules, port), `${host} with "${rules}"`);
  const byProxy: [string, string, number?][] = [
    ["hub.example", ""],
    ["xhub.example", "hub.example"],
    ["hub.example", "hub.example:8443"],
    ["11.1.2.3", "10.0.0.0/8"],
    ["10.hub.example", "10.0.0.0/8"],
    ["2001:db9::5", "2001:db8::/32"],
    ["10.1.2.3", "10.0.0.0/33"],
    ["hub.example", "example.hub"],
  ];
  for (const [host, rules, port] of byProxy) assert(goes(host, rules, port), `${host} with "${rules}"`);
});
