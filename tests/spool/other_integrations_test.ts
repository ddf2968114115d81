/** What waits for integrations that are not linked any longer: kept, told, and given up only when it can never be sent. */
import { randomBytes } from "node:crypto";
import { integrationKey, setDeleted } from "../../src/state/integration.ts";
import type { StateDatabase } from "../../src/state/state_database.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { captureLog } from "../fakes/captured_log.ts";
import { acknowledge, contents, type Fixture, makeLink, nextId, openFixture, put } from "./spool_fixture.ts";

const mebibyte = 1024 * 1024;
const dayMs = 24 * 3600_000;
const large = () => new Uint8Array(randomBytes(700_000));

async function withSpool(
  options: { keepDays?: number },
  act: (fixture: Fixture, clock: { aheadMs: number }) => Promise<void>,
): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    const ahead = { aheadMs: 0 };
    const clock = { ...systemClock, now: () => systemClock.now() + ahead.aheadMs };
    await using fixture = await openFixture(root, { bytesMax: 3 * mebibyte, link: makeLink("old"), clock, ...options });
    await act(fixture, ahead);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

function markDeleted(database: StateDatabase, at: number): void {
  setDeleted(database, integrationKey(database, { accountId: "account-1", integrationId: "old" }), at);
}

Deno.test("what waits for a deleted integration gives way to the current one, and the log says so", () =>
  withSpool({}, async ({ spool, database, lost }) => {
    using log = await captureLog();
    for (let n = 0; n < 4; n++) await put(spool, large());
    markDeleted(database, Date.now());
    spool.use(makeLink("new"));
    assertEquals(spool.waitingForOthers().batches, 0);
    for (let n = 0; n < 4; n++) await put(spool, large());
    assertEquals(spool.waiting().batches, 4);
    assertEquals(spool.problem, undefined);
    assertEquals(lost.map(({ reread }) => reread), [true, true, true, true]);
    assertMatch(
      log.lines().join("\n"),
      /^warning Removed \d batches \(\d+ bytes\) that waited for an integration which was/,
    );
  }));

Deno.test("what was delivered goes before what waits for a deleted integration", () =>
  withSpool({}, async ({ spool, database, lost }) => {
    await put(spool, large());
    markDeleted(database, Date.now());
    spool.use(makeLink("new"));
    await put(spool, large());
    acknowledge(spool, nextId(spool));
    for (let n = 0; n < 3; n++) await put(spool, large());
    assertEquals(spool.acknowledged({ after: 0, limit: 9 }), []);
    assertEquals(lost, []);
  }));

Deno.test("what waits for a deleted integration is kept for keepDays, in case that the hub finds it in a backup", () =>
  withSpool({ keepDays: 7 }, async ({ spool, database }, clock) => {
    await put(spool, "kept");
    markDeleted(database, Date.now());
    spool.use(undefined);
    clock.aheadMs = 6 * dayMs;
    await spool.prune();
    spool.use(makeLink("old"));
    assertEquals(await contents(spool), ["kept"]);
    clock.aheadMs = 14 * dayMs;
    await spool.prune();
    assertEquals(await contents(spool), ["kept"], "it was linked again");
    markDeleted(database, Date.now());
    await spool.prune();
    assertEquals(await contents(spool), []);
  }));

Deno.test("what waits for an integration that may be linked again stays, and is told as what takes the room", () =>
  withSpool({}, async ({ spool, lost }) => {
    using log = await captureLog();
    for (let n = 0; n < 4; n++) await put(spool, large());
    spool.use(makeLink("new"));
    assertEquals(spool.waitingForOthers().batches, 4);
    await put(spool, large()); // alone
    const waits = put(spool, large());
    assertMatch(
      await log.line(/The spool is full/),
      /nothing is lost\. Raise \[spool\] maxMegabytes\. Of it, 3 MB are waiting for integrations .* link it to them again, and/,
    );
    assertMatch(spool.problem ?? "", /The spool is full.* Of it, 3 MB are waiting for integrations/);
    acknowledge(spool, nextId(spool));
    assertEquals(await waits, "admitted");
    assertEquals(lost, []);
    spool.use(makeLink("old"));
    assertEquals(spool.waiting().batches, 4);
    assert(spool.waitingForOthers().batches === 1);
  }));
