import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { assert, assertEquals } from "../../assert.ts";
import { noise } from "../../noise.ts";
import { copyBatch } from "../copy_batch.ts";
import { startTestHub } from "../start_hub.ts";
import { ShiftedClock } from "../test_clock.ts";
import { TestAgent } from "../test_agent.ts";
import type { PartRun } from "../../../src/protocol/delivery.ts";

async function problemOf(response: Response): Promise<string> {
  return String((await response.json()).type).replace("/problems/", "");
}

Deno.test("a linked installation delivers a CSV file, and the hub hands it out byte for byte", async () => {
  await using test = await startTestHub();
  const integration = await test.admin.createIntegration("ACD Köln");
  const agent = await TestAgent.linked(test.admin, integration.id);
  const content = "queue;date;calls\nSüd;2026-03-01;17\n";
  await agent.deliver(agent.batch("März.csv", content));

  const [received, ...others] = await test.admin.imports(integration.id);
  assertEquals(others.length, 0);
  assert(received !== undefined);
  assertEquals([received.fileName, received.rows, received.state], ["März.csv", 2, "received"]);
  assertEquals(new TextDecoder().decode(await test.admin.content(received.id)), content);
  assertEquals((await test.admin.integration(integration.id)).state, "online");
});

Deno.test("a batch is completed by the lengths of its parts, in whatever order they came", async () => {
  await using test = await startTestHub();
  const integration = await test.admin.createIntegration("ACD");
  const agent = await TestAgent.linked(test.admin, integration.id);
  const content = noise(1_200_000);
  const batch = agent.batch("a.csv", content, { partBytes: 100_000 });
  const completeBy = (runs: readonly PartRun[]) =>
    agent.request("POST", `batches/${batch.declaration.id}/complete`, { json: { runs } });
  const declared = await agent.declare(batch);
  assert(declared.state === "wanted" && declared.takesRuns === true);

  const { payloadBytes } = batch.declaration;
  const full = Math.floor(payloadBytes / 100_000);
  const runs = [{ bytes: 100_000, count: full }, { bytes: payloadBytes - full * 100_000, count: 1 }];
  const [last, ...others] = batch.parts.toReversed();
  assert(last !== undefined);
  await agent.send(batch, others);
  assertEquals(await problemOf(await completeBy(runs)), "part-missing");
  await agent.send(batch, [last]);
  assertEquals(await problemOf(await completeBy(runs.slice(0, 1))), "invalid-request");
  assertEquals(await problemOf(await completeBy([{ bytes: 1, count: 300_000 }, ...runs])), "invalid-request");
  assertEquals(await problemOf(await completeBy([{ bytes: 200_000, count: 1 }, ...runs])), "part-missing");
  const completed = await completeBy(runs);
  assertEquals([completed.status, (await completed.json()).batch], [200, batch.declaration.id]);

  const [received] = await test.admin.imports(integration.id);
  assertEquals(await test.admin.content(received?.id ?? ""), content);
});

Deno.test("a batch of one part may be completed by its length too", async () => {
  await using test = await startTestHub();
  const integration = await test.admin.createIntegration("ACD");
  const agent = await TestAgent.linked(test.admin, integration.id);
  const batch = agent.batch("a.csv", "a\n1\n");
  await agent.declare(batch);
  await agent.send(batch, batch.parts);
  const runs = [{ bytes: batch.declaration.payloadBytes, count: 1 }];
  const completed = await agent.request("POST", `batches/${batch.declaration.id}/complete`, { json: { runs } });
  assertEquals([completed.status, (await completed.json()).batch], [200, batch.declaration.id]);
});

Deno.test("what an earlier link declared and did not complete is taken over by the next", async () => {
  await using test = await startTestHub();
  const { id } = await test.admin.createIntegration("ACD");
  const content = noise(900_000);
  const before = await TestAgent.linked(test.admin, id);
  await before.declare(before.batch("a.csv", content, { partBytes: 300_000 }));
  const agent = await TestAgent.linked(test.admin, id);
  await agent.deliver(agent.batch("a.csv", content, { partBytes: 300_000 }));
  assertEquals((await test.admin.imports(id)).length, 1);
});

Deno.test("what is declared and received again while the hub forgets old declarations keeps its content", async () => {
  const clock = new ShiftedClock();
  await using test = await startTestHub({ clock });
  const { id } = await test.admin.createIntegration("ACD");
  const agent = await TestAgent.linked(test.admin, id);
  const content = noise(120_000);
  const batches = Array.from({ length: 200 }, (_, n) => {
    content[0] = n;
    return agent.batch(`${n}.csv`, content.slice());
  });
  for (const batch of batches) await agent.declare(batch);
  const days = 8;
  clock.advance(days * 86_400_000);
  agent.clockShiftSeconds = days * 86_400;
  await agent.fetchToken();

  // The last to be forgotten are the first to be sent.
  const sent = batches.toReversed().slice(0, 60);
  let sweeping = true;
  const sweep = test.hub.sweep().finally(() => sweeping = false);
  let begun = 0;
  let receivedDuringSweep = 0;
  const deliver = async () => {
    for (let batch = sent[begun++]; batch !== undefined; batch = sent[begun++]) {
      await agent.deliver(batch);
      if (sweeping) receivedDuringSweep++;
    }
  };
  await Promise.all([sweep, ...Array.from({ length: 10 }, deliver)]);
  assert(receivedDuringSweep > 0, "the hub was done before anything came");
  const imports = await test.admin.imports(id);
  assertEquals(imports.length, sent.length);
  for (const received of imports) assertEquals((await test.admin.content(received.id)).length, content.length);
});

Deno.test("a sweep forgets all old declarations, however many there are", async () => {
  const clock = new ShiftedClock();
  await using test = await startTestHub({ clock });
  const { id } = await test.admin.createIntegration("ACD");
  const agent = await TestAgent.linked(test.admin, id);
  await agent.declare(agent.batch("never-sent.csv", noise(120_000)));
  const file = join(test.dataDirectory, "hub.db");
  using database = new DatabaseSync(file, { readOnly: true });
  const batches = () => database.prepare("select id from batch").all().map(({ id }) => String(id));
  const [declared = ""] = batches();
  await copyBatch(file, { id: declared, count: 1500 });
  assertEquals(batches().length, 1501);
  clock.advance(8 * 86_400_000);
  await test.hub.sweep();
  assertEquals(batches(), []);
});
