import { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers";
import { configure, reset } from "@logtape/logtape";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { notePause } from "../../src/agent/source_progress.ts";
import { ExtractError } from "../../src/extractor/watch.ts";
import { limits } from "../../src/source/read_state.ts";
import { wallOfInstant } from "../../src/source/time_zone.ts";
import { captureLog } from "../fakes/captured_log.ts";
import { World } from "./scheduler_harness.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** Random numbers that are the same each time. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

Deno.test("over a week with a pause, outages, late rows and a change of the clock the hub ends with exactly the source's rows", async () => {
  const startMs = Date.UTC(2026, 9, 22);
  const endMs = startMs + 7 * dayMs;
  const historyFrom = new Date(startMs - 20 * dayMs).toISOString();
  await using world = await World.make({ nowMs: startMs, source: { historyFrom } });
  const random = seeded(7);
  // Contacts at random times, each written up to 100 minutes later.
  const contacts = Array.from({ length: 3000 }, (_, index) => {
    const atMs = Math.floor(startMs - 20 * dayMs + random() * 27 * dayMs);
    return { id: `${index}`, atMs, writtenMs: atMs + random() * 100 * minuteMs };
  }).sort((a, b) => a.writtenMs - b.writtenMs);
  let written = 0;
  const goOn = async (toMs: number) => {
    while (world.clock.now() < toMs) {
      const nextMs = Math.min(world.clock.now() + 20 * minuteMs, toMs);
      world.execute("BEGIN");
      for (; written < contacts.length; written++) {
        const contact = contacts[written];
        if (!contact || contact.writtenMs > nextMs) break;
        world.insert(contact.id, wallOfInstant(contact.atMs, "Europe/Berlin"));
      }
      world.execute("COMMIT");
      await world.clock.advanceTo(nextMs);
      await world.deliver();
    }
  };

  world.start();
  await goOn(startMs + 6 * hourMs);
  // The program is not running.
  await world.stop();
  await goOn(startMs + 40 * hourMs);
  world.start();
  await goOn(startMs + 2 * dayMs);
  // The integration is paused, over the hour that comes twice.
  await world.stop();
  notePause(world.ledger, { nowMs: world.clock.now() });
  await goOn(startMs + 3.5 * dayMs);
  world.start();
  await goOn(startMs + 4 * dayMs);
  // The database is down; then it is slow.
  world.failure = () => new ExtractError("it is down", { failure: "connection" });
  await goOn(startMs + 4.3 * dayMs);
  assertMatch(world.scheduler?.problem ?? "", /it is down/);
  world.failure = undefined;
  world.durationMs = (job) => Math.round((job.window.toMs - job.window.fromMs) / 5000);
  await goOn(endMs - 5 * hourMs);
  world.durationMs = () => 100;
  await goOn(endMs + 2 * hourMs);
  assertEquals(world.scheduler?.problem, null);

  const due = contacts.filter((contact) => contact.writtenMs <= world.clock.now() - hourMs).map(({ id }) => id).sort();
  const ids = world.hubIds();
  assertEquals(new Set(ids).size, ids.length, "no row twice");
  assertEquals(due.filter((id) => !ids.includes(id)), []);
  assertEquals(world.ledger.progress()?.state.pending, []);
  assert(world.jobs.some((each) => each.lane === "history"));
});

Deno.test("live is read at every half hour, history newest first in chunks that adapt, with rests between", async () => {
  const startMs = Date.UTC(2026, 5, 1, 8, 7);
  await using world = await World.make({
    nowMs: startMs,
    source: { historyFrom: new Date(startMs - 1000 * dayMs).toISOString() },
  });
  world.durationMs = (job) => 200 + (job.window.toMs - job.window.fromMs) / dayMs * 300;
  world.start();
  await world.clock.advanceTo(startMs + 3 * hourMs);
  const live = world.jobs.filter((each) => each.lane === "live").map((each) => each.atMs);
  const history = world.jobs.filter((each) => each.lane === "history");
  assertEquals(live.length, 7);
  for (const atMs of live.slice(1)) assertEquals(atMs % (30 * minuteMs), 10_000);
  assert(history.length > 12, `${history.length} chunks`);
  assertEquals(world.ledger.progress()?.state.pending, []);
  for (const [index, { job, atMs }] of history.entries()) {
    const before = history[index - 1];
    if (!before) continue;
    assertEquals(job.window.toMs, before.job.window.fromMs);
    const tookMs = world.durationMs(before.job);
    assert(atMs - before.atMs >= 2 * tookMs - 5, "history rests as long as the query took");
    assert(world.durationMs(job) < limits.queryMsTarget);
  }
});

Deno.test("a window that is read again unchanged is not sent again, a changed one is, and back again too", async () => {
  const startMs = Date.UTC(2026, 5, 1, 8);
  await using world = await World.make({ nowMs: startMs, source: { dataType: "agent-status", realTime: true } });
  world.source = {
    ...world.source,
    query: "SELECT id AS agentidentifier, timestamp AS starttime, NULL AS endtime, answered AS activity FROM contact",
  };
  world.start();
  await world.clock.advanceTo(startMs + 5000);
  world.execute("INSERT INTO contact VALUES ('1', '2026-06-01 09:59:00', 1)");
  await world.clock.advanceTo(startMs + minuteMs);
  const before = world.jobs.length;
  const count = () => world.spool.waiting().batches;
  const sent = count();
  await world.clock.advanceTo(startMs + 3 * minuteMs);
  assert(world.jobs.length - before >= 11, "read every ten seconds");
  assertEquals(count(), sent);
  const first = world.newestSha256();
  world.execute("UPDATE contact SET answered = 2");
  await world.clock.advanceTo(startMs + 3.5 * minuteMs);
  assertEquals(count(), sent + 1);
  assert(world.newestSha256() !== first);
  world.execute("UPDATE contact SET answered = 1");
  await world.clock.advanceTo(startMs + 4 * minuteMs);
  // The first content again is the newest batch again: it went out under its own id, with a later number.
  assertEquals(count(), sent + 1);
  const newest = world.newestSha256();
  assertEquals(
    newest,
    world.state.get<{ sha256: string }>("SELECT sha256 FROM query_window ORDER BY revision DESC")?.sha256,
  );
  assertEquals(newest, first);
});

Deno.test("history waits while live reads, and goes on where it was after a restart", async () => {
  const startMs = Date.UTC(2026, 5, 1, 8);
  await using world = await World.make({
    nowMs: startMs,
    source: { historyFrom: new Date(startMs - 30 * dayMs).toISOString() },
  });
  world.durationMs = (job) => job.window.toMs > startMs ? 60_000 : 20_000;
  world.start();
  await world.clock.advanceTo(startMs + 50_000);
  assertEquals(world.jobs.map((each) => each.lane), ["live"]);
  await world.clock.advanceTo(startMs + 5 * minuteMs);
  const read = world.jobs.filter((each) => each.lane === "history").length;
  assert(read > 1);
  await world.stop();
  const pending = world.ledger.progress()?.state.pending.at(-1)?.toMs;
  world.start();
  await world.clock.advanceTo(startMs + 6 * minuteMs);
  const next = world.jobs.filter((each) => each.lane === "history")[read];
  assertEquals(next?.job.window.toMs, pending);
});

Deno.test("a query that takes too long is asked for less, until it fits", async () => {
  const startMs = Date.UTC(2026, 5, 1, 8);
  await using world = await World.make({
    nowMs: startMs,
    source: { historyFrom: new Date(startMs - 2 * dayMs).toISOString() },
  });
  world.failure = (job) =>
    job.window.toMs - job.window.fromMs > 3 * hourMs
      ? new ExtractError("It took too long.", { failure: "timeout" })
      : undefined;
  world.start();
  await world.clock.advanceTo(startMs + 4 * hourMs);
  assertEquals(world.ledger.progress()?.state.pending, []);
  assertEquals(world.scheduler?.problem, null);
});

for (const failure of ["crash", "output", "database"] as const) {
  Deno.test(`a window that fails by a failure of kind "${failure}" is asked for in smaller pieces, until it fits`, async () => {
    const startMs = Date.UTC(2026, 5, 1, 8);
    await using world = await World.make({
      nowMs: startMs,
      source: { historyFrom: new Date(startMs - 10 * dayMs).toISOString() },
    });
    world.failure = (job) =>
      job.window.toMs - job.window.fromMs > 5 * hourMs ? new ExtractError("It is too much.", { failure }) : undefined;
    world.start();
    await world.clock.advanceTo(startMs + 4 * hourMs);
    assertEquals(world.ledger.progress()?.state.pending, []);
    // The agent was off for days: the first window of new data is too much, too.
    await world.stop();
    await world.clock.advanceTo(startMs + 3 * dayMs);
    world.insert("late", wallOfInstant(startMs + 2 * dayMs, "Europe/Berlin"));
    world.start();
    await world.clock.advanceTo(startMs + 3 * dayMs + 4 * hourMs);
    assertEquals(world.ledger.progress()?.state.pending, []);
    assertEquals(world.scheduler?.problem, null);
    await world.deliver();
    assertEquals(world.hubIds(), ["late"]);
  });
}

Deno.test("a row that makes the query fail holds up no other, is told of once, and is read when it can be", async () => {
  using log = await captureLog();
  const startMs = Date.UTC(2026, 5, 1, 8);
  await using world = await World.make({
    nowMs: startMs,
    source: { historyFrom: new Date(startMs - 10 * dayMs).toISOString() },
  });
  for (let atMs = startMs - 10 * dayMs; atMs < startMs; atMs += 6 * hourMs) {
    world.insert(`${atMs}`, wallOfInstant(atMs, "Europe/Berlin"));
  }
  const badMs = startMs - 5 * dayMs;
  world.failure = ({ window }) =>
    window.fromMs <= badMs && badMs < window.toMs
      ? new ExtractError("Division by zero.", { failure: "database" })
      : undefined;
  world.start();
  await world.clock.advanceTo(startMs + 8 * hourMs);
  await world.deliver();
  assertEquals(world.hubIds(), world.sourceIds(`id <> '${badMs}'`));
  const told = "2026-05-27 08:00 to 2026-05-27 08:15 UTC";
  assertEquals(
    world.scheduler?.problem,
    `Cannot read the history ${told}: Division by zero. The rest is read first.`,
  );
  assertEquals(log.lines().filter((line) => line.includes("however little")), [
    `error The history ${told} of the integration Integration cannot be read, however little is asked for: ` +
    "Division by zero. The rest is read first, and this is tried again later.",
  ]);
  world.failure = undefined;
  await world.clock.advanceTo(startMs + 9 * hourMs);
  await world.deliver();
  assertEquals(world.hubIds(), world.sourceIds());
  assertEquals(world.scheduler?.problem, null);
});

Deno.test("the last window, if it cannot be read, is tried with patience, and a failed try is no recovery", async () => {
  using log = await captureLog();
  const startMs = Date.UTC(2026, 5, 1, 8);
  const badMs = startMs - dayMs;
  await using world = await World.make({ nowMs: startMs, source: { historyFrom: new Date(badMs).toISOString() } });
  let patienceSeconds = 0;
  world.failure = ({ window, timeoutSeconds }) => {
    if (badMs < window.fromMs || window.toMs <= badMs) return undefined;
    patienceSeconds = timeoutSeconds;
    return new ExtractError("Division by zero.", { failure: "database" });
  };
  world.start();
  await world.clock.advanceTo(startMs + 8 * hourMs);
  assertEquals(patienceSeconds, 900);
  assertMatch(world.scheduler?.problem ?? "", /Division by zero/);
  assertMatch(log.lines().at(-1) ?? "", /^error The history .* cannot be read, however little/);
  world.failure = undefined;
  await world.clock.advanceTo(startMs + 10 * hourMs);
  assertEquals([world.ledger.progress()?.state.pending, world.scheduler?.problem], [[], null]);
});

Deno.test("a database that refuses every query for hours puts off no window of the history", async () => {
  using log = await captureLog();
  const startMs = Date.UTC(2026, 5, 1, 8);
  await using world = await World.make({
    nowMs: startMs,
    source: { historyFrom: new Date(startMs - 1000 * dayMs).toISOString() },
  });
  world.start();
  await world.clock.advanceTo(startMs + 1000);
  assertEquals(world.ledger.progress()?.state.pending.length, 1);
  world.failure = () => new ExtractError("Permission denied.", { failure: "database" });
  await world.clock.advanceTo(startMs + 6 * hourMs);
  assertEquals(world.ledger.progress()?.state.chunkMs, limits.chunkMsMin);
  world.failure = undefined;
  await world.clock.advanceTo(startMs + 8 * hourMs);
  assertEquals(world.ledger.progress()?.state.pending, []);
  assertEquals(log.lines().filter((line) => line.includes("however little")), []);
});

Deno.test("a driver that crashes is logged with the integration and the window that was read, once", async () => {
  using log = await captureLog();
  const startMs = Date.UTC(2026, 5, 1, 8);
  await using world = await World.make({
    nowMs: startMs,
    source: { historyFrom: new Date(startMs - 10 * dayMs).toISOString() },
  });
  let crashes = 2;
  world.failure = ({ window }) =>
    window.toMs > startMs && crashes-- > 0
      ? new ExtractError("The database's driver ended the process that runs queries (SIGSEGV).", { failure: "crash" })
      : undefined;
  world.start();
  await world.clock.advanceTo(startMs + hourMs);
  const told = log.lines().filter((line) => line.includes("from the database"));
  assertEquals(told, [
    "error Cannot read new data from the database for the integration Integration, 2026-06-01 06:00 to 2026-06-01 08:15 " +
    "UTC: The database's driver ended the process that runs queries (SIGSEGV). It is retried automatically.",
    "info Reading new data from the database for the integration Integration works again.",
  ]);
});

Deno.test("with allowQueryChanges = false a changed query is not read until it is accepted", async () => {
  const startMs = Date.UTC(2026, 5, 1, 8);
  await using world = await World.make({ nowMs: startMs });
  world.start({ allowQueryChanges: false });
  await world.clock.advanceTo(startMs + hourMs);
  await world.stop();
  const read = world.jobs.length;
  assert(read > 0);
  const query = world.source.query;
  world.source = { ...world.source, query: `${query} WHERE 1 = 1` };
  world.start({ allowQueryChanges: false });
  await world.clock.advanceTo(startMs + 2 * hourMs);
  assertEquals(world.jobs.length, read);
  assertMatch(world.scheduler?.problem ?? "", /changed in the hub.*--accept [0-9a-f]{16}/);
  await world.stop();
  world.source = { ...world.source, query };
  world.start({ allowQueryChanges: false });
  await world.clock.advanceTo(startMs + 3 * hourMs);
  assert(world.jobs.length > read);
});

Deno.test("another database is read from the beginning, and where its name was not known yet nothing is read again", async () => {
  const startMs = Date.UTC(2026, 5, 1, 8);
  await using world = await World.make({
    nowMs: startMs,
    source: { historyFrom: new Date(startMs - 10 * dayMs).toISOString() },
  });
  world.insert("test database", wallOfInstant(startMs - 5 * dayMs, "Europe/Berlin"));
  world.start();
  await world.clock.advanceTo(startMs + 4 * hourMs);
  await world.deliver();
  await world.stop();
  assertEquals(world.hubIds(), ["test database"]);

  // As an earlier version left it.
  world.state.run("UPDATE query_source SET database = NULL");
  const jobs = world.jobs.length;
  world.start();
  await world.clock.settle();
  assertEquals([world.ledger.progress()?.state.pending, world.jobs.length], [[], jobs]);
  await world.stop();

  await Deno.copyFile(`${world.folder}/calls.db`, `${world.folder}/other.db`);
  using other = new DatabaseSync(`${world.folder}/other.db`);
  other.exec("UPDATE contact SET id = 'the real one'");
  world.source = { ...world.source, connection: { by: "file", file: "other.db" } };
  world.start({ allowQueryChanges: false });
  await world.clock.advanceTo(startMs + 8 * hourMs);
  await world.deliver();
  assertEquals(world.hubIds(), ["the real one"]);
});

for (const history of ["with a history", "without one"]) {
  Deno.test(`${history}, all is read and sent again after another installation was linked in between`, async () => {
    const startMs = Date.UTC(2026, 9, 1);
    const backMs = startMs + 3 * dayMs;
    const historyFrom = history === "without one" ? null : new Date(startMs - 5 * dayMs).toISOString();
    await using world = await World.make({ nowMs: startMs, source: { historyFrom, everyMinutes: 60 } });
    for (let atMs = Date.parse(historyFrom ?? "") || startMs; atMs < backMs; atMs += 3 * hourMs) {
      world.insert(`${atMs}`, wallOfInstant(atMs, "Europe/Berlin"));
    }
    world.linked(1);
    world.start();
    await world.clock.advanceTo(startMs + dayMs);
    await world.stop();
    await world.deliver();
    world.replaceAtHub();
    assertEquals(world.hubIds(), []);
    await world.clock.advanceTo(backMs);
    world.linked(2);
    world.start();
    await world.clock.advanceTo(backMs + 6 * hourMs);
    await world.deliver();
    assertEquals(world.hubIds(), world.sourceIds());
  });
}

Deno.test("without a history, a pause during which the query is changed is made up", async () => {
  const startMs = Date.UTC(2026, 5, 1, 8);
  await using world = await World.make({ nowMs: startMs });
  world.start();
  await world.clock.advanceTo(startMs + dayMs);
  await world.stop();
  notePause(world.ledger, { nowMs: world.clock.now() });
  world.insert("in the pause", wallOfInstant(startMs + 1.5 * dayMs, "Europe/Berlin"));
  await world.clock.advanceTo(startMs + 3 * dayMs);
  world.source = { ...world.source, query: `${world.source.query} WHERE 1 = 1` };
  world.start();
  await world.clock.advanceTo(startMs + 3.5 * dayMs);
  await world.deliver();
  assertEquals(world.hubIds(), ["in the pause"]);
});

for (const corrected of [{ dataType: "interval", intervalMinutes: 15 }, { timeZone: "Europe/London" }] as const) {
  Deno.test(`corrected right after the first run, ${Object.keys(corrected)[0]} applies to every row`, async () => {
    const startMs = Date.UTC(2026, 5, 10, 19, 1);
    await using world = await World.make({
      nowMs: startMs,
      source: {
        historyFrom: new Date(startMs - 10 * dayMs).toISOString(),
        query:
          "SELECT id AS queueidentifier, 'Q' AS queuename, timestamp, 5 AS offered, answered, 60 AS handlingtime " +
          "FROM contact",
      },
    });
    for (let day = 0; day < 10; day++) {
      world.insert(`${day}`, Date.UTC(2026, 5, 10, 8, 30) - day * dayMs);
    }
    world.start();
    await world.clock.advanceTo(startMs + 3 * minuteMs);
    await world.deliver();
    await world.stop();
    world.source = { ...world.source, ...corrected };
    world.start();
    await world.clock.advanceTo(startMs + 2 * hourMs);
    await world.deliver();
    assertEquals(world.hubIds(), world.sourceIds());
  });
}

Deno.test("import now reads at once, and an abort ends the run while a query is under way", async () => {
  const startMs = Date.UTC(2026, 5, 1, 8);
  await using world = await World.make({ nowMs: startMs });
  world.start();
  await world.clock.advanceTo(startMs + minuteMs);
  const read = world.jobs.length;
  world.durationMs = () => hourMs;
  world.scheduler?.importNow();
  await world.clock.settle();
  assertEquals(world.jobs.length, read + 1);
  await world.stop();
});

Deno.test("stopped and started at any moment, it loses and doubles no row", async () => {
  const startMs = Date.UTC(2026, 9, 24, 20);
  await using world = await World.make({
    nowMs: startMs,
    source: { historyFrom: new Date(startMs - 9 * dayMs).toISOString() },
  });
  const random = seeded(3);
  let id = 0;
  const insert = (atMs: number) => world.insert(`${id++}`, wallOfInstant(atMs, "Europe/Berlin"));
  for (let i = 0; i < 300; i++) insert(startMs - Math.floor(random() * 9 * dayMs));
  for (let round = 0; round < 120; round++) {
    insert(world.clock.now() - Math.floor(random() * 90 * minuteMs));
    world.start();
    world.clock.during(async () => {
      // In the middle of whatever it does.
      for (let turn = Math.floor(random() * 60); turn > 0; turn--) {
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
    const moving = world.clock.advanceTo(world.clock.now() + Math.floor(random() * 40 * minuteMs));
    for (let turn = Math.floor(random() * 80); turn > 0; turn--) await new Promise((resolve) => setImmediate(resolve));
    await world.stop();
    await moving;
    if (round % 7 === 0) await world.deliver();
  }
  world.start();
  await world.clock.advanceTo(world.clock.now() + 3 * hourMs);
  await world.deliver();
  assertEquals(world.hubIds(), world.sourceIds());
});

Deno.test("with verbose each request is logged with its number of rows and the first ten", async () => {
  const records: string[] = [];
  await configure({
    reset: true,
    sinks: { memory: (record) => records.push(record.message.join("")) },
    loggers: [{ category: "cloud-link", lowestLevel: "info", sinks: ["memory"] }, {
      category: ["logtape", "meta"],
      sinks: [],
    }],
  });
  try {
    const startMs = Date.UTC(2026, 5, 1, 8);
    await using world = await World.make({ nowMs: startMs });
    for (let id = 0; id < 12; id++) world.insert(`id-${id}`, Date.UTC(2026, 5, 1, 9, id));
    world.start({ verbose: true });
    await world.clock.advanceTo(startMs + minuteMs);
    const line = records.find((record) => record.includes("12 rows")) ?? "";
    assertMatch(line, /queueidentifier.*id-0.*id-9/);
    assert(!line.includes("id-10"));
  } finally {
    await reset();
  }
});

Deno.test("what the database could not be set to is logged once, not with each request", async () => {
  using log = await captureLog();
  const startMs = Date.UTC(2026, 5, 1, 8);
  await using world = await World.make({ nowMs: startMs });
  world.remarks = ["The session's time zone could not be set."];
  world.start();
  await world.clock.advanceTo(startMs + 3 * hourMs);
  assert(world.jobs.length > 2);
  const told = log.lines().filter((line) => line.includes("time zone"));
  assertEquals(told.length, 1);
  assertMatch(told[0] ?? "", /^warning .*The session's time zone could not be set\./);
});

Deno.test("characters that were replaced are logged once, however many each request finds", async () => {
  using log = await captureLog();
  const startMs = Date.UTC(2026, 5, 1, 8);
  await using world = await World.make({ nowMs: startMs });
  world.start();
  for (let hour = 1; hour <= 3; hour++) {
    const at = `2026-06-01 ${9 + hour}:30:00`;
    // Köln in Latin-1, more often each time.
    for (let n = 0; n < hour; n++) world.execute(`INSERT INTO contact VALUES (CAST(x'4bf66c6e' AS TEXT), '${at}', 1)`);
    await world.clock.advanceTo(startMs + hour * hourMs);
  }
  const told = log.lines().filter((line) => line.includes("\ufffd"));
  assertEquals(told.length, 1, told.join("\n"));
  assertMatch(told[0] ?? "", /^warning .*Characters that became "\ufffd": \d+\. .* set the character set/);
});
