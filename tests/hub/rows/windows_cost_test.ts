/** Pages of windows are asked for again and again while a backlog comes: what one costs does not grow with its length. */
import { join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { openDatabase } from "../../../src/hub/database/open.ts";
import { StoredRows } from "../../../src/hub/rows/stored_rows.ts";
import { assert, assertEquals } from "../../assert.ts";
import { startTestHub } from "../start_hub.ts";
import { ShiftedClock } from "../test_clock.ts";
import { linkedDatabase, loaded, queryBatch } from "./query_batch.ts";

class CountingDatabase extends DatabaseSync {
  prepared = 0;

  override prepare(sql: string): StatementSync {
    this.prepared++;
    return super.prepare(sql);
  }
}

Deno.test("a page of windows is one statement, and its summary is made anew only when something was loaded or a day is over", async () => {
  await using test = await startTestHub();
  const { id, agent } = await linkedDatabase(test.admin, { dataType: "contact" });
  const deliver = async (hour: number) => {
    const at = (hour: number) => new Date(Date.UTC(2026, 6, 1, hour)).toISOString();
    const window = { dataType: "contact", from: at(hour), to: at(hour + 1) } as const;
    await agent.deliver(queryBatch(agent, { ...window, sequence: hour, rows: [] }));
    await loaded(test.admin, id);
  };
  for (let hour = 1; hour <= 5; hour++) await deliver(hour);
  await using hub = await openDatabase(test.dataDirectory);
  const file = join(test.dataDirectory, "rows", "rows.db");
  using database = new CountingDatabase(file, { readOnly: true });
  const clock = new ShiftedClock();
  const rows = new StoredRows({ database: hub.database, rows: database, file, clock });
  const account = await test.hub.accounts.ensureAccount();
  const actor = { kind: "token", id: "t", name: "t", role: "viewer", account, address: "x" } as const;
  const cost = async (limit: number) => {
    database.prepared = 0;
    assertEquals((await rows.windows(actor, { integrationId: id, limit })).items.length, limit);
    return database.prepared;
  };
  assertEquals(await cost(5), await cost(1));

  const summary = await rows.summary(actor, id);
  assert(await rows.summary(actor, id) === summary);
  await deliver(6);
  const newer = await rows.summary(actor, id);
  assertEquals([summary.imported[0]?.to, newer.imported[0]?.to], [
    "2026-07-01T06:00:00.000Z",
    "2026-07-01T07:00:00.000Z",
  ]);
  assert(await rows.summary(actor, id) === newer);
  clock.advance(24 * 3_600_000);
  const { days } = await rows.summary(actor, id);
  assertEquals(days.slice(0, -1), newer.days.slice(1));
});
