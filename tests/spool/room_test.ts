import { SpoolFullError } from "../../src/agent/ports.ts";
import { Room, type RoomView } from "../../src/spool/room.ts";
import { randomBytes } from "node:crypto";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { fastClock } from "../fakes/fast_clock.ts";
import { SimulatedDisk } from "../durable/simulated_disk.ts";
import { openStateDatabase } from "../../src/state/state_database.ts";
import { acknowledge, contents, csvOrigin, never, nextId, openFixture, put } from "./spool_fixture.ts";

/** Waits end when the test says so. */
function manualClock() {
  let wake = Promise.withResolvers<void>();
  let now = 0;
  return {
    now: () => now,
    monotonicMs: () => now,
    sleep: (ms: number, signal: AbortSignal) =>
      new Promise<void>((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
        void wake.promise.then(() => {
          now += ms;
          resolve();
        });
      }),
    tick() {
      wake.resolve();
      wake = Promise.withResolvers<void>();
    },
  };
}

interface RoomFixture {
  stored: number;
  free: number;
  kept: number;
  idle: boolean;
  room: Room;
  clock: ReturnType<typeof manualClock>;
  close: () => Promise<void>;
}

function openRoom(limits = { bytesMax: 100, freeBytesMin: 1000 }): RoomFixture {
  const closing = new AbortController();
  const clock = manualClock();
  const fixture = { stored: 0, free: 1e6, kept: 0, idle: false, clock } as RoomFixture;
  const view: RoomView = {
    storedBytes: () => fixture.stored,
    othersBytes: () => 0,
    isIdle: () => fixture.idle,
    freeBytes: () => Promise.resolve(fixture.free),
    evict: (bytes) => {
      const removed = Math.min(fixture.kept, bytes);
      fixture.kept -= removed;
      fixture.stored -= removed;
      fixture.free += removed;
      return Promise.resolve();
    },
  };
  fixture.room = new Room(view, { limits, clock, closing: closing.signal });
  fixture.close = async () => {
    closing.abort(new Error("closed"));
    await fixture.room.settled();
  };
  return fixture;
}

/** Lets everything that can go on without the clock go on. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("room lets a source wait at the limit, and go when something has gone", async () => {
  const fixture = openRoom();
  fixture.stored = 80;
  const waiting = fixture.room.reserve(50, { lane: "live", signal: never });
  let isGranted = false;
  void waiting.then(() => isGranted = true);
  await settle();
  assert(!isGranted);
  assert(fixture.room.problem?.includes("maxMegabytes"));
  fixture.stored = 40;
  fixture.room.changed();
  await waiting;
  await fixture.room.settled();
  assertEquals(fixture.room.problem, undefined);
  await fixture.close();
});

Deno.test("room serves live sources before history, and lets nobody overtake", async () => {
  const fixture = openRoom();
  fixture.stored = 100;
  const order: string[] = [];
  const reserve = (name: string, bytes: number, lane: "live" | "history") =>
    fixture.room.reserve(bytes, { lane, signal: never }).then((one) => {
      order.push(name);
      fixture.room.release(one);
    });
  const all = [reserve("h", 90, "history"), reserve("h2", 1, "history"), reserve("l", 90, "live")];
  await settle();
  fixture.stored = 50;
  fixture.room.changed();
  await settle();
  assertEquals(order, []);
  fixture.stored = 0;
  fixture.room.changed();
  await Promise.all(all);
  assertEquals(order, ["l", "h", "h2"]);
  await fixture.close();
});

Deno.test("room lets a batch above the limit go alone", async () => {
  const fixture = openRoom();
  fixture.idle = true;
  const small = await fixture.room.reserve(10, { lane: "live", signal: never });
  const large = fixture.room.reserve(500, { lane: "live", signal: never });
  const after = fixture.room.reserve(10, { lane: "live", signal: never });
  await settle();
  fixture.room.release(small);
  const granted = await large;
  let isGranted = false;
  void after.then(() => isGranted = true);
  await settle();
  assert(!isGranted, "a second batch went beside the large one");
  fixture.room.release(granted);
  await after;
  await fixture.close();
});

Deno.test("room removes kept batches before anyone has to wait", async () => {
  const fixture = openRoom();
  fixture.stored = 100;
  fixture.kept = 60;
  await fixture.room.reserve(50, { lane: "live", signal: never });
  assertEquals([fixture.stored, fixture.kept], [50, 10]);
  await fixture.close();
});

Deno.test("room waits for disk space and looks again after a while", async () => {
  const fixture = openRoom();
  fixture.free = 1005;
  const waiting = fixture.room.reserve(50, { lane: "live", signal: never });
  await settle();
  assert(fixture.room.problem?.includes("keepFreeMegabytes"));
  fixture.free = 2000;
  fixture.clock.tick();
  await waiting;
  await fixture.close();
});

Deno.test("room tells who would wait in vain for the disk, and lets the next one go", async () => {
  const fixture = openRoom();
  fixture.free = 1100;
  fixture.stored = 20;
  fixture.kept = 10;
  const large = fixture.room.reserve(500, { lane: "live", signal: never, refuseInVain: true });
  const next = fixture.room.reserve(40, { lane: "live", signal: never });
  const error = await assertRejects(() => large, /too little room/);
  assert(error instanceof SpoolFullError);
  assertEquals([error.bytesNeeded, error.bytesFree], [500, 100]);
  assertEquals(fixture.kept, 10, "removed kept batches in vain");
  fixture.room.release(await next);
  await fixture.close();
});

Deno.test("room lets wait for the disk who fits when all is delivered, and everybody while there is no room at all", async () => {
  for (const { free, stored } of [{ free: 1050, stored: 60 }, { free: 1000, stored: 0 }]) {
    const fixture = openRoom();
    Object.assign(fixture, { free, stored });
    const waiting = fixture.room.reserve(90, { lane: "live", signal: never, refuseInVain: true });
    await settle();
    assert(fixture.room.problem?.includes("keepFreeMegabytes"));
    Object.assign(fixture, { free: 2000, stored: 0 });
    fixture.clock.tick();
    await waiting;
    await fixture.close();
  }
});

Deno.test("room believes a write that failed more than the free space, until it looks again", async () => {
  const fixture = openRoom();
  fixture.room.sawFullDisk();
  const states: string[] = [];
  const waiting = fixture.room.reserve(50, { lane: "live", signal: never }).then(() => states.push("granted"));
  await settle();
  states.push(fixture.room.problem?.includes("keepFreeMegabytes") ? "waits" : "not told");
  fixture.clock.tick();
  await waiting;
  assertEquals(states, ["waits", "granted"]);
  await fixture.close();
});

Deno.test("room ends a wait when its signal says so, and all waits when the spool is closed", async () => {
  const fixture = openRoom();
  fixture.stored = 100;
  const stop = new AbortController();
  const stopped = fixture.room.reserve(50, { lane: "live", signal: stop.signal });
  const closed = assertRejects(() => fixture.room.reserve(50, { lane: "live", signal: never }), /closed/);
  await settle();
  stop.abort(new Error("stopped"));
  await assertRejects(() => stopped, /stopped/);
  await fixture.close();
  await closed;
});

Deno.test("room refuses growth that does not fit, except to a batch that is alone", async () => {
  const fixture = openRoom();
  const one = await fixture.room.reserve(50, { lane: "live", signal: never });
  await fixture.room.grow(one, 90);
  const error = await assertRejects(() => fixture.room.grow(one, 200), /larger than expected/);
  assert(error instanceof SpoolFullError && error.bytesNeeded === 200);
  fixture.idle = true;
  await fixture.room.grow(one, 200);
  await fixture.close();
});

Deno.test("room does not promise the same disk space to a batch that grows and to a new one at the same time", async () => {
  const fixture = openRoom({ bytesMax: 1e6, freeBytesMin: 1000 });
  const one = await fixture.room.reserve(50, { lane: "live", signal: never });
  fixture.free = 1150;
  const untilRemeasured = fixture.clock.sleep(5_000, never);
  fixture.clock.tick();
  await untilRemeasured;
  const promised: string[] = [];
  const reserved = fixture.room.reserve(100, { lane: "live", signal: never })
    .then(() => promised.push("new"), () => {});
  await fixture.room.grow(one, 150).then(() => promised.push("grown"), () => {});
  await settle();
  assertEquals(promised.length, 1, promised.join());
  await fixture.close();
  await reserved;
});

Deno.test("spool takes batches again as soon as the hub has what filled it", async () => {
  const root = await Deno.makeTempDir();
  try {
    await using fixture = await openFixture(root, { bytesMax: 20_000, keepDays: 7 });
    const { spool } = fixture;
    for (let n = 0; n < 3; n++) await put(spool, randomBytes(4_000));
    const fourth = randomBytes(4_000);
    const waiting = put(spool, fourth);
    await settle();
    assertEquals(spool.waiting().batches, 3);
    acknowledge(spool, nextId(spool));
    assertEquals(await waiting, "admitted");
    assertEquals(spool.waiting().batches, 3);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("spool tells a full disk from other errors, leaves nothing half-done, and takes the batch later", async () => {
  const disk = new SimulatedDisk({ random: () => 0 });
  using database = openStateDatabase(":memory:");
  {
    await using fixture = await openFixture("/state", { fs: disk, database, clock: fastClock(1000) });
    const { spool } = fixture;
    await put(spool, "fits");
    const free = disk.spaceLeft;
    disk.spaceLeft = 0;
    // The free space was measured a moment ago, so that the writing itself finds the disk full.
    disk.freeBytes = () => Promise.resolve(1e9);
    const error = await assertRejects(() => put(spool, "does not fit"), /disk is full/);
    assert(error instanceof SpoolFullError);
    await using writer = await spool.open({ bytes: 2e6, lane: "live", signal: never });
    await assertRejects(async () => {
      await writer.write(new Uint8Array(randomBytes(2_000_000)));
      await writer.finish();
    }, /disk is full/);
    await writer[Symbol.asyncDispose]();
    assertEquals(await disk.list("/state/spool/incoming"), []);
    disk.spaceLeft = free;
    assertEquals(await put(spool, "does not fit", { origin: csvOrigin() }), "admitted");
    assertEquals(await contents(spool), ["fits", "does not fit"]);
  }
});
