import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { removeSome } from "../../../src/hub/rows/removal.ts";
import { ensureTables, openRows } from "../../../src/hub/rows/tables.ts";
import { assert, assertEquals } from "../../assert.ts";
import { startTestHub } from "../start_hub.ts";
import { linkedDatabase, loaded, queryBatch, rowsOf } from "./query_batch.ts";

const tables = ["source", "contact_interval", "quarter", "segment", "imported", "total", "load"];

function counts(dataDirectory: string): Record<string, number> {
  using database = new DatabaseSync(join(dataDirectory, "rows", "rows.db"), { readOnly: true });
  return Object.fromEntries(
    tables.map((name) => [name, Number(database.prepare(`select count(*) as n from ${name}`).get()?.["n"])]),
  );
}

/** Resolves when nothing but `rows` rows is left, in all. */
async function left(dataDirectory: string, rows: number): Promise<Record<string, number>> {
  const startedMs = performance.now();
  for (;;) {
    const now = counts(dataDirectory);
    if (now["contact_interval"] === rows && now["source"] === Math.sign(rows)) return now;
    assert(performance.now() - startedMs < 120_000, JSON.stringify(now));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function batchOf(rowCount: number) {
  return {
    dataType: "interval",
    from: "2026-01-01T00:00:00Z",
    to: "2026-12-31T00:00:00Z",
    timeZone: "UTC",
    sequence: 1,
    rows: Array.from({ length: rowCount }, (_, n) => {
      const time = new Date(Date.UTC(2026, 0, 1) + Math.floor(n / 50) * 900_000).toISOString();
      return [`Q${n % 50}`, "Hotline", time.slice(0, 19).replace("T", " "), "1", "1", "60", "calls"];
    }),
  } as const;
}

Deno.test("a slice removes no more than it was told, and nothing of another integration", async () => {
  const folder = await Deno.makeTempDir({ prefix: "hub-removal-" });
  try {
    using database = openRows(join(folder, "rows.db"), { mode: "load" });
    ensureTables(database);
    database.exec("insert into source values (1, 'gone'), (2, 'kept')");
    const insert = database.prepare("insert into contact values (?, ?, 'Q', null, ?, 1, 1, 'calls')");
    for (let n = 0; n < 250; n++) for (const source of [1, 2]) insert.run(source, n, 1000 + n % 7);
    database.exec("insert into total values (1, 'contact', 250), (2, 'contact', 250)");
    const slices = [];
    for (;;) {
      const slice = removeSome(database, { integrationId: "gone", rowsMax: 100 });
      slices.push(slice.rows);
      if (slice.done) break;
    }
    assertEquals(slices, [100, 100, 51]);
    assertEquals({ ...database.prepare("select count(*) as n, min(source) as source from contact").get() }, {
      n: 250,
      source: 2,
    });
    assertEquals(database.prepare("select id from source").all().map(({ id }) => id), ["kept"]);
    assertEquals(removeSome(database, { integrationId: "gone", rowsMax: 100 }), { rows: 0, done: true });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the rows of a deleted integration go, and those of another one stay", async () => {
  const dataDirectory = await Deno.makeTempDir({ prefix: "hub-removal-" });
  try {
    await using test = await startTestHub({ dataDirectory });
    const gone = await linkedDatabase(test.admin, { dataType: "interval" });
    const kept = await linkedDatabase(test.admin, { dataType: "interval" });
    await gone.agent.deliver(queryBatch(gone.agent, batchOf(30_000)));
    await kept.agent.deliver(queryBatch(kept.agent, batchOf(100)));
    await loaded(test.admin, gone.id);
    await loaded(test.admin, kept.id);
    assertEquals(counts(dataDirectory)["contact_interval"], 30_100);
    assertEquals((await test.admin.request("DELETE", `/api/v1/integrations/${gone.id}`)).status, 204);
    assertEquals(await left(dataDirectory, 100), {
      source: 1,
      contact_interval: 100,
      quarter: 2,
      segment: 1,
      imported: 1,
      total: 1,
      load: 1,
    });
    assertEquals((await rowsOf(test.admin, kept.id)).length, 100);
  } finally {
    await Deno.remove(dataDirectory, { recursive: true });
  }
});

Deno.test("a hub that died while it removed rows goes on when it starts again", async () => {
  const dataDirectory = await Deno.makeTempDir({ prefix: "hub-removal-" });
  try {
    let id = "";
    {
      await using test = await startTestHub({ dataDirectory });
      const linked = await linkedDatabase(test.admin, { dataType: "interval" });
      id = linked.id;
      await linked.agent.deliver(queryBatch(linked.agent, batchOf(30_000)));
      await loaded(test.admin, id);
    }
    {
      using hub = new DatabaseSync(join(dataDirectory, "hub.db"));
      hub.prepare("update integration set deletedAt = 1 where id = ?").run(id);
      using rows = openRows(join(dataDirectory, "rows", "rows.db"), { mode: "load" });
      assertEquals(removeSome(rows, { integrationId: id, rowsMax: 1000 }), { rows: 1000, done: false });
    }
    assertEquals(counts(dataDirectory)["contact_interval"], 29_000);
    await using _again = await startTestHub({ dataDirectory });
    assertEquals(await left(dataDirectory, 0), Object.fromEntries(tables.map((name) => [name, 0])));
  } finally {
    await Deno.remove(dataDirectory, { recursive: true });
  }
});
