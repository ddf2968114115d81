/** A batch on its way to an object store that refuses in every way it knows: uploader, client and HTTP together. */
import { createHash } from "node:crypto";
import type { DeliveryClient } from "../../src/agent/ports.ts";
import { Uploader } from "../../src/agent/uploader.ts";
import { createCloud } from "../../src/cloud/cloud.ts";
import { assert, assertEquals } from "../assert.ts";
import { captureLog } from "../fakes/captured_log.ts";
import { fastClock } from "../fakes/fast_clock.ts";
import { MemoryHub } from "../fakes/memory_hub.ts";
import { MemorySpool } from "../fakes/memory_spool.ts";
import { directTransports } from "./direct_transport.ts";
import { memoryIdentities } from "./memory_identities.ts";

function refusal(status: number, code: string, headers: Record<string, string> = {}): () => Response {
  return () => new Response(`<Error><Code>${code}</Code></Error>`, { status, headers });
}

/** What is refused how, and how long it then waits at least, in ms. */
const refusals: readonly [string, () => Response, number?][] = [
  ["SlowDown", refusal(503, "SlowDown", { "retry-after": "2" }), 2000],
  ["a busy store", refusal(429, "TooManyRequests")],
  ["an expired address", refusal(403, "AccessDenied")],
  ["a bad part", refusal(400, "BadDigest")],
  ["a part that came too slowly", refusal(400, "RequestTimeout")],
  ["a part too large for a proxy", () => new Response("<html>413</html>", { status: 413 })],
  ["an internal error", refusal(500, "InternalError")],
  ["a bucket that has moved", () => new Response(null, { status: 307, headers: { location: "http://127.0.0.1:1/" } })],
];

for (const [name, refuse, waitMs = 0] of refusals) {
  Deno.test(`a batch arrives in spite of ${name}, by a new address`, async () => {
    using log = await captureLog();
    let refusalsLeft = 2;
    const asked: string[] = [];
    const putAtMs: number[] = [];
    const clock = fastClock(20);
    const hub = new MemoryHub();
    const addresses = new Map<string, Parameters<DeliveryClient["put"]>[0]>();
    const { signal } = new AbortController();
    await using store = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
      const bytes = await request.bytes();
      const address = addresses.get(new URL(request.url).pathname);
      putAtMs.push(clock.monotonicMs());
      if (address === undefined || refusalsLeft-- > 0) return refuse();
      await hub.put(address, bytes, signal);
      return new Response();
    });
    using transports = directTransports();
    const { delivery } = createCloud({
      hubUrl: new URL("http://127.0.0.1:1"),
      transports,
      clock,
      identities: memoryIdentities(),
      info: { hostName: "acd-server", version: "0.1.0", system: "linux", name: "com.injixo.cloud-link" },
    });
    const client: DeliveryClient = {
      declare: (batch, inner) => hub.declare(batch, inner),
      complete: (id, request, inner) => hub.complete(id, request, inner),
      sendWhole: (batches, inner) => hub.sendWhole(batches, inner),
      missing: (ids, inner) => hub.missing(ids, inner),
      put: (address, bytes, inner) => delivery.put(address, bytes, inner),
      async addresses(id, parts, inner) {
        const own = await hub.addresses(id, parts, inner);
        return own.map((address) => {
          const path = `/${asked.push(address.url)}`;
          addresses.set(path, address);
          return { ...address, url: `http://127.0.0.1:${store.addr.port}${path}` };
        });
      },
    };
    const spool = new MemorySpool();
    const content = new Uint8Array(400_000).map((_, index) => (index * 31) % 251);
    const sha256 = createHash("sha256").update(content).digest("hex");
    spool.add(content, {
      id: "batch",
      origin: { kind: "csv", fileName: "a.csv", modifiedAt: null },
      lane: "live",
      sha256,
    });
    const uploader = new Uploader({ spool, client, clock, random: () => 1, onUnlinked: () => {} });
    const stop = new AbortController();
    const running = uploader.run(stop.signal).catch(() => {});
    await spool.until(() => spool.delivered.length + spool.asides.size === 1);
    stop.abort();
    await running;
    assertEquals(spool.delivered, ["batch"], log.lines().join("\n"));
    assertEquals(hub.received.get("batch"), content);
    const [first = 0, second = 0, third = 0] = putAtMs;
    assert(second - first >= waitMs && third - second >= waitMs, `it was sent at ${putAtMs.join(", ")} ms`);
    assert(new Set(addresses.keys()).size > 2, `it was given addresses for ${asked.join()}`);
  });
}
