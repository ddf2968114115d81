/** Content that was received and is gone from the hub's disk. */
import { join } from "node:path";
import { assert, assertEquals } from "../../assert.ts";
import { filesIn } from "../../files_in.ts";
import { noise } from "../../noise.ts";
import { captureLog } from "../../fakes/captured_log.ts";
import { execBeside } from "../exec_beside.ts";
import { startTestHub, type TestHub } from "../start_hub.ts";
import { TestAgent, type TestBatch } from "../test_agent.ts";

/** The only import of the integration is this content, and the only one that it counts. */
async function assertOnly(test: TestHub, { integration, content }: { integration: string; content: Uint8Array }) {
  const [received, ...others] = await test.admin.imports(integration);
  assertEquals(others.length, 0);
  assertEquals(Buffer.compare(await test.admin.content(received?.id ?? ""), content), 0);
  assertEquals((await test.admin.integration(integration)).importCount, 1);
}

for (const [what, bytes] of Object.entries({ "in one part": 100_000, "in several parts": 900_000 })) {
  Deno.test(`a batch ${what} whose content is gone is wanted again when it is declared again`, async () => {
    await using test = await startTestHub();
    using log = await captureLog();
    const { id: integration } = await test.admin.createIntegration("ACD");
    const agent = await TestAgent.linked(test.admin, integration);
    const content = noise(bytes);
    const batch = agent.batch("a.csv", content, { partBytes: 300_000 });
    await agent.deliver(batch);
    assertEquals((await agent.declare(batch)).state, "received");

    const objects = await filesIn(join(test.dataDirectory, "objects"));
    assertEquals(objects.length, batch.parts.length);
    await Deno.remove(objects[0] ?? "");
    const declared = await agent.declare(batch);
    assert(declared.state === "wanted");
    if (batch.parts.length > 1) {
      assertEquals(declared.parts.length, batch.parts.length - 1, "only what is missing is sent");
    }
    await log.line(/^warning The content of a.csv, integration .* is gone from the store: it is requested again/);
    assertEquals((await test.admin.imports(integration)).length, 0);
    await agent.deliver(batch);
    await assertOnly(test, { integration, content });
    assertEquals((await agent.declare(batch)).state, "received");
  });
}

Deno.test("a batch that was sent whole and whose content is gone is wanted again when it is sent again", async () => {
  await using test = await startTestHub();
  using _log = await captureLog();
  const { id: integration } = await test.admin.createIntegration("ACD");
  const agent = await TestAgent.linked(test.admin, integration);
  const content = new TextEncoder().encode("queue;calls\nSouth;17\n");
  const batch: TestBatch = agent.batch("a.csv", content);
  const states = async () => (await agent.whole([batch])).map(({ state }) => state);
  assertEquals(await states(), ["received"]);
  assertEquals(await states(), ["received"]);
  await execBeside(join(test.dataDirectory, "hub.db"), "delete from object");
  assertEquals(await states(), ["wanted"]);
  await agent.deliver(batch);
  await assertOnly(test, { integration, content });
  assertEquals(await states(), ["received"]);
});
