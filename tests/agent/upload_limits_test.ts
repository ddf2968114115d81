/** What `[upload]` holds back: bytes per second, and the time of day. By a clock that moves when told to. */
import { createHash } from "node:crypto";
import { requestHeadBytes } from "../../src/agent/lane_gate.ts";
import type { Lane } from "../../src/agent/ports.ts";
import { TokenBucket } from "../../src/agent/token_bucket.ts";
import { Uploader, type UploadLimits } from "../../src/agent/uploader.ts";
import type { BatchOrigin } from "../../src/protocol/delivery.ts";
import { parseDailyWindow } from "../../src/runtime/daily_window.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { type CapturedLog, captureLog } from "../fakes/captured_log.ts";
import { FakeClock, settle } from "../fakes/fake_clock.ts";
import { type HubCall, MemoryHub } from "../fakes/memory_hub.ts";
import { MemorySpool } from "../fakes/memory_spool.ts";

const kibibyte = 1024;
const minuteMs = 60_000;

interface Bench {
  readonly spool: MemorySpool;
  readonly clock: FakeClock;
  readonly uploader: Uploader;
  readonly log: CapturedLog;
  /** Bytes of parts and of batches that went whole, with the time at which each was sent. */
  readonly puts: { id: string; bytes: number; atMs: number }[];
  addFile(id: string, bytes?: number): void;
  addRows(id: string, options: { lane: Lane; bytes?: number }): void;
}

async function withLimits(limits: UploadLimits, options: { start: string }, act: (bench: Bench) => Promise<void>) {
  using log = await captureLog();
  const spool = new MemorySpool();
  const clock = new FakeClock(options.start);
  const puts: Bench["puts"] = [];
  const onCall = ({ what, id, bytes }: HubCall) => {
    if (what === "put" || what === "whole") puts.push({ id, bytes, atMs: clock.monotonicMs() });
  };
  const hub = new MemoryHub({ onCall });
  const uploader = new Uploader({ spool, client: hub, clock, random: () => 1, limits, onUnlinked: () => {} });
  const add = (id: string, { bytes = 100, lane, origin }: { bytes?: number; lane: Lane; origin: BatchOrigin }) => {
    const content = new Uint8Array(bytes).map((_, index) => (index * 31 + id.length) % 251);
    spool.add(content, { id, origin, lane, sha256: createHash("sha256").update(content).digest("hex") });
  };
  const stop = new AbortController();
  const running = uploader.run(stop.signal).catch((error) => {
    if (error !== stop.signal.reason) throw error;
  });
  try {
    await act({
      spool,
      clock,
      uploader,
      log,
      puts,
      addFile: (id, bytes = 100) =>
        add(id, { bytes, lane: "live", origin: { kind: "csv", fileName: `${id}.csv`, modifiedAt: null } }),
      addRows: (id, { lane, bytes = 100 }) => add(id, { bytes, lane, origin: rows }),
    });
  } finally {
    stop.abort();
    await running;
  }
}

const rows: BatchOrigin = {
  kind: "query",
  dataType: "interval",
  window: { from: "2026-03-02T08:00:00Z", to: "2026-03-02T08:30:00Z" },
  timeZone: "Europe/Berlin",
  rows: 1,
  refused: { rows: 0, reasons: [] },
  columns: [],
};

/** Moves the clock on, step by step, until that many batches are delivered. */
async function delivered(count: number, { spool, clock }: Bench): Promise<void> {
  for (let step = 0; spool.delivered.length < count; step++) {
    assert(step < 10_000, `${spool.delivered.length} of ${count} batches are delivered`);
    await settle();
    await clock.advance(100);
  }
}

Deno.test("a token bucket lets the limit pass on average, and saves up a second's worth", () => {
  const clock = { nowMs: 0, monotonicMs: () => clock.nowMs };
  const bucket = new TokenBucket({ bytesPerSecondMax: 1000, clock });
  assertEquals(bucket.waitMs, 0);
  bucket.spend(5000);
  assertEquals(bucket.waitMs, 5000);
  clock.nowMs = 4000;
  assertEquals(bucket.waitMs, 1000);
  clock.nowMs = 100_000;
  bucket.spend(1500);
  assertEquals(bucket.waitMs, 500, "not a hundred seconds' worth");
});

Deno.test("uploader sends no more bytes a second than it may, whatever waits", () =>
  withLimits({ bytesPerSecondMax: 100_000 }, { start: "2026-03-02T08:00:00Z" }, async (bench) => {
    bench.addFile("large", 2048 * kibibyte);
    bench.addRows("history", { lane: "history", bytes: 1024 * kibibyte });
    for (let n = 0; n < 50; n++) bench.addFile(`small-${n}`, 10_000);
    await delivered(52, bench);
    const total = bench.puts.reduce((sum, { bytes }) => sum + bytes, 0);
    assertEquals(total, 2048 * kibibyte + 1024 * kibibyte + 500_000);
    let before = 0;
    for (const { atMs, bytes } of bench.puts) {
      // What went before this part was paid for: the part itself may go at once.
      assert(before <= 100_000 * (atMs / 1000 + 1), `${before} bytes in ${atMs} ms`);
      assert(bytes <= 6 * 64 * kibibyte, `a part of ${bytes} bytes takes the line for more than four seconds`);
      before += bytes;
    }
    const tookMs = bench.puts.at(-1)?.atMs ?? 0;
    const onTheLine = total + bench.puts.length * requestHeadBytes;
    assert(tookMs < (onTheLine / 100_000) * 1000 + 1000, `it took ${tookMs} ms: the limit is used`);
  }));

Deno.test("the limit holds for small batches that go whole, too", () =>
  withLimits({ bytesPerSecondMax: 10_000 }, { start: "2026-03-02T08:00:00Z" }, async (bench) => {
    bench.uploader.assigned({ received: { count: 0 }, wholePayloadBytes: 32 * kibibyte });
    for (let n = 0; n < 40; n++) bench.addFile(`small-${n}`, 10_000);
    await delivered(40, bench);
    assert(bench.puts.length < 40, "several went in one request");
    const last = bench.puts.at(-1);
    const before = bench.puts.slice(0, -1).reduce((sum, { bytes }) => sum + bytes, 0);
    assert(last !== undefined && before > 0);
    // Base64 makes them a third longer.
    assert(before * 4 / 3 <= 10_000 * (last.atMs / 1000 + 1), `${before} bytes in ${last.atMs} ms`);
  }));

Deno.test("uploader lets live data pass history under a limit, too", () =>
  withLimits({ bytesPerSecondMax: 100_000 }, { start: "2026-03-02T08:00:00Z" }, async (bench) => {
    bench.addRows("history", { lane: "history", bytes: 1024 * kibibyte });
    await settle();
    for (let n = 0; n < 5; n++) bench.addRows(`live-${n}`, { lane: "live", bytes: 20_000 });
    await delivered(6, bench);
    const order = bench.puts.map(({ id }) => id);
    assertEquals(order[0], "history");
    assertEquals(order.slice(1, 6).every((id) => id.startsWith("live")), true, order.join());
  }));

const window = parseDailyWindow("20:00-06:00");
assert(window !== undefined);
const nights: UploadLimits = { window, timeZone: () => "Europe/Berlin" };

Deno.test("outside of the time window CSV files and history wait, and live rows go at once", () =>
  withLimits(nights, { start: "2026-03-02T18:57:00Z" }, async (bench) => {
    const { spool, clock, uploader, log } = bench;
    bench.addFile("calls");
    bench.addRows("history", { lane: "history" });
    bench.addRows("live", { lane: "live" });
    await spool.until(() => spool.delivered.length === 1);
    await settle();
    assertEquals(spool.delivered, ["live"]);
    assertMatch(uploader.notice ?? "", /wait for the time window 20:00-06:00 .*until 2026-03-02 20:00; live rows/);
    assertEquals(uploader.problem, null);
    await clock.advance(2.9 * minuteMs);
    assertEquals(spool.delivered, ["live"]);
    await clock.advance(0.2 * minuteMs);
    await spool.until(() => spool.delivered.length === 3);
    assertEquals(uploader.notice, null);
    assertEquals(log.lines().filter((line) => !line.includes("Delivered")), [
      "info CSV files and history wait for the time window 20:00-06:00 ([upload] window), until 2026-03-02 20:00; " +
      "live rows of databases are sent at any time. 3 batches are waiting.",
      "info The time window for uploads has begun: 2 batches are being sent now.",
    ]);
  }));

Deno.test("live rows go at once however many files wait for the time window", () =>
  withLimits(nights, { start: "2026-03-02T12:00:00Z" }, async ({ spool, clock, addFile, addRows }) => {
    for (let n = 0; n < 500; n++) addFile(`${n}`);
    addRows("history", { lane: "history" });
    addRows("live-1", { lane: "live" });
    await spool.until(() => spool.delivered.length === 1);
    addRows("live-2", { lane: "live" });
    await spool.until(() => spool.delivered.length === 2);
    await settle();
    assertEquals(spool.delivered, ["live-1", "live-2"]);
    await clock.advance(7 * 60 * minuteMs);
    await spool.until(() => spool.delivered.length === 503);
  }));

Deno.test("a batch under way stops when the time window ends, and goes on the next evening", () =>
  withLimits({ ...nights, bytesPerSecondMax: 10_000 }, { start: "2026-03-03T04:58:00Z" }, async (bench) => {
    const { spool, clock, uploader, puts } = bench;
    bench.addFile("large", 2048 * kibibyte);
    for (let seconds = 0; seconds < 300; seconds++) {
      await settle();
      await clock.advance(1000);
    }
    const sent = puts.length;
    assert(sent > 1 && sent < 24, `${sent} parts were sent in two minutes`);
    assert(puts.every(({ atMs }) => atMs < 2 * minuteMs), "none after six o'clock");
    assertEquals(uploader.progress, undefined);
    assertMatch(uploader.notice ?? "", /until 2026-03-03 20:00/);
    await clock.advance(14 * 60 * minuteMs);
    await delivered(1, bench);
    assertEquals(spool.delivered, ["large"]);
    assertEquals(puts.reduce((sum, { bytes }) => sum + bytes, 0), 2048 * kibibyte, "no part was sent twice");
  }));

Deno.test("a clock that is set while uploads wait is noticed within a minute", () =>
  withLimits(nights, { start: "2026-03-02T12:00:00Z" }, async ({ spool, clock, addFile }) => {
    const now = clock.now.bind(clock);
    addFile("calls");
    await clock.sleeping();
    await clock.advance(10 * minuteMs);
    assertEquals(spool.delivered, []);
    clock.now = () => now() + 8 * 60 * minuteMs;
    await clock.advance(minuteMs);
    await spool.until(() => spool.delivered.length === 1);
  }));
