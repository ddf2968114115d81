/** The uploader against a spool and a hub in memory, by a clock that moves when told to. */
import { createHash } from "node:crypto";
import { BatchDamagedError, HubError, type Lane, type WholeBatch } from "../../src/agent/ports.ts";
import { Uploader } from "../../src/agent/uploader.ts";
import { requestBytesMax } from "../../src/protocol/delivery.ts";
import { assert, assertEquals, assertMatch, assertPrompt } from "../assert.ts";
import { eventually } from "../eventually.ts";
import { type CapturedLog, captureLog } from "../fakes/captured_log.ts";
import { FakeClock, settle } from "../fakes/fake_clock.ts";
import { type HubCall, hubError, MemoryHub, type MemoryHubOptions } from "../fakes/memory_hub.ts";
import { MemorySpool } from "../fakes/memory_spool.ts";

const mebibyte = 1024 * 1024;

interface Bench {
  readonly spool: MemorySpool;
  readonly hub: MemoryHub;
  readonly clock: FakeClock;
  readonly uploader: Uploader;
  readonly log: CapturedLog;
  readonly unlinked: HubError[];
  /** Puts a batch into the spool; its id is its name. */
  add(id: string, options?: { bytes?: number; lane?: Lane; damaged?: Error }): Uint8Array;
  stop(): Promise<void>;
}

type OnCall = (call: HubCall, bench: Bench, signal: AbortSignal) => Promise<void> | void;

interface Given {
  readonly onCall?: OnCall;
  readonly onWhole?: MemoryHubOptions["onWhole"];
  /** What the hub says that it takes whole, from the beginning. */
  readonly wholePayloadBytes?: number;
  readonly losesParts?: boolean;
}

async function withUploader(given: OnCall | Given, act: (bench: Bench) => Promise<void>): Promise<void> {
  const { onCall = never, onWhole, wholePayloadBytes, losesParts = false } = typeof given === "function"
    ? { onCall: given }
    : given;
  using log = await captureLog();
  const spool = new MemorySpool();
  const clock = new FakeClock();
  const hub = new MemoryHub({
    onCall: (call, signal) => onCall(call, bench, signal),
    ...(onWhole === undefined ? {} : { onWhole }),
    losesParts,
  });
  const unlinked: HubError[] = [];
  const uploader = new Uploader({
    spool,
    client: hub,
    clock,
    random: () => 1,
    onUnlinked: (error) => unlinked.push(error),
  });
  if (wholePayloadBytes !== undefined) uploader.assigned({ received: { count: 0 }, wholePayloadBytes });
  const stop = new AbortController();
  const running = uploader.run(stop.signal).catch((error) => {
    if (error !== stop.signal.reason) throw error;
  });
  const bench: Bench = {
    spool,
    hub,
    clock,
    uploader,
    log,
    unlinked,
    add(id, { bytes = 100, lane = "live", damaged } = {}) {
      const content = new Uint8Array(bytes).map((_, index) => (index * 31 + id.length) % 251);
      const sha256 = createHash("sha256").update(content).digest("hex");
      const origin = { kind: "csv", fileName: `${id}.csv`, modifiedAt: null } as const;
      spool.add(content, { id, origin, lane, sha256, ...(damaged ? { damaged } : {}) });
      return content;
    },
    async stop() {
      stop.abort();
      await running;
    },
  };
  try {
    await act(bench);
  } finally {
    await bench.stop();
  }
}

const never: OnCall = () => {};

/** Resolves when the uploader waits for some time to pass; rejects when it never does. */
async function resting(clock: FakeClock): Promise<void> {
  await eventually(() => (clock.nextDueMs ?? Infinity) <= 1e9, { what: "the uploader to mean to try something again" });
}

/** Fails the first calls of a kind. */
function failing(what: HubCall["what"], times: number, error: () => Error): OnCall {
  let left = times;
  return (call) => {
    if (call.what === what && left-- > 0) throw error();
  };
}

Deno.test("uploader delivers what waits and what comes, byte for byte", () =>
  withUploader(never, async ({ add, spool, hub, uploader }) => {
    const contents = new Map<string, Uint8Array>();
    for (const [id, bytes] of Object.entries({ a: 1, b: 300_000, c: 5 * mebibyte })) {
      contents.set(id, add(id, { bytes }));
    }
    await spool.until(() => spool.delivered.length === 3);
    contents.set("late", add("late"));
    await spool.until(() => spool.delivered.length === 4);
    for (const [id, content] of contents) assertEquals(hub.received.get(id), content);
    assertEquals(uploader.problem, null);
  }));

Deno.test("uploader sends live data before history, each oldest first", () =>
  withUploader(never, async ({ add, spool, hub }) => {
    for (let n = 10; n < 30; n++) add(`history-${n}`, { lane: "history" });
    for (let n = 10; n < 30; n++) add(`live-${n}`);
    await spool.until(() => spool.delivered.length === 40);
    const order = hub.of("declare");
    const lane = (name: string) => order.filter((id) => id.startsWith(name));
    assertEquals(order, [...lane("live").toSorted(), ...lane("history").toSorted()]);
  }));

Deno.test("uploader sends small batches side by side, but not too many", async () => {
  let open = 0;
  let most = 0;
  const onCall: OnCall = async (call) => {
    if (call.what !== "put") return;
    most = Math.max(most, ++open);
    await settle();
    open--;
  };
  await withUploader(onCall, async ({ add, spool }) => {
    for (let n = 0; n < 50; n++) add(`${n}`);
    await spool.until(() => spool.delivered.length === 50);
    assertEquals(most, 8);
  });
});

Deno.test("uploader lets live data pass between the parts of a large history batch", async () => {
  const order: string[] = [];
  const onCall: OnCall = (call, { add }) => {
    if (call.what !== "put") return;
    order.push(call.id);
    if (call.id === "history" && order.length === 2) { for (let n = 0; n < 20; n++) add(`live-${n}`); }
  };
  await withUploader(onCall, async ({ add, spool, hub }) => {
    const content = add("history", { bytes: 30 * mebibyte, lane: "history" });
    await spool.until(() => spool.delivered.length === 21);
    assertEquals(spool.delivered.at(-1), "history");
    const positions = order.map((id, index) => id.startsWith("live") ? index : -1).filter((index) => index >= 0);
    assertEquals(positions, Array.from({ length: 20 }, (_, n) => n + 2), "the live batches went in a row");
    assertEquals(hub.received.get("history")?.length, content.length);
  });
});

Deno.test("uploader resumes a half-sent batch with the parts that the hub has", async () => {
  let failed = false;
  const onCall: OnCall = (call) => {
    if (call.what !== "put" || call.offset < 3 * mebibyte || failed) return;
    failed = true;
    throw hubError("unreachable");
  };
  await withUploader(onCall, async ({ add, spool, hub, clock }) => {
    const content = add("large", { bytes: 10 * mebibyte });
    await resting(clock);
    const before = hub.of("put");
    assert(before.length >= 4, "some parts arrived, the last one failed");
    await clock.advance(1000);
    await spool.until(() => spool.delivered.length === 1);
    assertEquals(hub.received.get("large"), content);
    const after = hub.of("put").slice(before.length);
    assert(!after.some((put) => before.slice(0, -1).includes(put)), "no part was sent twice");
  });
});

Deno.test("uploader keeps a bounded part of a large batch in memory, and sizes parts by the line", async () => {
  const sizes: number[] = [];
  // 100 kB a second.
  const onCall: OnCall = async (call, { clock }, signal) => {
    if (call.what !== "put") return;
    sizes.push(call.bytes);
    await clock.sleep(call.bytes / 100, signal);
  };
  await withUploader(onCall, async ({ add, spool, clock }) => {
    add("large", { bytes: 5 * mebibyte });
    await eventually(async () => {
      await clock.advance(1000);
      return spool.delivered.length > 0;
    });
    assertEquals(sizes[0], mebibyte / 4);
    assertEquals(sizes.at(-2), 6 * 64 * 1024, "four seconds of 100 kB/s, in steps of 64 KiB");
  });
});

Deno.test("uploader waits longer each time the hub is unreachable, tells it once and when it is over", () =>
  withUploader(
    failing("declare", 12, () => hubError("unreachable")),
    async ({ add, spool, hub, clock, log, uploader }) => {
      for (let n = 0; n < 3; n++) add(`${n}`);
      await resting(clock);
      assertEquals(hub.calls.length, 3, "they were under way side by side");
      assertEquals(uploader.problem, "Nothing is being delivered: the hub is unreachable");
      const waits: (number | undefined)[] = [];
      while (waits.length < 10) {
        await resting(clock);
        waits.push(clock.nextDueMs);
        await clock.advance(clock.nextDueMs ?? 0);
      }
      assertEquals(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300].map((seconds) => seconds * 1000));
      await spool.until(() => spool.delivered.length === 3);
      assertEquals(log.lines().filter((line) => !line.includes("Delivered")), [
        "warning Cannot deliver to the hub: the hub is unreachable. 3 batches are waiting; they are sent as soon as delivery works again.",
        "info Delivery to the hub works again after 811 s; 3 batches were waiting.",
      ]);
      assertEquals(uploader.problem, null);
    },
  ));

Deno.test("uploader tries at once when the hub has become reachable", () =>
  withUploader(failing("declare", 10, () => hubError("unreachable")), async ({ add, spool, hub, clock, uploader }) => {
    add("a");
    for (let n = 0; n < 9; n++) {
      await resting(clock);
      await clock.advance(clock.nextDueMs ?? 0);
    }
    assertEquals(hub.calls.length, 10);
    uploader.reachable();
    await spool.until(() => spool.delivered.length === 1);
  }));

Deno.test("uploader waits as long as the hub asks for, and a little longer", () =>
  withUploader(failing("declare", 1, () => hubError("busy", 90_000)), async ({ add, spool, hub, clock, uploader }) => {
    add("a");
    await resting(clock);
    await clock.advance(80_000);
    uploader.reachable();
    await clock.advance(10_000);
    assertEquals(hub.calls.length, 1);
    await clock.advance(22_500);
    await spool.until(() => spool.delivered.length === 1);
  }));

Deno.test("a batch that the hub cannot cope with does not hold up the others", async () => {
  const onCall: OnCall = (call) => {
    if (call.id === "poison" && call.what === "complete") throw hubError("busy");
  };
  await withUploader(onCall, async ({ add, spool, clock, log, uploader }) => {
    add("poison");
    await resting(clock);
    for (let n = 0; n < 20; n++) add(`${n}`);
    for (let n = 0; n < 5 && spool.delivered.length < 20; n++) await clock.advance(clock.nextDueMs ?? 0);
    await spool.until(() => spool.delivered.length === 20);
    for (let n = 0; n < 10; n++) {
      await clock.advance(300_000);
      add(`later-${n}`);
      await settle();
    }
    await spool.until(() => spool.delivered.length === 30);
    assertMatch(uploader.problem ?? "", /A batch is waiting to be delivered: the hub is busy/);
    assertEquals(log.lines().filter((line) => line.startsWith("warning")), [
      "warning Cannot deliver to the hub: the hub is busy. One batch is waiting; it is sent as soon as delivery works again.",
      "warning Cannot deliver poison.csv: the hub is busy. It is kept and will be retried; other data is still delivered.",
    ]);
  });
});

Deno.test("uploader sets aside what the hub refuses, and goes on", () =>
  withUploader(
    (call) => {
      if (call.id === "bad" && call.what === "declare") throw hubError("refused");
    },
    async ({ add, spool, uploader }) => {
      add("bad");
      add("good");
      await spool.until(() => spool.delivered.length === 1 && spool.asides.size === 1);
      assertEquals(spool.asides.get("bad"), "the hub is refused");
      assertEquals(uploader.problem, null);
    },
  ));

for (const status of [404, 409]) {
  Deno.test(`uploader declares again what the hub refuses with ${status}: its declaration was out of date`, () => {
    let refused = false;
    return withUploader(
      (call) => {
        if (call.id !== "swept" || call.what !== "complete" || refused) return;
        refused = true;
        throw new HubError("declare it again", { kind: "refused", status });
      },
      async ({ add, spool, hub, clock }) => {
        add("swept");
        add("good");
        await spool.until(() => spool.delivered.length === 1);
        await resting(clock);
        await clock.advance(clock.nextDueMs ?? 0);
        await spool.until(() => spool.delivered.length === 2);
        assertEquals([hub.of("complete").length, spool.asides.size], [3, 0]);
      },
    );
  });
}

Deno.test("uploader keeps trying what is too large for something on the way, says so, and goes on", () =>
  withUploader(
    (call) => {
      if (call.id === "large" && call.what === "complete") throw hubError("too-large");
    },
    async ({ add, spool, hub, uploader, clock, log }) => {
      add("large");
      add("good");
      await spool.until(() => spool.delivered.length === 1);
      for (let n = 0; n < 3; n++) {
        await resting(clock);
        await clock.advance(clock.nextDueMs ?? 0);
      }
      assertEquals([hub.of("complete").length, spool.asides.size], [5, 0]);
      assertMatch(uploader.problem ?? "", /A batch is waiting to be delivered: the hub is too-large/);
      assertEquals(log.lines().filter((line) => line.startsWith("warning")), [
        "warning Cannot deliver large.csv: the hub is too-large. It is kept and will be retried; other data is still delivered.",
      ]);
    },
  ));

Deno.test("uploader sets aside a batch whose file is damaged", () =>
  withUploader(never, async ({ add, spool }) => {
    add("damaged", { damaged: new BatchDamagedError("it is not what was written") });
    add("good");
    await spool.until(() => spool.delivered.length === 1 && spool.asides.size === 1);
    assertEquals(spool.asides.get("damaged"), "it is not what was written");
  }));

Deno.test("uploader sends all parts again when the hub got something else than was sent", async () => {
  let corrupted = false;
  const onCall: OnCall = (call, { hub }) => {
    if (call.what === "complete" && !corrupted) {
      corrupted = true;
      hub.corrupt(call.id);
    }
  };
  await withUploader(onCall, async ({ add, spool, hub, clock, log }) => {
    const content = add("a", { bytes: 2 * mebibyte });
    await resting(clock);
    await log.line(/^warning Cannot deliver a\.csv: checksum mismatch/);
    await clock.advance(1000);
    await spool.until(() => spool.delivered.length === 1);
    assertEquals(hub.received.get("a"), content);
    assertEquals(spool.asides.size, 0);
  });
});

Deno.test("uploader declares again at once when an address has expired", () =>
  withUploader(failing("put", 2, () => hubError("stale")), async ({ add, spool, hub, log }) => {
    add("a");
    await spool.until(() => spool.delivered.length === 1);
    assertEquals(hub.of("declare").length, 3);
    assertEquals(log.lines().filter((line) => line.startsWith("warning")), []);
  }));

Deno.test("uploader goes on at once however often addresses expire, as long as the hub gets more of a batch", () => {
  let puts = 0;
  const onCall: OnCall = ({ what }) => {
    if (what === "put" && ++puts % 3 === 0) throw hubError("stale");
  };
  return withUploader(onCall, async ({ add, spool, hub, log }) => {
    add("a", { bytes: 6 * mebibyte });
    await spool.until(() => spool.delivered.length === 1);
    assert(hub.of("declare").length > 3, "they expired too rarely");
    assertEquals(log.lines().filter((line) => line.startsWith("warning")), []);
  });
});

Deno.test("uploader does not send a batch again and again whose parts the store loses", () => {
  const onCall: OnCall = ({ what }) => {
    if (what === "complete") throw hubError("stale");
  };
  return withUploader({ onCall, losesParts: true }, async ({ add, hub, clock, log }) => {
    add("a", { bytes: 2 * mebibyte });
    await resting(clock);
    assertEquals(hub.of("declare").length, 3);
    await log.line(/^warning Cannot deliver a\.csv: the hub is stale/);
  });
});

Deno.test("uploader stops when the link has ended, and says so once", () =>
  withUploader(
    (call) => {
      if (call.what === "put") throw hubError("unlinked");
    },
    async ({ add, spool, hub, unlinked }) => {
      for (let n = 0; n < 20; n++) add(`${n}`);
      await eventually(() => unlinked.length > 0);
      await settle();
      const calls = hub.calls.length;
      add("late");
      await settle();
      assertEquals(hub.calls.length, calls);
      assertEquals(unlinked.length, 1);
      assertEquals(spool.delivered, []);
    },
  ));

Deno.test("uploader aborts a part under way and keeps the batch", async () => {
  const sending = Promise.withResolvers<void>();
  const onCall: OnCall = async (call, { clock }, signal) => {
    if (call.what !== "put") return;
    sending.resolve();
    await clock.sleep(1e9, signal);
  };
  await withUploader(onCall, async ({ add, spool, stop, uploader }) => {
    add("a", { bytes: 5 * mebibyte });
    await sending.promise;
    assertEquals(uploader.progress, { title: "a.csv", sentBytes: 0, totalBytes: 5 * mebibyte });
    const startedMs = performance.now();
    await stop();
    assertPrompt(performance.now() - startedMs);
    assertEquals(spool.waiting().batches, 1);
  });
});

Deno.test("uploader asks again while the hub checks a large batch", async () => {
  await withUploader(never, async ({ add, spool, hub, clock }) => {
    const { complete } = hub;
    let asked = 0;
    hub.complete = (id, request, signal) =>
      asked++ < 5 ? Promise.resolve(undefined) : complete.call(hub, id, request, signal);
    add("a");
    await resting(clock);
    await clock.advance(5000);
    await spool.until(() => spool.delivered.length === 1);
    assertEquals(asked, 6);
  });
});

Deno.test("uploader tries a batch that falls due between two looks at the clock", () =>
  withUploader(failing("put", 1, () => hubError("checksum")), async ({ add, spool, clock }) => {
    add("a");
    await resting(clock);
    await clock.advance((clock.nextDueMs ?? 0) - 1);
    clock.lookMs = 2;
    // Something else happens a moment before it is due: nothing will wake the uploader later.
    spool.changed.dispatchEvent(new Event("change"));
    await settle();
    assertEquals(spool.delivered, ["a"]);
  }));

Deno.test("uploader sends a restored hub again what it has forgotten", () =>
  withUploader(never, async ({ add, spool, hub, uploader, log }) => {
    for (let n = 0; n < 30; n++) add(`${n}`);
    await spool.until(() => spool.delivered.length === 30);
    uploader.assigned({ received: { count: 30 } });
    await settle();
    assertEquals(hub.of("missing").length, 0);
    for (let n = 10; n < 25; n++) hub.received.delete(`${n}`);
    uploader.assigned({ received: { count: 15 } });
    await log.line(/^warning The hub has lost 15 batches/);
    await spool.until(() => spool.delivered.length === 30);
    assertEquals(hub.received.size, 30);
    uploader.assigned({ received: { count: 29 } });
    uploader.assigned({ received: { count: 29 } });
    await settle();
    assertEquals(hub.of("missing").length, 1, "not asked again for every assignment");
  }));

Deno.test("uploader asks a hub that was away for its newest batches, and for all of them when one is missing", () =>
  withUploader(never, async ({ add, spool, hub, uploader }) => {
    for (let n = 0; n < 300; n++) add(`${n}`);
    await spool.until(() => spool.delivered.length === 300);
    uploader.reachable({ again: true });
    uploader.assigned({ received: { count: 1300 } });
    await settle();
    assertEquals(hub.of("missing").length, 1);
    for (let n = 150; n < 300; n++) hub.received.delete(`${n}`);
    uploader.reachable({ again: true });
    await eventually(() => hub.received.size === 300);
    assertEquals(hub.of("missing").length, 3);
  }));

Deno.test("uploader sends a hub whose count falls what it has forgotten, although others' batches count too", () => {
  const onCall: OnCall = ({ what }, { hub, uploader }) => {
    if (what === "missing" && hub.of("missing").length === 1) uploader.assigned({ received: { count: 5029 } });
  };
  return withUploader(onCall, async ({ add, spool, hub, uploader, log }) => {
    for (let n = 0; n < 30; n++) add(`${n}`);
    await spool.until(() => spool.delivered.length === 30);
    uploader.assigned({ received: { count: 5030 } });
    uploader.assigned({ received: { count: 5031 } });
    await settle();
    assertEquals(hub.of("missing").length, 0);
    hub.received.delete("7");
    uploader.assigned({ received: { count: 5030 } });
    await log.line(/^warning The hub has lost 1 batches/);
    await spool.until(() => spool.delivered.length === 30);
    assert(hub.received.has("7"));
    await settle();
    assertEquals(hub.of("missing").length, 2, "the number fell again while it was asked");
  });
});

Deno.test("uploader sends a restored hub all that it has forgotten, although it cannot be asked for all at once", () => {
  const onCall: OnCall = ({ what }, { hub }) => {
    if (what === "missing" && hub.of("missing").length === 3) throw hubError("refused");
  };
  return withUploader({ onCall, wholePayloadBytes: 1024 }, async ({ add, spool, hub, uploader, clock }) => {
    // Admitted first and acknowledged last: the newest ones are on the first page of two.
    for (let n = 0; n < 120; n++) add(`history ${n}`, { lane: "history" });
    for (let n = 0; n < 1000; n++) add(`live ${n}`);
    await spool.until(() => spool.delivered.length === 1120);
    hub.received.clear();
    uploader.reachable();
    await eventually(() => hub.of("missing").length >= 3);
    await spool.until(() => spool.waiting().batches === 0);
    await resting(clock);
    await clock.advance(10_000);
    await spool.until(() => spool.waiting().batches === 0);
    assertEquals(hub.received.size, 1120);
  });
});

Deno.test("uploader asks for what was newest before the hub was away, however much it has delivered since", () =>
  withUploader(never, async ({ add, spool, hub, uploader }) => {
    for (let n = 0; n < 10; n++) add(`${n}`);
    await spool.until(() => spool.delivered.length === 10);
    uploader.reachable();
    await settle();
    uploader.away();
    hub.received.delete("9");
    for (let n = 10; n < 300; n++) add(`${n}`);
    await spool.until(() => spool.delivered.length === 300);
    uploader.reachable({ again: true });
    await eventually(() => hub.received.has("9"));
  }));

Deno.test("uploader asks for what was newest before an outage that deliveries were the first to notice", () => {
  let isBroken = false;
  const onCall: OnCall = () => {
    if (isBroken) throw hubError("unreachable");
  };
  return withUploader(onCall, async ({ add, spool, hub, uploader, clock }) => {
    for (let n = 0; n < 10; n++) add(`${n}`);
    await spool.until(() => spool.delivered.length === 10);
    uploader.reachable();
    await settle();
    isBroken = true;
    for (let n = 10; n < 300; n++) add(`${n}`);
    await resting(clock);
    hub.received.delete("9");
    isBroken = false;
    await eventually(async () => {
      await clock.advance(10_000);
      return spool.delivered.length === 300;
    });
    uploader.reachable({ again: true });
    await eventually(() => hub.received.has("9"));
  });
});

Deno.test("uploader asks once for the newest batches when it first hears of the hub: it may have missed the restore", () =>
  withUploader(never, async ({ add, spool, hub, uploader }) => {
    for (let n = 0; n < 3; n++) add(`${n}`);
    await spool.until(() => spool.delivered.length === 3);
    hub.received.delete("2");
    uploader.reachable();
    uploader.assigned({ received: { count: 1000 } });
    await eventually(() => hub.received.has("2"));
    const asked = hub.of("missing").length;
    uploader.reachable();
    await settle();
    assertEquals(hub.of("missing").length, asked);
  }));

Deno.test("uploader does not take an outage for over because there is nothing to compare", () =>
  withUploader(failing("declare", 2, () => hubError("unreachable")), async ({ add, spool, clock, uploader, log }) => {
    add("a");
    await resting(clock);
    uploader.reachable({ again: true });
    await settle();
    assertEquals(log.lines().filter((line) => line.includes("Delivery to the hub works again")), []);
    await clock.advance(10_000);
    await spool.until(() => spool.delivered.length === 1);
  }));

Deno.test("uploader compares with a restored hub even when it was unreachable at first", () =>
  withUploader(failing("missing", 1, () => hubError("unreachable")), async ({ add, spool, hub, uploader, clock }) => {
    add("a");
    await spool.until(() => spool.delivered.length === 1);
    hub.received.clear();
    uploader.assigned({ received: { count: 0 } });
    await settle();
    await clock.advance(2000);
    await eventually(() => hub.received.has("a"));
  }));

for (const kind of ["refused", "too-large", "unreachable", "busy"] as const) {
  const onCall: OnCall = ({ what }) => {
    if (what === "missing") throw hubError(kind);
  };
  Deno.test(`a hub that answers everything but what it still has (${kind}) holds up no delivery`, () =>
    withUploader(onCall, async ({ add, spool, hub, uploader, clock, log }) => {
      add("a");
      await spool.until(() => spool.delivered.length === 1);
      uploader.assigned({ received: { count: 0 } });
      await settle();
      for (let n = 0; n < 20; n++) {
        add(`${n}`);
        await clock.advance(60_000);
      }
      assertEquals(spool.delivered.length, 21);
      assertEquals(uploader.problem, null);
      assert(hub.of("missing").length > 2, "it is asked again");
      assert(hub.of("missing").length < 20, "but less and less often");
      const told = log.lines().filter((line) => line.includes("Cannot ask the hub whether it still has what it had"));
      assertEquals(told.length, kind === "unreachable" ? 0 : 1);
    }));
}

Deno.test("uploader sends a restored hub what it has forgotten as soon as it can be asked", () =>
  withUploader(failing("missing", 3, () => hubError("refused")), async ({ add, spool, hub, uploader, clock }) => {
    add("a");
    await spool.until(() => spool.delivered.length === 1);
    hub.received.clear();
    uploader.assigned({ received: { count: 0 } });
    await settle();
    await clock.advance(60_000);
    assert(hub.received.has("a"));
  }));

const takesWhole = { wholePayloadBytes: 32 * 1024 };

Deno.test("uploader sends small batches whole where the hub takes them so, live before history, oldest first", () =>
  withUploader(takesWhole, async ({ add, spool, hub }) => {
    const contents = new Map<string, Uint8Array>();
    const large = Object.entries({ "large-live": 300_000, "over-the-limit": 32 * 1024 + 1 });
    for (let n = 100; n < 200; n++) {
      contents.set(`history-${n}`, add(`history-${n}`, { lane: "history" }));
      contents.set(`live-${n}`, add(`live-${n}`, { bytes: n === 100 ? 32 * 1024 : n }));
    }
    for (const [id, bytes] of large) contents.set(id, add(id, { bytes }));
    await spool.until(() => spool.delivered.length === contents.size);
    for (const [id, content] of contents) assertEquals(hub.received.get(id), content);

    const order = hub.whole.flat();
    const lane = (name: string) => [...contents.keys()].filter((id) => id.startsWith(name));
    assertEquals(order, [...lane("live"), ...lane("history")]);
    assertEquals(new Set(hub.of("declare")), new Set(large.map(([id]) => `${id}@0`)));
    for (const request of hub.whole) {
      assert(request.length <= 64 && new Set(request.map((id) => id.slice(0, 4))).size === 1, String(request));
    }
    assert(hub.whole.length <= 10, `${hub.whole.length} requests`);
  }));

Deno.test("uploader sends requests with whole batches that every proxy takes, and two of them at a time", async () => {
  let open = 0;
  let most = 0;
  const onCall: OnCall = async () => {
    most = Math.max(most, ++open);
    await settle();
    open--;
  };
  const bytesOf = new Map<string, number>();
  const onWhole = ({ declaration, payload }: WholeBatch) => {
    bytesOf.set(declaration.id, JSON.stringify({ declaration, payload: payload.toBase64() }).length + 1);
    return undefined;
  };
  await withUploader({ onCall, onWhole, ...takesWhole }, async ({ add, spool, hub }) => {
    for (let n = 0; n < 50; n++) add(`${n}`, { bytes: n === 20 ? 5 : 32 * 1024 });
    await spool.until(() => spool.delivered.length === 50);
    assertEquals(most, 2);
    const requests = hub.whole.map((ids) => ids.reduce((sum, id) => sum + (bytesOf.get(id) ?? 0), 13));
    const largest = Math.max(...requests);
    assert(largest <= requestBytesMax && largest > requestBytesMax * 0.8, `${largest} bytes`);
  });
});

for (const kind of ["refused", "too-large"] as const) {
  Deno.test(`uploader sends in parts what is ${kind} whole, and asks again with the next assignment`, () =>
    withUploader({ onCall: failing("whole", 1, () => hubError(kind)), ...takesWhole }, async (bench) => {
      const { add, spool, hub, uploader, log } = bench;
      for (let n = 0; n < 20; n++) add(`${n}`);
      await spool.until(() => spool.delivered.length === 20);
      assertEquals([hub.whole.length, hub.of("complete").length, spool.asides.size], [1, 20, 0]);
      assertEquals(log.lines().filter((line) => line.startsWith("warning")), []);

      uploader.assigned({ received: { count: 20 } });
      add("in parts");
      await spool.until(() => spool.delivered.length === 21);
      uploader.assigned({ received: { count: 21 }, ...takesWhole });
      add("whole");
      await spool.until(() => spool.delivered.length === 22);
      assertEquals(hub.whole.slice(1), [["whole"]]);
    }));
}

Deno.test("uploader sends in parts what something on the way stops whole, again and again", async () => {
  const onCall: OnCall = ({ what }) => {
    if (what === "whole") throw hubError("not-a-hub");
  };
  await withUploader({ onCall, ...takesWhole }, async ({ add, spool, hub, clock, uploader }) => {
    for (let n = 0; n < 100; n++) add(`${n}`);
    for (let seconds = 0; seconds < 300 && spool.delivered.length < 100; seconds++) await clock.advance(1000);
    assertEquals(spool.delivered.length, 100);
    const tried = hub.whole.length;
    uploader.assigned({ received: { count: 100 }, ...takesWhole });
    add("later");
    await spool.until(() => spool.delivered.length === 101);
    assertEquals(hub.whole.length, tried + 1, "one try shows that nothing has changed");
  });
});

Deno.test("uploader does with each whole batch what the hub says of it", async () => {
  const onWhole: Given["onWhole"] = ({ declaration: { id } }) => {
    if (id === "wanted") return { state: "wanted" };
    if (id === "refused") return { state: "failed", error: hubError("refused") };
    if (id === "altered") return { state: "failed", error: hubError("checksum") };
    return undefined;
  };
  await withUploader({ onWhole, ...takesWhole }, async ({ add, spool, hub, clock, log }) => {
    const contents = new Map(["a", "wanted", "refused", "altered", "b"].map((id) => [id, add(id)]));
    add("damaged", { damaged: new BatchDamagedError("it is not what was written") });
    await spool.until(() => spool.delivered.length === 3 && spool.asides.size === 2);
    assertEquals([...spool.asides.keys()].toSorted(), ["damaged", "refused"]);
    assertEquals(hub.whole, [["a", "wanted", "refused", "altered", "b"]]);
    await log.line(/^warning Cannot deliver altered\.csv: the hub is checksum/);
    await resting(clock);
    await clock.advance(1000);
    await spool.until(() => spool.delivered.length === 4);
    for (const id of ["a", "wanted", "altered", "b"]) assertEquals(hub.received.get(id), contents.get(id));
    assertEquals(new Set(hub.of("declare")), new Set(["wanted@0", "altered@0"]));
  });
});

Deno.test("a whole batch that the hub cannot cope with holds up the others only once", async () => {
  const isPoisoned = new Set<string>();
  const onCall: OnCall = (call, { hub }) => {
    const ids = call.what === "whole" ? hub.whole.at(-1) ?? [] : [call.id];
    if (ids.some((id) => isPoisoned.has(id))) throw hubError("busy");
  };
  await withUploader({ onCall, ...takesWhole }, async ({ add, spool, clock }) => {
    isPoisoned.add("10");
    for (let n = 0; n < 20; n++) add(`${n}`);
    await resting(clock);
    for (let n = 0; n < 10 && spool.delivered.length < 19; n++) {
      await clock.advance(clock.nextDueMs ?? 0);
      await settle();
    }
    await spool.until(() => spool.delivered.length === 19);
    for (let n = 0; n < 5; n++) add(`later-${n}`);
    await spool.until(() => spool.delivered.length === 24);
    isPoisoned.clear();
    await clock.advance(300_000);
    await spool.until(() => spool.delivered.length === 25);
  });
});
