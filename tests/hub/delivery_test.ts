import { assert, assertEquals } from "../assert.ts";
import { startTestHub } from "./start_hub.ts";
import { TestAgent } from "./test_agent.ts";

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
