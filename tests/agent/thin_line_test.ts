/**
 * The uploader and its client on a line of 64 kbit/s with 300 ms of delay, which all requests share, by a clock that
 * moves when told to: what does not get through in time is sent again, and must not be sent again for ever.
 */
import { createHash } from "node:crypto";
import { Uploader } from "../../src/agent/uploader.ts";
import type { AccessTokens } from "../../src/cloud/access_tokens.ts";
import { AgentApi } from "../../src/cloud/agent_api.ts";
import { deliveryClient } from "../../src/cloud/delivery_client.ts";
import { HubClock } from "../../src/cloud/hub_clock.ts";
import { HubHttp } from "../../src/cloud/hub_http.ts";
import type { Transport } from "../../src/cloud/transport.ts";
import type { Clock } from "../../src/runtime/clock.ts";
import { assertEquals } from "../assert.ts";
import { FakeClock, settle } from "../fakes/fake_clock.ts";
import { MemorySpool } from "../fakes/memory_spool.ts";

const bytesPerMs = 8;
const delayMs = 300;
/** What a request takes besides its body, in bytes. */
const headBytes = 1500;
const stepMs = 100;

/** Gives each request under way its share of the line. */
class ThinLine {
  readonly #open = new Set<{ bytes: number; done: () => void }>();

  async send(bytes: number, { clock, signal }: { clock: Clock; signal: AbortSignal }): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const request = { bytes: bytes + headBytes, done: resolve };
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    this.#open.add(request);
    try {
      await promise;
      await clock.sleep(delayMs, signal);
    } finally {
      this.#open.delete(request);
      signal.removeEventListener("abort", onAbort);
    }
  }

  pass(ms: number): void {
    const share = (bytesPerMs * ms) / Math.max(this.#open.size, 1);
    for (const request of [...this.#open]) {
      request.bytes -= share;
      if (request.bytes > 0) continue;
      this.#open.delete(request);
      request.done();
    }
  }
}

/** The hub's side: all is well there. */
function answerTo(url: URL, body: Uint8Array | string): unknown {
  const at = "2026-03-02T08:00:00Z";
  if (url.pathname.endsWith("/batches")) return { state: "wanted", parts: [] };
  if (url.pathname.endsWith("/complete")) return { batch: url.pathname.split("/").at(-2), receivedAt: at };
  if (url.pathname.endsWith("/parts")) {
    const { parts } = JSON.parse(String(body)) as { parts: unknown[] };
    return { addresses: parts.map(() => ({ url: "https://store.test/part", headers: {}, expiresAt: at })) };
  }
  if (!url.pathname.endsWith("/whole")) return {};
  const { batches } = JSON.parse(String(body)) as { batches: { declaration: { id: string } }[] };
  return {
    answers: batches.map(({ declaration: { id } }) => ({ state: "received", receipt: { batch: id, receivedAt: at } })),
  };
}

/** Fails unless all batches of these lengths are delivered in that time. */
async function deliver(lengths: readonly number[], { secondsMax }: { secondsMax: number }): Promise<void> {
  const clock = new FakeClock();
  const line = new ThinLine();
  const transport: Transport = {
    async fetch(url, { body, signal }) {
      const sent = body as Uint8Array | string | null ?? "";
      await line.send(sent.length, { clock, signal: signal as AbortSignal });
      return Response.json(answerTo(url, sent));
    },
    explain: () => Promise.resolve({ message: "the line is down", sent: true }),
  };
  const hubUrl = new URL("https://hub.test");
  const http = new HubHttp({ hubUrl, clock, hubClock: new HubClock(clock), onAnswer: () => {} });
  const tokens = { get: () => Promise.resolve("token"), drop: () => {} } as unknown as AccessTokens;
  const client = deliveryClient({
    api: new AgentApi({ http, tokens }),
    transports: { api: transport, poll: transport, delivery: transport },
  });
  const spool = new MemorySpool();
  for (const [index, bytes] of lengths.entries()) {
    const content = new Uint8Array(bytes).fill(index);
    const id = createHash("sha256").update(`${index}`).digest("hex");
    const sha256 = createHash("sha256").update(content).digest("hex");
    const origin = { kind: "csv", fileName: `${index}.csv`, modifiedAt: null } as const;
    spool.add(content, { id, origin, lane: "live", sha256 });
  }
  const uploader = new Uploader({ spool, client, clock, random: () => 1, onUnlinked: () => {} });
  uploader.assigned({ received: { count: 0 }, wholePayloadBytes: 32 * 1024 });
  const stop = new AbortController();
  const running = uploader.run(stop.signal).catch((error) => {
    if (error !== stop.signal.reason) throw error;
  });
  try {
    while (spool.delivered.length < lengths.length && clock.monotonicMs() < secondsMax * 1000) {
      await settle();
      line.pass(stepMs);
      await clock.advance(stepMs);
    }
    assertEquals(spool.delivered.length, lengths.length, `delivered in ${secondsMax} s`);
  } finally {
    stop.abort();
    await running;
  }
}

Deno.test("what waits in small batches gets through a thin line, nearly as fast as the line goes", async () => {
  // Whole ones with what their declarations take: 1.6 MB and 1.3 MB.
  await deliver(new Array(40).fill(30_000), { secondsMax: 400 });
  await deliver(new Array(400).fill(2000), { secondsMax: 400 });
});

Deno.test("large batches get through a thin line, nearly as fast as the line goes", async () => {
  await deliver(new Array(2).fill(2_500_000), { secondsMax: 900 });
});

Deno.test("files of some hundred kilobytes get through a thin line, nearly as fast as the line goes", async () => {
  await deliver(new Array(10).fill(250_000), { secondsMax: 500 });
});
