import { assert, assertEquals, assertRejects } from "../assert.ts";
import { createIncomingWriter } from "../../src/spool/incoming_writer.ts";
import type { FileSystem } from "../../src/durable/file_system.ts";
import { realFileSystem } from "../../src/durable/real_file_system.ts";
import { BatchDamagedError } from "../../src/agent/ports.ts";
import { BatchDeclaration } from "../../src/protocol/delivery.ts";
import { createHash, randomBytes } from "node:crypto";
import type { Clock } from "../../src/runtime/clock.ts";
import type { DiskSpool } from "../../src/spool/disk_spool.ts";
import { outnumber } from "../../src/state/integration.ts";
import { enterEpoch } from "../../src/state/link_epoch.ts";
import { openStateDatabase } from "../../src/state/state_database.ts";
import { captureLog } from "../fakes/captured_log.ts";
import { zstdDecompressSync } from "node:zlib";
import {
  acknowledge,
  contents,
  csvOrigin,
  makeLink,
  never,
  nextId,
  openFixture,
  put,
  queryOrigin,
  write,
} from "./spool_fixture.ts";

async function withFolder(act: (root: string) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    await act(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

async function filesOf(root: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(`${root}/spool`))).filter(({ isFile }) => isFile).map(({ name }) => name);
}

interface SettableClock extends Clock {
  time: string;
}

/** Its monotonic part stands still, so that nothing is pruned by itself after the first time. */
function settableClock(time: string): SettableClock {
  return {
    time,
    now() {
      return Date.parse(this.time);
    },
    monotonicMs: () => 0,
    sleep: () => new Promise<void>(() => {}),
  };
}

/** Returns the batch's id. */
async function deliver(
  spool: DiskSpool,
  batch: { content: Uint8Array | string; receivedAt: string },
): Promise<string> {
  await put(spool, batch.content);
  const id = nextId(spool);
  acknowledge(spool, id, batch.receivedAt);
  return id;
}

Deno.test("spool hands out what was admitted, live before history, oldest first, also after it was opened again", () =>
  withFolder(async (root) => {
    const link = makeLink();
    {
      await using fixture = await openFixture(root, { link });
      const { spool } = fixture;
      for (const [content, lane] of [["h1", "history"], ["l1", "live"], ["h2", "history"], ["l2", "live"]] as const) {
        assertEquals(await put(spool, content, { lane }), "admitted");
      }
      assertEquals(await contents(spool), ["l1", "l2", "h1", "h2"]);
      assertEquals(spool.waiting().batches, 4);
    }
    await using fixture = await openFixture(root, { link });
    assertEquals(await contents(fixture.spool), ["l1", "l2", "h1", "h2"]);
    assertEquals(fixture.lost, []);
  }));

Deno.test("spool declares a batch as the protocol wants it, with the current link", () =>
  withFolder(async (root) => {
    await using fixture = await openFixture(root, { link: makeLink("integration-1", "first") });
    const { spool } = fixture;
    await put(spool, "content", { origin: csvOrigin("queues.csv") });
    spool.use(makeLink("integration-1", "second"));
    const declaration = spool.next({ except: new Set(), limit: 1 })[0]?.declaration;
    BatchDeclaration.parse(declaration);
    assertEquals(declaration?.linkId, "second");
    assertEquals(declaration?.sha256, createHash("sha256").update("content").digest("hex"));
    assertEquals(declaration?.bytes, 7);
  }));

Deno.test("spool shows another integration nothing, and the first one all of it when it is linked again", () =>
  withFolder(async (root) => {
    await using fixture = await openFixture(root, { link: makeLink("one") });
    const { spool } = fixture;
    await put(spool, "same content");
    spool.use(undefined);
    assertEquals(spool.next({ except: new Set(), limit: 1 })[0], undefined);
    await assertRejects(() => write(spool, "x"), /not linked/);
    spool.use(makeLink("two"));
    assertEquals(await contents(spool), []);
    assertEquals(await put(spool, "same content"), "admitted");
    spool.use(makeLink("one"));
    assertEquals(await contents(spool), ["same content"]);
  }));

Deno.test("spool files a batch that was begun before another link under the integration it was begun for", () =>
  withFolder(async (root) => {
    await using fixture = await openFixture(root, { link: makeLink("one") });
    const { spool } = fixture;
    const file = await write(spool, "of one");
    spool.use(makeLink("two"));
    await spool.admit(file, { origin: csvOrigin(), lane: "live" });
    assertEquals(await contents(spool), []);
    spool.use(makeLink("one"));
    assertEquals(await contents(spool), ["of one"]);
  }));

Deno.test("spool knows a content it has, waiting or delivered, and commits what goes alongside all the same", () =>
  withFolder(async (root) => {
    await using fixture = await openFixture(root);
    const { spool } = fixture;
    const alongside: string[] = [];
    const first = await put(spool, "once", { alongside: (id) => alongside.push(id) });
    const id = nextId(spool);
    const again = await put(spool, "once", { origin: csvOrigin("b.csv"), alongside: (id) => alongside.push(id) });
    acknowledge(spool, id);
    const later = await put(spool, "once", { alongside: (id) => alongside.push(id) });
    assertEquals([first, again, later], ["admitted", "known", "known"]);
    assertEquals(alongside, [id, id, id]);
    assertEquals((await filesOf(root)).length, 1);
  }));

Deno.test("spool admits the same content offered many times at once exactly once", () =>
  withFolder(async (root) => {
    await using fixture = await openFixture(root);
    const { spool } = fixture;
    const answers = await Promise.all(Array.from({ length: 8 }, () => put(spool, "once")));
    assertEquals(answers.filter((answer) => answer === "admitted").length, 1);
    assertEquals(await contents(spool), ["once"]);
  }));

Deno.test("spool rolls back what a failing batch wrote alongside, and takes the others of its group", () =>
  withFolder(async (root) => {
    await using fixture = await openFixture(root);
    const { spool, database } = fixture;
    const failing = put(spool, "bad", {
      alongside: () => {
        database.run("INSERT INTO identity (one, private_key) VALUES (1, 'x')");
        throw new Error("no");
      },
    });
    const others = ["a", "b", "c"].map((content) => put(spool, content));
    await assertRejects(() => failing, /no/);
    await Promise.all(others);
    assertEquals(database.all("SELECT * FROM identity"), []);
    assertEquals((await contents(spool)).toSorted(), ["a", "b", "c"]);
    assertEquals((await filesOf(root)).length, 3);
    assertEquals(await put(spool, "bad"), "admitted");
  }));

Deno.test("spool sends a window's content again with a later sequence when the source returns to it", () =>
  withFolder(async (root) => {
    await using fixture = await openFixture(root);
    const { spool } = fixture;
    const origin = queryOrigin();
    const sequences: number[] = [];
    for (const rows of ["A", "B", "A"]) {
      assertEquals(await put(spool, rows, { origin }), "admitted");
      const batch = spool.next({ except: new Set(), limit: 1 })[0];
      assert(batch);
      sequences.push(batch.declaration.sequence);
      acknowledge(spool, batch.declaration.id);
    }
    assertEquals(sequences, sequences.toSorted((a, b) => a - b));
    assertEquals(new Set(sequences).size, 3);
    assertEquals(await put(spool, "A", { origin }), "known");
    assertEquals((await filesOf(root)).length, 2);
  }));

Deno.test("spool sends a window's content again after another installation was linked in between, a file's not", () =>
  withFolder(async (root) => {
    await using fixture = await openFixture(root);
    const { spool, database } = fixture;
    enterEpoch(database, 1, 1);
    const origin = queryOrigin();
    const sequences: number[] = [];
    for (const epoch of [1, 2]) {
      enterEpoch(database, 1, epoch);
      assertEquals(await put(spool, "A", { origin }), "admitted");
      const batch = spool.next({ except: new Set(), limit: 1 })[0];
      assert(batch);
      sequences.push(batch.declaration.sequence);
      acknowledge(spool, batch.declaration.id);
      assertEquals(await put(spool, "A", { origin }), "known");
      if (epoch === 1) await deliver(spool, { content: "file", receivedAt: "2026-01-01T00:00:00Z" });
    }
    assert((sequences[0] ?? 0) < (sequences[1] ?? 0));
    assertEquals(await put(spool, "file"), "known");
    assertEquals(spool.acknowledgedCount(), 2, "as many as the hub has");
  }));

Deno.test("spool keeps a replaced batch waiting when the acknowledgement is for the one before", () =>
  withFolder(async (root) => {
    await using fixture = await openFixture(root);
    const { spool } = fixture;
    const origin = queryOrigin();
    await put(spool, "A", { origin });
    const sending = nextId(spool);
    await put(spool, "B", { origin });
    await put(spool, "A", { origin });
    acknowledge(spool, sending);
    assertEquals(await contents(spool), ["B", "A"]);
    acknowledge(spool, sending);
    assertEquals(await contents(spool), ["B"]);
  }));

Deno.test("spool does not take a batch for damaged that is replaced by itself while it is read", () =>
  withFolder(async (root) => {
    const origin = queryOrigin();
    const [first, other] = [randomBytes(1_100_000), randomBytes(1_200_000)];
    let interrupt: (() => Promise<void>) | undefined;
    const fs: FileSystem = {
      ...realFileSystem,
      // The checksums are read last.
      async read(path, range) {
        if (interrupt !== undefined && range.offset > first.length) await interrupt();
        return await realFileSystem.read(path, range);
      },
    };
    await using fixture = await openFixture(root, { fs });
    const { spool } = fixture;
    await put(spool, first, { origin });
    await put(spool, other, { origin });
    const [batch] = spool.next({ except: new Set(), limit: 1 });
    assert(batch);
    interrupt = async () => {
      interrupt = undefined;
      assertEquals(await put(spool, first, { origin }), "admitted");
    };
    const error = await assertRejects(() => batch.read(0, 256 * 1024), /just been replaced/);
    assert(!(error instanceof BatchDamagedError));
    assertEquals(interrupt, undefined);
    const waiting = spool.next({ except: new Set(), limit: 2 });
    assertEquals(waiting.map(({ declaration }) => declaration.bytes), [other.length, first.length]);
    assertEquals((await waiting[1]?.read(0, 256 * 1024))?.length, 256 * 1024);
  }));

Deno.test("spool reads any range of a large payload, streamed and checked", () =>
  withFolder(async (root) => {
    await using fixture = await openFixture(root);
    const { spool } = fixture;
    const content = new Uint8Array(randomBytes(3_000_000));
    await using writer = await spool.open({ bytes: 100, lane: "live", signal: never });
    for (let at = 0; at < content.length; at += 70_000) await writer.write(content.slice(at, at + 70_000));
    await spool.admit(await writer.finish(), { origin: csvOrigin(), lane: "live" });
    const batch = spool.next({ except: new Set(), limit: 1 })[0];
    assert(batch);
    const { payloadBytes, payloadSha256 } = batch.declaration;
    const parts: Uint8Array[] = [];
    for (let at = 0; at < payloadBytes; at += 300_001) {
      parts.push(await batch.read(at, Math.min(300_001, payloadBytes - at)));
    }
    const payload = Buffer.concat(parts);
    assertEquals(createHash("sha256").update(payload).digest("hex"), payloadSha256);
    assert(zstdDecompressSync(payload).equals(content));
    await assertRejects(() => batch.read(payloadBytes - 1, 2), /Cannot read bytes/);
  }));

for (const part of ["payload", "checksum"]) {
  Deno.test(`spool notices a flipped bit in a ${part} when it reads, sets the batch aside and has its source read again`, () =>
    withFolder(async (root) => {
      await using fixture = await openFixture(root);
      const { spool, lost } = fixture;
      await put(spool, "content that will be damaged");
      const batch = spool.next({ except: new Set(), limit: 1 })[0];
      assert(batch);
      const [name] = await filesOf(root);
      const bytes = await Deno.readFile(`${root}/spool/${name}`);
      const at = part === "payload" ? 5 : batch.declaration.payloadBytes;
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      await Deno.writeFile(`${root}/spool/${name}`, bytes);
      const error = await assertRejects(() => batch.read(0, batch.declaration.payloadBytes), /not what was written/);
      assert(error instanceof BatchDamagedError);
      await spool.setAside(batch.declaration.id, error.message);
      assertEquals(lost.map(({ reread }) => reread), [true]);
      assertEquals(await contents(spool), []);
      const [folder] = await Array.fromAsync(Deno.readDir(`${root}/set-aside`));
      const inside = (await Array.fromAsync(Deno.readDir(`${root}/set-aside/${folder?.name}`))).map(({ name }) => name);
      assertEquals(inside.toSorted(), [name, "reason.txt"].toSorted());
      assertEquals(await put(spool, "content that will be damaged"), "admitted");
    }));
}

Deno.test("spool sets a refused batch aside without having its source read as it is again", () =>
  withFolder(async (root) => {
    await using fixture = await openFixture(root);
    await put(fixture.spool, "whole");
    await fixture.spool.setAside(nextId(fixture.spool), "the hub does not want it");
    assertEquals(fixture.lost.map(({ reread }) => reread), [false]);
  }));

Deno.test("spool says how what was refused gets another chance: there is no file behind the rows of a query", () =>
  withFolder(async (root) => {
    using log = await captureLog();
    await using fixture = await openFixture(root);
    for (const origin of [csvOrigin("a.csv"), queryOrigin()]) {
      await put(fixture.spool, "x", { origin });
      await fixture.spool.setAside(nextId(fixture.spool), "The hub refuses it.");
    }
    const lines = log.lines().map((line) => line.replace(/now in \S+\. /, "now in …. "));
    assertEquals(lines, [
      "error Set a.csv aside: the hub rejected it. The hub refuses it. It is now in …. Save the file again to try once more.",
      "error Set interval 2026-01-01T00:00:00Z to 2026-01-02T00:00:00Z aside: the hub rejected it. The hub refuses it. It is now in …. These rows are read and sent again when the query is changed in the hub.",
    ]);
  }));

Deno.test("spool keeps what was acknowledged, lists it, and sends it again when asked", () =>
  withFolder(async (root) => {
    await using fixture = await openFixture(root);
    const { spool } = fixture;
    for (const content of ["a", "b", "c"]) await put(spool, content);
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) {
      ids.push(nextId(spool));
      acknowledge(spool, nextId(spool));
    }
    assertEquals(await contents(spool), []);
    assertEquals(spool.acknowledgedCount(), 3);
    const [first] = spool.acknowledged({ after: 0, limit: 1 });
    const rest = spool.acknowledged({ after: first?.sequence ?? 0, limit: 10 });
    assertEquals([first?.id, ...rest.map(({ id }) => id)], ids);
    assertEquals(spool.resend([ids[1] ?? "", "f".repeat(64)]), 1);
    assertEquals(await contents(spool), ["b"]);
    acknowledge(spool, nextId(spool));
    assertEquals(spool.acknowledgedCount(), 3);
  }));

Deno.test("spool knows what was acknowledged last, whatever the clock said", () =>
  withFolder(async (root) => {
    let now = Date.parse("2026-01-01T00:00:00Z");
    const clock = { now: () => now, monotonicMs: () => 0, sleep: () => new Promise<void>(() => {}) };
    await using fixture = await openFixture(root, { clock });
    const { spool } = fixture;
    const ids: string[] = [];
    const deliver = async (content: string) => {
      await put(spool, content);
      ids.unshift(nextId(spool));
      acknowledge(spool, nextId(spool));
    };
    await deliver("today");
    now += 365 * 86_400_000;
    await deliver("a year ahead");
    now -= 365 * 86_400_000;
    await deliver("today again");
    assertEquals(spool.newestAcknowledged(2), ids.slice(0, 2));
    spool.resend(ids.slice(2));
    acknowledge(spool, ids[2] ?? "");
    assertEquals(spool.newestAcknowledged(3), [ids[2], ids[0], ids[1]]);
  }));

Deno.test("spool numbers what waits and what comes above what the hub has, when its state was put back", () =>
  withFolder(async (root) => {
    const clock = settableClock("2026-01-01T00:00:00Z");
    await using fixture = await openFixture(root, { clock });
    const { spool, database } = fixture;
    const sequences = () => spool.next({ except: new Set(), limit: 9 }).map(({ declaration }) => declaration.sequence);
    const delivered = await deliver(spool, { content: "delivered", receivedAt: clock.time });
    await put(spool, "a");
    await put(spool, "b");
    const [handedOut = ""] = spool.next({ except: new Set(), limit: 1 }).map(({ declaration }) => declaration.id);
    const highest = Date.parse("2027-01-01T00:00:00Z");
    outnumber(database, 1, highest);
    await put(spool, "c");
    acknowledge(spool, handedOut);
    assertEquals(sequences(), [highest + 1, highest + 2, highest + 3], "the hub has yet to learn the number");
    acknowledge(spool, handedOut);
    assertEquals(await contents(spool), ["b", "c"]);
    assertEquals(spool.newestAcknowledged(2), [handedOut, delivered]);
  }));

Deno.test("spool removes acknowledged batches after keepDays, and counts them still", () =>
  withFolder(async (root) => {
    const clock = settableClock("2026-01-02T00:00:00Z");
    await using fixture = await openFixture(root, { clock, keepDays: 2 });
    const { spool } = fixture;
    await deliver(spool, { content: "old", receivedAt: "2026-01-01T00:00:00Z" });
    clock.time = "2026-01-02T12:00:00Z";
    await deliver(spool, { content: "young", receivedAt: clock.time });
    await spool.prune();
    assertEquals((await filesOf(root)).length, 2);
    clock.time = "2026-01-03T12:00:00Z";
    await deliver(spool, { content: "new", receivedAt: clock.time });
    await spool.prune();
    assertEquals((await filesOf(root)).length, 2);
    assertEquals(spool.acknowledgedCount(), 3);
    assertEquals(spool.acknowledged({ after: 0, limit: 10 }).length, 2);
  }));

Deno.test("spool keeps what was acknowledged, however far this computer's clock is ahead, or the hub's", () =>
  withFolder(async (root) => {
    const clock = settableClock("2026-01-01T00:00:00Z");
    using database = openStateDatabase(`${root}/state.db`);
    {
      await using fixture = await openFixture(root, { clock, database });
      await deliver(fixture.spool, { content: "a", receivedAt: clock.time });
    }
    clock.time = "2027-01-01T00:00:00Z";
    {
      await using fixture = await openFixture(root, { clock, database });
      await deliver(fixture.spool, { content: "b", receivedAt: "2026-01-02T00:00:00Z" });
      await fixture.spool.prune();
    }
    clock.time = "2026-01-03T00:00:00Z";
    await using fixture = await openFixture(root, { clock, database });
    await deliver(fixture.spool, { content: "c", receivedAt: "2027-01-03T00:00:00Z" });
    await fixture.spool.prune();
    assertEquals(fixture.spool.acknowledged({ after: 0, limit: 10 }).length, 3);
  }));

Deno.test("spool makes room of what the hub received first, whatever the clock said", () =>
  withFolder(async (root) => {
    const clock = settableClock("2027-01-01T00:00:00Z");
    await using fixture = await openFixture(root, { clock, bytesMax: 3 * 1024 * 1024 });
    const { spool } = fixture;
    const large = () => new Uint8Array(randomBytes(900_000));
    const first = await deliver(spool, { content: large(), receivedAt: "2026-01-01T00:00:00Z" });
    clock.time = "2026-01-02T00:00:00Z";
    await deliver(spool, { content: large(), receivedAt: clock.time });
    await deliver(spool, { content: large(), receivedAt: clock.time });
    await put(spool, large());
    const kept = spool.acknowledged({ after: 0, limit: 10 }).map(({ id }) => id);
    assertEquals(kept.length, 2);
    assert(!kept.includes(first));
  }));

Deno.test("spool takes a file that another process wrote into the place it got", () =>
  withFolder(async (root) => {
    await using fixture = await openFixture(root);
    const { spool } = fixture;
    {
      await using place = await spool.reserve({ bytes: 1000, lane: "history", signal: never });
      await using writer = createIncomingWriter(place.path, { fs: realFileSystem, bytesMax: 1e6 });
      await writer.write(new TextEncoder().encode("of a child"));
      const file = JSON.parse(JSON.stringify(await writer.finish()));
      await spool.admit(file, { origin: queryOrigin(), lane: "history" });
    }
    assertEquals(await contents(spool), ["of a child"]);
    let left: string;
    {
      await using place = await spool.reserve({ bytes: 1000, lane: "history", signal: never });
      left = place.path;
      await Deno.writeTextFile(left, "half");
    }
    await assertRejects(() => Deno.lstat(left), /No such file/);
  }));

Deno.test("spool refuses a file that it does not know", () =>
  withFolder(async (root) => {
    await using fixture = await openFixture(root);
    const { spool } = fixture;
    const file = await write(spool, "x");
    await spool.admit(file, { origin: csvOrigin(), lane: "live" });
    await assertRejects(() => spool.admit(file, { origin: csvOrigin(), lane: "live" }), /admitted before/);
  }));

Deno.test("spool tells that there is more to deliver when a batch comes, and not for one that it has", () =>
  withFolder(async (root) => {
    await using fixture = await openFixture(root);
    const { spool } = fixture;
    let changes = 0;
    spool.changed.addEventListener("change", () => changes++);
    await put(spool, "x");
    assertEquals(changes, 1);
    await put(spool, "x");
    assertEquals(changes, 1);
  }));

Deno.test("spool removes the others when the file of one delivered batch cannot be removed, and that one later", () =>
  withFolder(async (root) => {
    let stuck: string | undefined;
    const fs: FileSystem = {
      ...realFileSystem,
      remove: (path) => path === stuck ? Promise.reject(new Error("it is in use")) : realFileSystem.remove(path),
    };
    await using fixture = await openFixture(root, { fs, keepDays: 0 });
    const { spool } = fixture;
    for (const content of ["a", "b", "c"]) await put(spool, content);
    const [first = ""] = await filesOf(root);
    stuck = `${root}/spool/${first}`;
    const ids = spool.next({ except: new Set(), limit: 3 }).map(({ declaration }) => declaration.id);
    spool.acknowledge(ids.map((batch) => ({ batch, receivedAt: "2026-01-01T00:00:00Z" })));
    await spool.prune();
    assertEquals(await filesOf(root), [first]);
    stuck = undefined;
    await spool.prune();
    assertEquals(await filesOf(root), []);
    assertEquals(fixture.database.get("SELECT count(*) AS rows FROM batch")?.rows, 0);
  }));

Deno.test("spool forgets delivered batches later when their folder cannot be synced now", () =>
  withFolder(async (root) => {
    let isBroken = false;
    const fs: FileSystem = {
      ...realFileSystem,
      syncFolder: (path) => isBroken ? Promise.reject(new Error("EIO")) : realFileSystem.syncFolder(path),
    };
    await using fixture = await openFixture(root, { fs, keepDays: 0 });
    const { spool } = fixture;
    await put(spool, "a");
    acknowledge(spool, nextId(spool));
    isBroken = true;
    await assertRejects(() => spool.prune(), /EIO/);
    isBroken = false;
    await spool.prune();
    assertEquals(fixture.database.get("SELECT count(*) AS rows FROM batch")?.rows, 0);
  }));
