import { assertEquals, assertMatch } from "../assert.ts";
import { parseAllowedHost } from "../../src/egress/allowed_hosts.ts";
import { relayUserPermissions, startRelay } from "../../src/egress/start_relay.ts";
import { startOrigin } from "./origin.ts";

Deno.test("a worker that uses the relay reaches the allowed hosts, and nothing else", async () => {
  await using origin = startOrigin();
  await using other = startOrigin();
  const allowed = [`127.0.0.1:${origin.port}`, "injixo-*.s3.example.invalid"].map(parseAllowedHost);
  await using relay = await startRelay({ allowed, proxy: undefined });
  const worker = new Worker(new URL("./relay_user.ts", import.meta.url).href, {
    type: "module",
    deno: { permissions: { net: relayUserPermissions(relay, allowed) } },
  });
  const { promise, resolve, reject } = Promise.withResolvers<string[]>();
  worker.onmessage = (event) => resolve(event.data);
  worker.onerror = (event) => {
    event.preventDefault();
    reject(new Error(event.message));
  };
  const urls = [
    `http://127.0.0.1:${origin.port}/`,
    `http://127.0.0.1:${other.port}/`,
    "https://injixo-a.s3.example.invalid/",
    "https://other.s3.example.invalid/",
    "https://www.example.com/",
  ];
  const reports = relay.reports();
  worker.postMessage({ port: relay.port, token: relay.token, urls }, [reports]);
  const [hub = "", foreign = "", store = "", sibling = "", elsewhere = ""] = await promise;
  worker.terminate();
  assertEquals(hub, "took 0 bytes");
  assertMatch(foreign, /^NotCapable: .*neither the hub nor one of its object stores/);
  assertMatch(store, /^TypeError: .*"injixo-a\.s3\.example\.invalid" cannot be resolved/);
  assertMatch(sibling, /^TypeError: .*neither the hub nor one of its object stores/); // by the relay, not by Deno
  assertMatch(elsewhere, /^NotCapable: .*neither the hub nor one of its object stores/);
  assertEquals(other.headers, []);
});
