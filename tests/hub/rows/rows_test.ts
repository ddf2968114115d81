import { DatabaseSync } from "node:sqlite";
import { assert, assertEquals, assertMatch } from "../../assert.ts";
import { type Clock, systemClock } from "../../../src/runtime/clock.ts";
import { captureLog } from "../../fakes/captured_log.ts";
import { execBeside } from "../exec_beside.ts";
import { startTestHub } from "../start_hub.ts";
import { TestAgent } from "../test_agent.ts";
import { ShiftedClock } from "../test_clock.ts";
import { linkedDatabase, loaded, type QueryBatch, queryBatch, rowsOf } from "./query_batch.ts";

const interval = { dataType: "interval", dataTypeColumns: null } as const;
const row = (time: string, offered: number, queue = "Q1") => [queue, 'Süd, "1"', time, `${offered}`, "1", "60", ""];

function hours(from: number, to: number, sequence: number, offered: number): QueryBatch {
  const rows = [];
  // Berlin is two hours ahead of UTC in July.
  for (let hour = from; hour < to; hour++) {
    rows.push(row(`2026-07-01 ${String(hour + 2).padStart(2, "0")}:00:00`, offered));
  }
  const at = (hour: number) => `2026-07-01T${String(hour).padStart(2, "0")}:00:00Z`;
  return { dataType: interval.dataType, from: at(from), to: at(to), sequence, rows };
}

/** What fails is tried again at once. */
const impatientClock: Clock = {
  ...systemClock,
  monotonicMs: () => systemClock.monotonicMs() * 10_000,
  sleep: (_ms, signal) => systemClock.sleep(20, signal),
};

Deno.test("rows are in UTC in the order of time, as CSV and as JSON, and a range of them", async () => {
  await using test = await startTestHub();
  const { id, agent } = await linkedDatabase(test.admin, { dataType: "interval" });
  await agent.deliver(queryBatch(agent, hours(8, 11, 1, 5)));
  const windows = await loaded(test.admin, id);
  assertEquals([windows.rows, windows.gaps, windows.items.length], [3, [], 1]);
  assertEquals(windows.imported, [{ from: "2026-07-01T08:00:00.000Z", to: "2026-07-01T11:00:00.000Z" }]);
  assertEquals(windows.items[0]?.rows, { source: 3, refused: 0, batch: 3, hub: 3, overtaken: 0, now: 3 });
  assertEquals([windows.items[0]?.agrees, windows.items[0]?.state], [true, "current"]);
  assertEquals(await rowsOf(test.admin, id, "&from=2026-07-01T09:00:00Z&to=2026-07-01T10:00:00Z"), [{
    queueidentifier: "Q1",
    queuename: 'Süd, "1"',
    timestamp: "2026-07-01T09:00:00Z",
    offered: 5,
    answered: 1,
    handlingtime: 60,
    channel: "calls",
  }]);
  const csv = await test.admin.request("GET", `/api/v1/integrations/${id}/rows?to=2026-07-01T09:00:00%2B00:00`);
  assertEquals(csv.headers.get("content-type"), "text/csv; charset=utf-8; header=present");
  assertEquals(
    await csv.text(),
    'queueidentifier,queuename,timestamp,offered,answered,handlingtime,channel\r\nQ1,"Süd, ""1""",2026-07-01T08:00:00Z,5,1,60,calls\r\n',
  );
  const json = await test.admin.request("GET", `/api/v1/integrations/${id}/rows`, {
    headers: { accept: "application/json" },
  });
  assertEquals((await json.json()).length, 3);
  const described = await (await test.admin.request("GET", "/api/openapi.json")).json();
  const { content } = described.paths["/api/v1/integrations/{id}/rows"].get.responses["200"];
  assertEquals(Object.keys(content), ["text/csv", "application/json"]);
  assertEquals(content["application/json"].schema.type, "array");
  const wrong = await test.admin.request("GET", `/api/v1/integrations/${id}/rows?from=yesterday`);
  assertEquals([wrong.status, (await wrong.json()).errors[0].field], [400, "from"]);
  const csvIntegration = await test.admin.createIntegration("files");
  assertEquals((await test.admin.request("GET", `/api/v1/integrations/${csvIntegration.id}/rows`)).status, 409);
  assertEquals((await test.admin.request("GET", `/api/v1/integrations/none/windows`)).status, 404);
});

Deno.test("for every instant the highest running number wins, in whatever order batches arrive", async () => {
  const batches = [hours(0, 12, 1, 1), hours(6, 18, 2, 2), hours(9, 10, 3, 3), hours(4, 8, 4, 4)];
  const expected = [...Array(4).fill(1), ...Array(4).fill(4), 2, 3, ...Array(8).fill(2)];
  for (const order of [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [1, 3, 0, 2]]) {
    await using test = await startTestHub();
    const { id, agent } = await linkedDatabase(test.admin, { dataType: "interval" });
    for (const index of order) {
      const batch = batches[index];
      assert(batch !== undefined);
      await agent.deliver(queryBatch(agent, batch));
      await loaded(test.admin, id);
    }
    const windows = await loaded(test.admin, id);
    assertEquals((await rowsOf(test.admin, id)).map(({ offered }) => offered), expected, String(order));
    assertEquals(windows.rows, 18);
    for (const window of windows.items) assert(window.agrees, JSON.stringify(window));
    assertEquals(windows.items.reduce((sum, window) => sum + window.rows.now, 0), 18);
  }
});

const empty = (from: string, to: string, sequence: number): QueryBatch => (
  { dataType: "interval", from, to, sequence, lane: "history", rows: [] }
);

Deno.test("a history that the source no longer keeps takes no rows away, in whatever order batches arrive", async () => {
  const purged = empty("2026-06-01T00:00:00Z", "2026-07-02T00:00:00Z", 9);
  const batches = [hours(8, 12, 1, 1), { ...hours(10, 14, 2, 2), lane: "history" as const }, purged];
  for (const order of [[0, 1, 2], [2, 1, 0], [1, 2, 0]]) {
    await using test = await startTestHub();
    const { id, agent } = await linkedDatabase(test.admin, { dataType: "interval", history: "2026-06-01" });
    for (const index of order) {
      const batch = batches[index];
      assert(batch !== undefined);
      await agent.deliver(queryBatch(agent, batch));
      await loaded(test.admin, id);
    }
    assertEquals((await rowsOf(test.admin, id)).map(({ offered }) => offered), [1, 1, 2, 2, 2, 2], String(order));
    const { rows, imported, gaps, items } = await loaded(test.admin, id);
    assertEquals([rows, gaps], [6, []]);
    assertEquals(imported, [{ from: "2026-06-01T00:00:00.000Z", to: "2026-07-02T00:00:00.000Z" }]);
    for (const window of items) assert(window.agrees, JSON.stringify(window));
    assertEquals(items.reduce((sum, window) => sum + window.rows.now, 0), 6);
  }
});

Deno.test("live data without rows, and less than a day of history without any, replace what was there", async () => {
  for (
    const nothing of [
      { ...empty("2026-06-01T00:00:00Z", "2026-07-02T00:00:00Z", 9), lane: "live" as const },
      empty("2026-07-01T00:00:00Z", "2026-07-01T23:00:00Z", 9),
    ]
  ) {
    await using test = await startTestHub();
    const { id, agent } = await linkedDatabase(test.admin, { dataType: "interval" });
    await agent.deliver(queryBatch(agent, hours(8, 12, 1, 1)));
    await loaded(test.admin, id);
    await agent.deliver(queryBatch(agent, nothing));
    assertEquals((await loaded(test.admin, id)).rows, 0);
  }
});

Deno.test("rows that came back to what they once were win again", async () => {
  await using test = await startTestHub();
  const { id, agent } = await linkedDatabase(test.admin, { dataType: "interval" });
  for (const [sequence, offered] of [[1, 10], [2, 20], [3, 10]] as const) {
    await agent.deliver(queryBatch(agent, hours(8, 9, sequence, offered)));
    await loaded(test.admin, id);
    assertEquals((await rowsOf(test.admin, id)).map((row) => row["offered"]), [offered]);
  }
  assertEquals((await test.admin.imports(id)).length, 2);
});

Deno.test("a new installation's batches win over those of the one before, although it counts from one again", async () => {
  await using test = await startTestHub();
  const { id, agent } = await linkedDatabase(test.admin, { dataType: "interval" });
  await agent.deliver(queryBatch(agent, hours(8, 10, 500, 1)));
  const second = await TestAgent.linked(test.admin, id);
  await second.deliver(queryBatch(second, hours(9, 10, 1, 2)));
  await loaded(test.admin, id);
  assertEquals((await rowsOf(test.admin, id)).map(({ offered }) => offered), [1, 2]);
});

Deno.test("a new link's batches win over those of the one before, although the hub's clock was set back in between", async () => {
  const clock = new ShiftedClock();
  await using test = await startTestHub({ clock });
  const { id, agent } = await linkedDatabase(test.admin, { dataType: "interval" });
  await agent.deliver(queryBatch(agent, hours(8, 10, 500, 1)));
  clock.advance(-60 * 60_000);
  const second = await TestAgent.register(test.url);
  second.clockShiftSeconds = -60 * 60;
  await second.linkTo(test.admin, id);
  await second.deliver(queryBatch(second, hours(9, 10, 1, 2)));
  await loaded(test.admin, id);
  assertEquals((await rowsOf(test.admin, id)).map(({ offered }) => offered), [1, 2]);
});

Deno.test("what an installation sends late, after it was linked again, replaces no newer rows, unless another was in between", async () => {
  await using test = await startTestHub();
  const { id, agent } = await linkedDatabase(test.admin, { dataType: "interval" });
  const offered = async () => {
    await loaded(test.admin, id);
    return (await rowsOf(test.admin, id)).map(({ offered }) => offered);
  };
  await agent.deliver(queryBatch(agent, hours(9, 11, 9, 2)));
  await agent.linkTo(test.admin, id);
  await agent.deliver(queryBatch(agent, hours(8, 10, 5, 1)));
  assertEquals(await offered(), [1, 2, 2]);
  const between = await TestAgent.linked(test.admin, id);
  await between.deliver(queryBatch(between, hours(8, 11, 1, 3)));
  assertEquals(await offered(), [3, 3, 3]);
  await agent.linkTo(test.admin, id);
  await agent.deliver(queryBatch(agent, hours(8, 10, 6, 4)));
  assertEquals(await offered(), [4, 4, 3]);
});

Deno.test("what is sent again after another installation was in between wins again, in parts or whole", async () => {
  for (const way of ["deliver", "whole"] as const) {
    await using test = await startTestHub();
    const { id, agent } = await linkedDatabase(test.admin, { dataType: "interval" });
    await agent.deliver(queryBatch(agent, hours(8, 9, 9, 1)));
    const between = await TestAgent.linked(test.admin, id);
    await between.deliver(queryBatch(between, hours(8, 9, 20, 2)));
    await agent.linkTo(test.admin, id);
    const again = queryBatch(agent, hours(8, 9, 21, 1));
    await (way === "deliver" ? agent.deliver(again) : agent.whole([again]));
    await loaded(test.admin, id);
    assertEquals((await rowsOf(test.admin, id)).map(({ offered }) => offered), [1]);
    assertEquals((await test.admin.imports(id)).length, 2);
  }
});

Deno.test("the hour that comes twice is the first one, the one that never comes lies after the jump, as the agent maps them", async () => {
  await using test = await startTestHub();
  const { id, agent } = await linkedDatabase(test.admin, { dataType: "agent-status" });
  const status = (start: string, end = "") => ["4711", start, end, "pause"];
  await agent.deliver(queryBatch(agent, {
    dataType: "agent-status",
    from: "2026-10-24T22:00:00Z",
    to: "2026-10-25T04:00:00Z",
    sequence: 1,
    rows: [
      status("2026-10-25 01:59:59.5", "2026-10-25 02:30:00"),
      status("2026-10-25 02:30:00"),
      // With an offset the second pass can be told.
      status("2026-10-25 02:30:00+01:00"),
      status("2026-10-25 03:00:00"),
    ],
  }));
  await agent.deliver(queryBatch(agent, {
    dataType: "agent-status",
    from: "2026-03-29T00:00:00Z",
    to: "2026-03-29T04:00:00Z",
    sequence: 2,
    rows: [status("2026-03-29 01:59:00"), status("2026-03-29 02:30:00"), status("2026-03-29 03:00:00")],
  }));
  const windows = await loaded(test.admin, id);
  assertEquals(windows.rows, 7);
  assertEquals((await rowsOf(test.admin, id)).map(({ starttime }) => starttime), [
    "2026-03-29T00:59:00Z",
    "2026-03-29T01:00:00Z",
    "2026-03-29T01:30:00Z",
    "2026-10-24T23:59:59.500Z",
    "2026-10-25T00:30:00Z",
    "2026-10-25T01:30:00Z",
    "2026-10-25T02:00:00Z",
  ]);
  assertEquals((await rowsOf(test.admin, id))[3]?.["endtime"], "2026-10-25T00:30:00Z");
});

Deno.test("refused rows are counted with their reasons, and the ledger says where numbers differ", async () => {
  await using test = await startTestHub();
  const { id, agent } = await linkedDatabase(test.admin, { dataType: "contact" });
  const contact = (time: string, answered: string, channel = "calls") => ["Q", "", time, answered, "", channel];
  const window = { dataType: "contact", from: "2026-07-01T00:00:00Z", to: "2026-07-02T00:00:00Z" } as const;
  await agent.deliver(queryBatch(agent, {
    ...window,
    sequence: 1,
    rows: [
      contact("2026-07-01 10:00:00", "true"),
      contact("2026-07-01 10:00:00", "-1"),
      contact("2026-07-05 10:00:00", "1"),
      contact("soon", "1"),
      contact("2026-07-01 11:00:00", "0", "fax"),
    ],
    refused: { rows: 2, reasons: ["Row 7: answered is NULL"] },
  }));
  const { rows, refused: [told], items: [item] } = await loaded(test.admin, id);
  assertEquals(rows, 1);
  assertEquals(item?.rows, { source: 7, refused: 6, batch: 5, hub: 1, overtaken: 0, now: 1 });
  assertEquals(item?.agrees, false);
  assertEquals(told?.reasons, [
    "Row 7: answered is NULL",
    'Row 2: answered is "-1", not an integer of at least 0',
    'Row 3: timestamp is "2026-07-05 10:00:00", outside of the window',
    'Row 4: timestamp is "soon", not a date and time',
    'Row 5: channel is "fax", not one of calls, chats, emails, social_media, documents, cases',
  ]);
  await agent.deliver(
    queryBatch(agent, { ...window, sequence: 2, rows: [contact("2026-07-01 10:00:00", "1")], declaredRows: 3 }),
  );
  const after = await loaded(test.admin, id);
  assertEquals([after.items[0]?.agrees, after.items[0]?.rows.batch, after.refused.length], [false, 1, 0]);
});

Deno.test("a batch that cannot be read changes nothing, and says why", async () => {
  await using test = await startTestHub();
  const { id, agent } = await linkedDatabase(test.admin, { dataType: "interval" });
  await agent.deliver(queryBatch(agent, hours(8, 9, 1, 7)));
  await agent.deliver(queryBatch(agent, { ...hours(8, 9, 2, 8), columns: ["a", "b", "c", "d", "e", "f", "g"] }));
  await agent.deliver(queryBatch(agent, { ...hours(8, 9, 3, 9), rows: [row("2026-07-01 10:00:00", 9), ["short"]] }));
  const { rows, items } = await loaded(test.admin, id);
  assertEquals([rows, items.map(({ state }) => state)], [1, ["failed", "failed", "current"]]);
  assertMatch(items[1]?.error ?? "", /lacks the columns queueidentifier/);
  assertMatch(items[0]?.error ?? "", /not CSV/);
  assertEquals((await rowsOf(test.admin, id)).map(({ offered }) => offered), [7]);
  const imports = await test.admin.imports(id);
  assertEquals(imports.map(({ state }) => state), ["failed", "failed", "loaded"]);
  assertEquals(imports.map(({ error }) => error), [items[0]?.error, items[1]?.error, null]);
  const failing = await test.admin.integration(id);
  assertEquals([failing.state, failing.problem, failing.nextStep], ["failing", items[0]?.error, "correct-query"]);
  assertEquals(failing.stateSince, imports[1]?.receivedAt);
  await agent.deliver(queryBatch(agent, hours(9, 10, 4, 8)));
  await loaded(test.admin, id);
  const online = await test.admin.integration(id);
  assertEquals([online.state, online.problem, online.nextStep], ["online", null, "none"]);
});

Deno.test("how an integration is doing follows from its newest batch, in whatever order batches are loaded", async () => {
  const dataDirectory = await Deno.makeTempDir({ prefix: "hub-rows-" });
  try {
    let id = "";
    {
      await using test = await startTestHub({ dataDirectory });
      const made = await linkedDatabase(test.admin, { dataType: "interval" });
      id = made.id;
      const columns = ["a", "b", "c", "d", "e", "f", "g"];
      await made.agent.deliver(queryBatch(made.agent, { ...hours(4, 5, 1, 7), lane: "history", columns }));
      await made.agent.deliver(queryBatch(made.agent, hours(8, 9, 2, 7)));
      await loaded(test.admin, id);
    }
    // Loaded again, history comes last.
    await Deno.remove(`${dataDirectory}/rows`, { recursive: true });
    await using test = await startTestHub({ dataDirectory });
    assertEquals((await loaded(test.admin, id)).items.map(({ state }) => state), ["failed", "current"]);
    assertEquals((await test.admin.imports(id)).map(({ state }) => state), ["loaded", "failed"]);
    assertEquals((await test.admin.integration(id)).state, "online");
  } finally {
    await Deno.remove(dataDirectory, { recursive: true });
  }
});

Deno.test("a hub of an earlier version learns from its rows what became of what it has loaded", async () => {
  const dataDirectory = await Deno.makeTempDir({ prefix: "hub-rows-" });
  try {
    let id = "";
    {
      await using test = await startTestHub({ dataDirectory });
      const made = await linkedDatabase(test.admin, { dataType: "interval" });
      id = made.id;
      await made.agent.deliver(queryBatch(made.agent, hours(8, 9, 1, 7)));
      await made.agent.deliver(queryBatch(made.agent, { ...hours(9, 10, 2, 7), rows: [["short"]] }));
      await loaded(test.admin, id);
    }
    {
      using hub = new DatabaseSync(`${dataDirectory}/hub.db`);
      for (const column of ["newestLoadAt", "loadError", "loadFailedSince", "lastLiveAt", "activeSince"]) {
        hub.exec(`alter table integration drop column ${column}`);
      }
      hub.exec("drop index batchSequence; drop index batchDamaged");
      hub.exec("alter table link drop column epoch");
      hub.exec("alter table batch drop column damagedAt");
      hub.exec("alter table batch drop column loadError; update meta set value = '3' where key = 'schema'");
    }
    await using test = await startTestHub({ dataDirectory });
    const windows = await loaded(test.admin, id);
    assertEquals([windows.rows, windows.items.length], [1, 2]);
    assertEquals((await test.admin.imports(id)).map(({ state }) => state), ["failed", "loaded"]);
    assertEquals((await test.admin.integration(id)).state, "failing");
  } finally {
    await Deno.remove(dataDirectory, { recursive: true });
  }
});

Deno.test("what an installation before has sent says nothing of the present one", async () => {
  await using test = await startTestHub();
  const { id, agent } = await linkedDatabase(test.admin, { dataType: "interval" });
  await agent.deliver(queryBatch(agent, { ...hours(8, 9, 1, 7), rows: [["short"]] }));
  await loaded(test.admin, id);
  assertEquals((await test.admin.integration(id)).state, "failing");
  await TestAgent.linked(test.admin, id);
  assertEquals((await test.admin.integration(id)).state, "online");
});

Deno.test("a hub that can load nothing says so for what has arrived, until it can again", async () => {
  using log = await captureLog();
  const clock = impatientClock;
  await using test = await startTestHub({ clock });
  const { id, agent } = await linkedDatabase(test.admin, { dataType: "interval" });
  const idle = await linkedDatabase(test.admin, { dataType: "interval" });
  const rows = `${test.dataDirectory}/rows/rows.db`;
  await execBeside(rows, "alter table segment rename to hidden");
  await agent.deliver(queryBatch(agent, hours(8, 9, 1, 7)));
  await log.line(/Cannot load imported rows, first .* of integration .*: no such table: .*segment/);
  const failing = await test.admin.integration(id);
  assertEquals([failing.state, failing.nextStep, failing.loading], ["failing", "see-hub-log", 1]);
  assertMatch(failing.problem ?? "", /^The hub cannot load what has arrived/);
  assertEquals((await test.admin.imports(id)).map(({ state }) => state), ["received"]);
  assertEquals((await test.admin.integration(idle.id)).state, "online");
  await execBeside(rows, "alter table hidden rename to segment");
  await log.line(/Loading imported rows works again/);
  assertEquals((await loaded(test.admin, id)).rows, 1);
  assertEquals((await test.admin.integration(id)).state, "online");
});

Deno.test("a batch that cannot be loaded holds up no other, is told once, and is loaded as soon as it can be", async () => {
  using log = await captureLog();
  await using test = await startTestHub({ clock: impatientClock });
  const first = await linkedDatabase(test.admin, { dataType: "interval" });
  const second = await linkedDatabase(test.admin, { dataType: "interval" });
  const other = await linkedDatabase(test.admin, { dataType: "interval" });
  const rows = `${test.dataDirectory}/rows/rows.db`;
  await execBeside(
    rows,
    `create trigger refuse before insert on contact_interval when new.offered = 13
      begin select raise(abort, 'this row is unlucky'); end`,
  );
  await first.agent.deliver(queryBatch(first.agent, hours(8, 9, 1, 13)));
  await log.line(/Cannot load imported rows, first .* of integration .*: this row is unlucky/);
  await second.agent.deliver(queryBatch(second.agent, hours(8, 9, 1, 13)));
  for (let sequence = 1; sequence <= 20; sequence++) {
    await other.agent.deliver(queryBatch(other.agent, hours(8, 9, sequence, sequence + 20)));
  }
  assertEquals((await loaded(test.admin, other.id)).items.length, 20);
  assertEquals((await test.admin.integration(other.id)).state, "online");
  const failing = await test.admin.integration(first.id);
  assertEquals([failing.state, failing.nextStep, failing.loading], ["failing", "see-hub-log", 1]);
  await execBeside(rows, "drop trigger refuse");
  for (const { id } of [first, second]) assertEquals((await loaded(test.admin, id)).rows, 1);
  await log.line(/Loading imported rows works again/);
  assertEquals(log.lines().filter((line) => /Cannot load/.test(line)).length, 1);
});

Deno.test("windows that end before they begin and unknown time zones are refused, and those that are stored are failed loads", async () => {
  const dataDirectory = await Deno.makeTempDir({ prefix: "hub-rows-" });
  try {
    const ids: string[] = [];
    {
      await using test = await startTestHub({ dataDirectory });
      for (let n = 0; n < 3; n++) {
        const { id, agent } = await linkedDatabase(test.admin, { dataType: "interval" });
        ids.push(id);
        await agent.deliver(queryBatch(agent, hours(8, 9, 1, 7)));
        await loaded(test.admin, id);
        const inverted = queryBatch(agent, { ...hours(8, 9, 2, 7), to: "2010-01-01T00:00:00Z" });
        const nowhere = queryBatch(agent, { ...hours(8, 9, 3, 7), timeZone: "Nowhere/None" });
        for (const batch of [inverted, nowhere]) {
          const answer = await agent.request("POST", "batches", { json: batch.declaration });
          assertEquals(answer.status, 400);
          assertMatch((await answer.json()).detail, /window does not end after|time zone "Nowhere.None" is not known/);
        }
        const fine = queryBatch(agent, hours(9, 10, 4, 7));
        assertEquals((await agent.whole([inverted, nowhere, fine])).map(({ state }) => state), [
          "refused",
          "refused",
          "received",
        ]);
        await loaded(test.admin, id);
      }
    }
    {
      // As an earlier version took them.
      using hub = new DatabaseSync(`${dataDirectory}/hub.db`);
      const change = hub.prepare(
        "update batch set origin = json_set(origin, ?, ?) where integrationId = ? and sequence = 1",
      );
      change.run("$.window.to", "2010-01-01T00:00:00Z", ids[0] ?? "");
      change.run("$.timeZone", "Nowhere/None", ids[1] ?? "");
    }
    await Deno.remove(`${dataDirectory}/rows`, { recursive: true });
    await using test = await startTestHub({ dataDirectory });
    const all = await Promise.all(ids.map((id) => loaded(test.admin, id)));
    assertEquals(all.map(({ rows }) => rows), [1, 1, 2]);
    const errors = all.map(({ items }) => items.find(({ sequence }) => sequence === 1)?.error);
    assertEquals(errors, [
      "The window does not end after its beginning.",
      'The time zone "Nowhere/None" is not known here.',
      null,
    ]);
  } finally {
    await Deno.remove(dataDirectory, { recursive: true });
  }
});

Deno.test("a row with a name longer than names are is refused, however long it is, and the others are loaded", async () => {
  await using test = await startTestHub();
  const { id, agent } = await linkedDatabase(test.admin, { dataType: "contact" });
  const contact = (queue: string, name: string) => [queue, name, "2026-07-01 10:00:00", "1", "5", "calls"];
  await agent.deliver(queryBatch(agent, {
    dataType: "contact",
    from: "2026-07-01T00:00:00Z",
    to: "2026-07-02T00:00:00Z",
    sequence: 1,
    rows: [
      contact("a".repeat(1000), "ü".repeat(1000)),
      contact("Q", "n".repeat(1001)),
      ...Array.from({ length: 20 }, () => contact("x".repeat(1_000_000), "Q")),
    ],
  }));
  const { rows, refused: [told] } = await loaded(test.admin, id);
  assertEquals([rows, told?.rows.refused], [1, 21]);
  assertEquals(told?.reasons.slice(0, 2), [
    `Row 2: queuename is "${"n".repeat(80)}…", not text of at most 1000 characters`,
    `Row 3: queueidentifier is "${"x".repeat(80)}…", not text of at most 1000 characters`,
  ]);
});

Deno.test("gaps, the history that is left and the days of the chart are told", async () => {
  await using test = await startTestHub();
  const { id, agent } = await linkedDatabase(test.admin, { dataType: "interval", history: "2026-06-30" });
  const day = new Date(Date.now()).toISOString().slice(0, 10);
  const today = { dataType: "interval", from: `${day}T00:00:00Z`, to: `${day}T23:45:00Z` } as const;
  await agent.deliver(
    queryBatch(agent, { ...today, timeZone: "UTC", sequence: 9, rows: [row(`${day} 12:00:00`, 42)] }),
  );
  await agent.deliver(queryBatch(agent, hours(8, 9, 1, 7)));
  await agent.deliver(queryBatch(agent, hours(9, 10, 2, 7)));
  const { imported, gaps, historyLeft, days } = await loaded(test.admin, id);
  assertEquals(imported[0], { from: "2026-07-01T08:00:00.000Z", to: "2026-07-01T10:00:00.000Z" });
  assertEquals(gaps, [{ from: "2026-07-01T10:00:00.000Z", to: `${day}T00:00:00.000Z` }]);
  assertEquals(historyLeft, { from: "2026-06-29T22:00:00.000Z", to: "2026-07-01T08:00:00.000Z" });
  assertEquals(days.length, 14);
  assertEquals(days.reduce((sum, { contacts }) => sum + contacts, 0), 42);
});

Deno.test("without its file of rows the hub makes it again from the batches", async () => {
  const dataDirectory = await Deno.makeTempDir({ prefix: "hub-rows-" });
  try {
    let id = "";
    {
      await using test = await startTestHub({ dataDirectory });
      const made = await linkedDatabase(test.admin, { dataType: "interval" });
      id = made.id;
      await made.agent.deliver(queryBatch(made.agent, hours(8, 10, 1, 7)));
      await loaded(test.admin, id);
    }
    await Deno.remove(`${dataDirectory}/rows`, { recursive: true });
    await using test = await startTestHub({ dataDirectory });
    assertEquals((await loaded(test.admin, id)).rows, 2);
  } finally {
    await Deno.remove(dataDirectory, { recursive: true });
  }
});

Deno.test("a batch that was damaged on the hub's disk is not loaded, says so, and holds up no other", async () => {
  using _log = await captureLog();
  const dataDirectory = await Deno.makeTempDir({ prefix: "hub-rows-" });
  try {
    const ids: string[] = [];
    {
      await using test = await startTestHub({ dataDirectory });
      for (let n = 0; n < 3; n++) {
        const { id, agent } = await linkedDatabase(test.admin, { dataType: "interval" });
        await agent.deliver(queryBatch(agent, hours(8, 10, 1, 7 + n)));
        await loaded(test.admin, id);
        ids.push(id);
      }
    }
    {
      using database = new DatabaseSync(`${dataDirectory}/hub.db`);
      const damage = database.prepare("update object set bytes = ? where key = ?");
      const [first, second, third] = database.prepare(
        `select object.key, object.bytes from object join batch on object.key like batch.folder || '%' order by batch.receivedAt`,
      ).all() as unknown as { key: string; bytes: Uint8Array }[];
      assert(first !== undefined && second !== undefined && third !== undefined);
      damage.run(new Uint8Array(100), first.key);
      // Decompresses, to other rows.
      damage.run(third.bytes, second.key);
    }
    await Deno.remove(`${dataDirectory}/rows`, { recursive: true });
    await using test = await startTestHub({ dataDirectory });
    const all = await Promise.all(ids.map((id) => loaded(test.admin, id)));
    assertEquals(all.map(({ rows }) => rows), [0, 0, 2]);
    for (const { items } of all.slice(0, 2)) assertMatch(items[0]?.error ?? "", /damaged on the hub's disk/);
  } finally {
    await Deno.remove(dataDirectory, { recursive: true });
  }
});

Deno.test("a stream of rows is as of its beginning, whatever is replaced meanwhile, and may be left", async () => {
  await using test = await startTestHub();
  const { id, agent } = await linkedDatabase(test.admin, { dataType: "interval" });
  const rowCount = 200_000;
  const window = { dataType: "interval", from: "2026-07-01T00:00:00Z", to: "2026-07-02T00:00:00Z" } as const;
  const many = (offered: number) => Array.from({ length: rowCount }, () => row("2026-07-01 12:00:00", offered));
  await agent.deliver(queryBatch(agent, { ...window, sequence: 1, rows: many(1) }));
  await loaded(test.admin, id);
  const response = await test.admin.request("GET", `/api/v1/integrations/${id}/rows`);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  assert(reader !== undefined);
  let text = (await reader.read()).value ?? "";
  await agent.deliver(queryBatch(agent, { ...window, sequence: 2, rows: many(2) }));
  await loaded(test.admin, id);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    text += value;
  }
  const lines = text.trimEnd().split("\r\n").slice(1);
  assertEquals([lines.length, new Set(lines).size], [rowCount, 1]);
  assertMatch(lines[0] ?? "", /,1,1,60,calls$/);
  // More than there may be at the same time: those that were left are closed.
  for (let left = 0; left < 20; left++) {
    const some = await test.admin.request("GET", `/api/v1/integrations/${id}/rows`);
    assertEquals(some.status, 200);
    await some.body?.cancel();
  }
});
