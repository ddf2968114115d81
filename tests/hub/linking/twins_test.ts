import { assertEquals } from "../../assert.ts";
import { startTestHub } from "../start_hub.ts";
import { TestAgent } from "../test_agent.ts";
import { ShiftedClock } from "../test_clock.ts";

Deno.test("hub tells two computers with one identity, and when only one is left; a restart is no second computer", async () => {
  const clock = new ShiftedClock();
  await using test = await startTestHub({ clock });
  const integration = await test.admin.createIntegration("Files");
  const agent = await TestAgent.linked(test.admin, integration.id);
  const report = async (run: string) => {
    const json = { version: "0.1.0", waiting: { batches: 0, bytes: 0 }, problem: null, run };
    await (await agent.request("PUT", "status", { json })).body?.cancel();
  };
  const isTold = async () => (await (await agent.request("GET", "assignment")).json()).twin ?? false;
  await report("first");
  clock.advance(60_000);
  await report("second");
  clock.advance(60_000);
  await report("second");
  assertEquals(await isTold(), false, "a restart");

  await report("copy");
  clock.advance(30_000);
  // The poll of either is answered at once.
  const etag = (await agent.request("GET", "assignment")).headers.get("etag") ?? "";
  const waiting = agent.request("GET", "assignment", { headers: { "if-none-match": etag, prefer: "wait=55" } });
  await report("second");
  assertEquals((await (await waiting).json()).twin, true);

  clock.advance(4 * 60_000);
  await report("second");
  assertEquals(await isTold(), false);
});
