/** Whoever reads rows slowly, or not at all, keeps nobody else from reading them. */
import { join } from "node:path";
import { rowStream } from "../../../src/hub/rows/row_stream.ts";
import { ensureTables, openRows } from "../../../src/hub/rows/tables.ts";
import { assert, assertEquals, assertRejects } from "../../assert.ts";
import { eventually } from "../../eventually.ts";
import { FakeClock } from "../../fakes/fake_clock.ts";
import type { HubClient } from "../hub_client.ts";
import { startTestHub } from "../start_hub.ts";
import { linkedDatabase } from "./query_batch.ts";

const minuteMs = 60_000;

/** Contacts at the times 0, 1, 2 …, with names that make them more than any buffer on the way takes. */
function fill(file: string, { id, rows }: { id: string; rows: number }): void {
  using database = openRows(file, { mode: "load" });
  ensureTables(database);
  database.exec("begin");
  database.prepare("insert into source values (1, ?)").run(id);
  const insert = database.prepare("insert into contact values (1, ?, ?, null, ?, 1, 1, 'calls')");
  for (let n = 0; n < rows; n++) insert.run(n, "q".repeat(100), n);
  database.exec("commit");
}

/** A file with 5000 rows, a stream of them, and how often it has ended. */
async function withStream(
  act: (opened: { stream: ReadableStream<Uint8Array>; clock: FakeClock; ends: () => number }) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "hub-stream-" });
  try {
    const file = join(folder, "rows.db");
    fill(file, { id: "i1", rows: 5000 });
    const clock = new FakeClock();
    let ended = 0;
    const range = { fromMs: 0, toMs: 5000 };
    const onEnd = () => ended++;
    const stream = rowStream(file, { integrationId: "i1", dataType: "contact", range, format: "csv", clock, onEnd });
    await act({ stream, clock, ends: () => ended });
    // Nothing waits for it any more.
    assertEquals(clock.nextDueMs, undefined);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a stream of which nothing is taken ends after five minutes, however long it may have been read before", () =>
  withStream(async ({ stream, clock, ends }) => {
    const reader = stream.getReader();
    await reader.read();
    for (let n = 0; n < 3; n++) {
      await clock.advance(4 * minuteMs);
      assertEquals((await reader.read()).done, false);
    }
    assertEquals(ends(), 0);
    await clock.advance(5 * minuteMs);
    assertEquals(ends(), 1);
    await assertRejects(() => reader.read(), /the rows were read too slowly/);
  }));

Deno.test("a stream that is read all the time ends after half an hour at the latest", () =>
  withStream(async ({ stream, clock, ends }) => {
    const reader = stream.getReader();
    for (let minutes = 0; minutes < 29; minutes += 4) {
      assertEquals((await reader.read()).done, false);
      await clock.advance(4 * minuteMs);
    }
    assertEquals(ends(), 1);
    await assertRejects(() => reader.read(), /the rows were read too slowly/);
  }));

Deno.test("a stream that was read to its end, or left, ends once", async () => {
  await withStream(async ({ stream, clock, ends }) => {
    const text = await new Response(stream).text();
    assertEquals(text.trimEnd().split("\r\n").length, 5001);
    await clock.advance(60 * minuteMs);
    assertEquals(ends(), 1);
  });
  await withStream(async ({ stream, clock, ends }) => {
    await stream.cancel();
    await clock.advance(60 * minuteMs);
    assertEquals(ends(), 1);
  });
});

Deno.test("one reader has four streams at most, and leaves the others to others", async () => {
  await using test = await startTestHub();
  const { id } = await linkedDatabase(test.admin, { dataType: "contact" });
  fill(join(test.dataDirectory, "rows", "rows.db"), { id, rows: 120_000 });
  const open: Response[] = [];
  const ask = async (client: HubClient) => {
    const response = await client.request("GET", `/api/v1/integrations/${id}/rows`);
    if (response.ok) open.push(response);
    else await response.body?.cancel();
    return response.status;
  };
  // None of them is read.
  for (let n = 0; n < 4; n++) assertEquals(await ask(test.admin), 200);
  assertEquals(await ask(test.admin), 429);
  const viewer = await test.client("viewer");
  assertEquals(await ask(viewer), 200);
  // Of two readers, one with its four streams: a place becomes free when one is left.
  const left = open.shift();
  assert(left !== undefined);
  await left.body?.cancel();
  await eventually(async () => await ask(test.admin) === 200, { what: "the place of the stream that was left" });
  assertEquals(await ask(test.admin), 429);
  for (const response of open) await response.body?.cancel();
});
