/**
 * The uploader and its client on a thin line with some delay, which all requests share, by a clock that moves when told
 * to: what does not get through in time, or because the line breaks, is sent again, and must not be sent again for ever.
 */
import { createHash } from "node:crypto";
import { Uploader } from "../../src/agent/uploader.ts";
import type { AccessTokens } from "../../src/cloud/access_tokens.ts";
import { AgentApi } from "../../src/cloud/agent_api.ts";
import { deliveryClient } from "../../src/cloud/delivery_client.ts";
import { HubClock } from "../../src/cloud/hub_clock.ts";
import { HubHttp } from "../../src/cloud/hub_http.ts";
import type { Transport } from "../../src/cloud/transport.ts";
import type { BatchDeclaration } from "../../src/protocol/delivery.ts";
import type { Clock } from "../../src/runtime/clock.ts";
import { assert, assertEquals } from "../assert.ts";
import { FakeClock, settle } from "../fakes/fake_clock.ts";
import { MemoryHub } from "../fakes/memory_hub.ts";
import { MemorySpool } from "../fakes/memory_spool.ts";

/** What a request takes besides its body, in bytes. */
const headBytes = 1500;
const stepMs = 100;

interface LineQuality {
  readonly bytesPerMs: number;
  readonly delayMs: number;
  /** How often it breaks, in ms. @default never */
  readonly breakEveryMs?: number;
}

const line64kbit: LineQuality = { bytesPerMs: 8, delayMs: 300 };
const line1Mbit: LineQuality = { bytesPerMs: 125, delayMs: 20 };

/** Gives each request under way its share of the line. */
class ThinLine {
  readonly #quality: LineQuality;
  readonly #requests = new Set<
    { bytes: number; readonly arrive: () => void; readonly cut: (reason: unknown) => void }
  >();
  /** What has passed to the hub, in bytes, whether or not it arrived in full. */
  passedBytes = 0;

  constructor(quality: LineQuality) {
    this.#quality = quality;
  }

  /** Resolves with what the hub answers. */
  async send<T>(
    bytes: number,
    { clock, signal, answer }: { clock: Clock; signal: AbortSignal; answer: () => Promise<T> },
  ): Promise<T> {
    const connection = new AbortController();
    const arrived = Promise.withResolvers<void>();
    const cut = (reason: unknown) => {
      connection.abort(reason);
      arrived.reject(reason);
    };
    const onAbort = () => cut(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    const request = { bytes: bytes + headBytes, arrive: arrived.resolve, cut };
    this.#requests.add(request);
    try {
      await arrived.promise;
      const answered = await answer();
      await clock.sleep(this.#quality.delayMs, connection.signal);
      return answered;
    } finally {
      this.#requests.delete(request);
      signal.removeEventListener("abort", onAbort);
    }
  }

  pass(ms: number): void {
    const sending = [...this.#requests].filter(({ bytes }) => bytes > 0);
    const share = (this.#quality.bytesPerMs * ms) / sending.length;
    for (const request of sending) {
      this.passedBytes += Math.min(share, request.bytes);
      request.bytes -= share;
      if (request.bytes <= 0) request.arrive();
    }
  }

  /** What is under way is lost, and so are answers. */
  break(): void {
    for (const { cut } of this.#requests) cut(new Error("Connection reset by peer (os error 104)"));
  }
}

/** The hub's side: all is well there. */
async function answerTo(
  hub: MemoryHub,
  { url, body, signal }: { url: URL; body: Uint8Array<ArrayBuffer> | string; signal: AbortSignal },
): Promise<unknown> {
  if (typeof body !== "string") return await hub.put({ url: url.href, headers: {}, expiresAt: "" }, body, signal);
  const json = JSON.parse(body);
  const [id = "", step] = url.pathname.split("/").slice(5);
  if (id === "") return await hub.declare(json, signal);
  if (step === "parts") return { addresses: await hub.addresses(id, json.parts, signal) };
  if (step === "complete") return await hub.complete(id, json, signal);
  const batches: { declaration: BatchDeclaration; payload: string }[] = json.batches;
  return {
    answers: await hub.sendWhole(
      batches.map(({ declaration, payload }) => ({ declaration, payload: Uint8Array.fromBase64(payload) })),
      signal,
    ),
  };
}

/**
 * Delivers batches of these lengths, and returns how much more than them passed the line, as a part of them. Fails unless
 * all are delivered in that time.
 */
async function deliver(
  lengths: readonly number[],
  { over: quality, secondsMax }: { over: LineQuality; secondsMax: number },
): Promise<number> {
  const { breakEveryMs = Infinity } = quality;
  const clock = new FakeClock();
  const line = new ThinLine(quality);
  const hub = new MemoryHub();
  const transport: Transport = {
    async fetch(url, init) {
      const body = init.body as Uint8Array<ArrayBuffer> | string;
      const signal = init.signal as AbortSignal;
      const answer = () => answerTo(hub, { url, body, signal });
      return Response.json(await line.send(body.length, { clock, signal, answer }));
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
      if (clock.monotonicMs() % breakEveryMs === 0) line.break();
    }
    assertEquals(spool.delivered.length, lengths.length, `delivered in ${secondsMax} s`);
  } finally {
    stop.abort();
    await running;
  }
  return line.passedBytes / lengths.reduce((sum, bytes) => sum + bytes, 0) - 1;
}

Deno.test("what waits in small batches gets through a thin line, nearly as fast as the line goes", async () => {
  // Whole ones with what their declarations take: 1.6 MB and 1.3 MB.
  await deliver(new Array(40).fill(30_000), { over: line64kbit, secondsMax: 400 });
  await deliver(new Array(400).fill(2000), { over: line64kbit, secondsMax: 400 });
});

Deno.test("large batches get through a thin line, nearly as fast as the line goes", async () => {
  await deliver(new Array(2).fill(2_500_000), { over: line64kbit, secondsMax: 900 });
});

Deno.test("files of some hundred kilobytes get through a thin line, nearly as fast as the line goes", async () => {
  await deliver(new Array(10).fill(250_000), { over: line64kbit, secondsMax: 500 });
});

Deno.test("on a line that breaks about every ten seconds little of a large batch is sent twice", async () => {
  // Several: parts that happen to end where the line breaks are none of the uploader's merit.
  for (const breakEveryMs of [8_700, 9_500, 10_000, 11_300]) {
    const beyond = await deliver([40_000_000], { over: { ...line1Mbit, breakEveryMs }, secondsMax: 600 });
    assert(beyond < 0.15, `${breakEveryMs} ms: ${(100 * beyond).toFixed(1)}% beyond the payload passed the line`);
  }
});
