/** Batches whose content the hub's disk loses or damages before their rows are loaded (again). */
import { join } from "node:path";
import { assertEquals, assertMatch } from "../../assert.ts";
import { captureLog } from "../../fakes/captured_log.ts";
import { filesIn } from "../../files_in.ts";
import { noise } from "../../noise.ts";
import { execBeside } from "../exec_beside.ts";
import { startTestHub } from "../start_hub.ts";
import type { TestAgent } from "../test_agent.ts";
import { linkedDatabase, loaded, queryBatch, rowsOf } from "./query_batch.ts";

const sizes = { "in a database": 1, "in one part": 2000, "in a folder of its own": 10_000 };

function batchOf(agent: TestAgent, rowCount: number) {
  const rows = Array.from({ length: rowCount }, (_, n) => {
    const name = Buffer.from(noise(30)).toString("hex");
    return [`Q${n}`, name, "2026-07-01 12:00:00", "1", "1", "60", ""];
  });
  const window = { from: "2026-07-01T00:00:00Z", to: "2026-07-02T00:00:00Z" };
  return queryBatch(agent, { dataType: "interval", ...window, sequence: 1, rows });
}

/** Changes or removes the content of the only batch, and has it loaded again at the next occasion. */
async function harm(dataDirectory: string, how: string): Promise<void> {
  const [file] = await filesIn(join(dataDirectory, "objects"));
  if (file !== undefined && how === "gone") await Deno.remove(file);
  else if (file !== undefined) await Deno.writeFile(file, (await Deno.readFile(file)).fill(0, 1000));
  const hub = join(dataDirectory, "hub.db");
  await execBeside(hub, how === "gone" ? "delete from object" : "update object set bytes = zeroblob(length(bytes))");
  await execBeside(join(dataDirectory, "rows", "rows.db"), "delete from load");
  await execBeside(hub, "insert into pendingLoad select id, integrationId, 1 from batch");
}

async function missing(agent: TestAgent, id: string): Promise<readonly string[]> {
  return (await (await agent.request("POST", "batches/missing", { json: { ids: [id] } })).json()).missing;
}

for (const [where, rowCount] of Object.entries(sizes)) {
  for (const how of ["damaged", "gone"]) {
    Deno.test(`a batch ${where} whose content is ${how} is wanted from the agent again, and then loaded`, async () => {
      using log = await captureLog();
      await using test = await startTestHub();
      const { id, agent } = await linkedDatabase(test.admin, { dataType: "interval" });
      const other = await linkedDatabase(test.admin, { dataType: "interval" });
      const batch = batchOf(agent, rowCount);
      await agent.deliver(batch);
      await loaded(test.admin, id);
      const before = await agent.request("GET", "assignment");
      const etag = before.headers.get("etag") ?? "";
      assertEquals((await before.json()).received.count, 1);
      const poll = agent.request("GET", "assignment", { headers: { "if-none-match": etag, prefer: "wait=50" } });

      await harm(test.dataDirectory, how);
      await other.agent.deliver(batchOf(other.agent, 1));
      const failed = await loaded(test.admin, id);
      assertEquals([failed.items.length, failed.items[0]?.state], [1, "failed"]);
      assertMatch(failed.items[0]?.error ?? "", how === "gone" ? /it is not there/ : /damaged on the hub's disk/);
      assertEquals((await (await poll).json()).received.count, 0, "the agent is told at once");
      assertEquals(await missing(agent, batch.declaration.id), [batch.declaration.id]);
      assertEquals((await test.admin.imports(id)).map(({ state }) => state), ["failed"], "it is still shown");

      if (rowCount === 1) assertEquals((await agent.whole([batch])).map(({ state }) => state), ["wanted"]);
      await agent.deliver(batch);
      const again = await loaded(test.admin, id);
      assertEquals([again.rows, again.items.map(({ state }) => state)], [rowCount, ["current"]]);
      assertEquals((await rowsOf(test.admin, id)).length, rowCount);
      assertEquals((await test.admin.imports(id)).map(({ state }) => state), ["loaded"]);
      assertEquals(await missing(agent, batch.declaration.id), []);
      assertEquals((await (await agent.request("GET", "assignment")).json()).received.count, 1);
      await log.line(/^warning The content of .* is damaged in the store: it is requested again/);
    });
  }
}
