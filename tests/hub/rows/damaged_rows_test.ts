/** A file of rows that the hub's disk damages: all in it is loaded again from the batches. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { exists } from "../../../src/runtime/exists.ts";
import { assertEquals } from "../../assert.ts";
import { captureLog } from "../../fakes/captured_log.ts";
import { execBeside } from "../exec_beside.ts";
import { startTestHub } from "../start_hub.ts";
import type { TestAgent } from "../test_agent.ts";
import { linkedDatabase, loaded, queryBatch, rowsOf } from "./query_batch.ts";

const rowCount = 200;

function batchOf(agent: TestAgent) {
  const rows = Array.from({ length: rowCount }, (_, n) => [`Q${n}`, "", "2026-07-01 12:00:00", "1", "1", "60", ""]);
  const window = { from: "2026-07-01T00:00:00Z", to: "2026-07-02T00:00:00Z" };
  return queryBatch(agent, { dataType: "interval", ...window, sequence: 1, rows });
}

/** A stopped hub that has loaded one batch. */
async function stoppedHub() {
  const dataDirectory = await Deno.makeTempDir({ prefix: "hub-damaged-" });
  await using test = await startTestHub({ dataDirectory });
  const { id, agent } = await linkedDatabase(test.admin, { dataType: "interval" });
  await agent.deliver(batchOf(agent));
  await loaded(test.admin, id);
  return {
    id,
    dataDirectory,
    file: join(dataDirectory, "rows", "rows.db"),
    [Symbol.asyncDispose]: () => Deno.remove(dataDirectory, { recursive: true }),
  };
}

/** Overwrites a part of the file: its header, or the first page of a table. */
async function damage(file: string, part: string): Promise<void> {
  using handle = await Deno.open(file, { write: true });
  if (part === "header") {
    await handle.write(new Uint8Array(100).fill(7));
    return;
  }
  const { page, bytes } = firstPage(file, part);
  await handle.seek((page - 1) * bytes, Deno.SeekMode.Start);
  await handle.write(new Uint8Array(bytes).fill(7));
}

function firstPage(file: string, table: string): { page: number; bytes: number } {
  using database = new DatabaseSync(file, { readOnly: true });
  const page = database.prepare("select rootpage from sqlite_schema where name = ?").get(table);
  return {
    page: Number(page?.["rootpage"]),
    bytes: Number(database.prepare("pragma page_size").get()?.["page_size"]),
  };
}

const remade = /^warning .*rows\.db is damaged: it is made anew/;

for (const part of ["header", "meta"]) {
  Deno.test(`a hub whose rows have a damaged ${part} starts, and loads them again`, async () => {
    using log = await captureLog();
    await using stopped = await stoppedHub();
    await damage(stopped.file, part);
    await using test = await startTestHub({ dataDirectory: stopped.dataDirectory });
    await log.line(remade);
    assertEquals((await loaded(test.admin, stopped.id)).rows, rowCount);
    assertEquals((await rowsOf(test.admin, stopped.id)).length, rowCount);
  });
}

for (const part of ["contact_interval", "load"]) {
  Deno.test(`damage of ${part} that loading finds is named, and the next start loads everything again`, async () => {
    using log = await captureLog();
    await using stopped = await stoppedHub();
    const { id, dataDirectory } = stopped;
    await execBeside(stopped.file, "delete from load");
    await execBeside(join(dataDirectory, "hub.db"), "insert into pendingLoad select id, integrationId, 1 from batch");
    await damage(stopped.file, part);
    {
      await using _test = await startTestHub({ dataDirectory });
      await log.line(/^error Cannot load .*rows\.db" is damaged \(.*malformed\): check the disk and restart the hub/);
      assertEquals(log.lines().some((line) => remade.test(line)), false);
    }
    await using test = await startTestHub({ dataDirectory });
    await log.line(remade);
    assertEquals((await loaded(test.admin, id)).rows, rowCount);
    assertEquals(await exists(`${stopped.file}-damaged`), false);
  });
}

Deno.test("damage that only reading finds is named, and the next start loads everything again", async () => {
  using log = await captureLog();
  await using stopped = await stoppedHub();
  const { id, dataDirectory } = stopped;
  await damage(stopped.file, "imported");
  {
    await using test = await startTestHub({ dataDirectory });
    const response = await test.admin.request("GET", `/api/v1/integrations/${id}/windows`);
    assertEquals(response.status, 500);
    await response.body?.cancel();
    await log.line(/^error Cannot answer .*rows\.db" is damaged \(.*malformed\): check the disk and restart the hub/);
  }
  await using test = await startTestHub({ dataDirectory });
  assertEquals((await loaded(test.admin, id)).rows, rowCount);
});
