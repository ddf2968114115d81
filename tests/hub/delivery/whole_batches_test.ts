import { DatabaseSync } from "node:sqlite";
import { zstdCompressSync } from "node:zlib";
import { assert, assertEquals } from "../../assert.ts";
import {
  type WholeBatchAnswer,
  wholeBatchesMax,
  wholeContentBytesMax,
  wholePayloadBytesMax,
} from "../../../src/protocol/delivery.ts";
import { startTestHub, type TestHub } from "../start_hub.ts";
import { sha256, TestAgent, type TestBatch } from "../test_agent.ts";

async function setUp(test: TestHub): Promise<{ agent: TestAgent; integrationId: string }> {
  const { id } = await test.admin.createIntegration("whole");
  return { agent: await TestAgent.linked(test.admin, id), integrationId: id };
}

/** `received`, `wanted`, or the problem's code. */
function outcome(answer: WholeBatchAnswer): string {
  return answer.state === "refused" ? answer.problem.type.replace("/problems/", "") : answer.state;
}

function outcomes(answers: readonly WholeBatchAnswer[]): readonly string[] {
  return answers.map(outcome);
}

function objectCount(test: TestHub): unknown {
  using database = new DatabaseSync(`${test.dataDirectory}/hub.db`, { readOnly: true });
  return database.prepare("select count(*) as objects from object").get()?.["objects"];
}

/** The same batch, declared otherwise. */
function declared(batch: TestBatch, changed: Partial<TestBatch["declaration"]>): TestBatch {
  return { ...batch, declaration: { ...batch.declaration, ...changed } };
}

Deno.test("batches that are sent whole are imports, byte for byte, however often they are sent", async () => {
  await using test = await startTestHub();
  const { agent, integrationId } = await setUp(test);
  const contents = Array.from({ length: wholeBatchesMax }, (_, n) => `queue;calls\nnumber ${n};${n}\n`);
  const batches = contents.map((content, n) => agent.batch(`${n}.csv`, content));
  const receipts = await agent.whole(batches.slice(0, 40));
  assertEquals(receipts[0]?.state === "received" ? receipts[0].receipt.batch : "", batches[0]?.declaration.id);

  // Known and new ones together, and one of them twice.
  const again = await agent.whole([...batches.slice(1), ...batches.slice(-1)]);
  assertEquals(new Set(outcomes(again)), new Set(["received"]));
  assertEquals(again[0], receipts[1], "the receipt stays the same");
  const first = batches[0];
  assert(first !== undefined);
  const known = await agent.declare(first);
  assertEquals(known.state === "received" && known.receipt, receipts[0]?.state === "received" && receipts[0].receipt);

  const imports = await test.admin.imports(integrationId);
  assertEquals(imports.length, contents.length);
  assertEquals((await test.admin.integration(integrationId)).importCount, contents.length);
  for (const received of imports) {
    const content = contents[Number(received.fileName.replace(".csv", ""))];
    assertEquals(new TextDecoder().decode(await test.admin.content(received.id)), content);
    assertEquals([received.rows, received.state], [2, "received"]);
  }
});

Deno.test("a whole batch that is not what was declared is refused, and only that one", async () => {
  await using test = await startTestHub();
  const { agent, integrationId } = await setUp(test);
  const other = await test.admin.createIntegration("other");
  const foreign = await TestAgent.linked(test.admin, other.id);
  const good = agent.batch("good.csv", "a;b\n1;2\n");
  const bad = (name: string) => agent.batch(name, `${name}\n`);
  const bomb = new Uint8Array(zstdCompressSync(new Uint8Array(50_000_000)));
  const cases: Record<string, [TestBatch, string]> = {
    "the payload's hash": [declared(bad("a"), { payloadSha256: sha256(bomb) }), "checksum-mismatch"],
    "the payload's size": [declared(bad("b"), { payloadBytes: 5 }), "checksum-mismatch"],
    "the content's hash": [declared(bad("c"), { sha256: sha256(bomb) }), "checksum-mismatch"],
    "the content's size": [declared(bad("d"), { bytes: 1 }), "checksum-mismatch"],
    "a bomb": [
      { ...declared(bad("e"), { payloadSha256: sha256(bomb), payloadBytes: bomb.length }), payload: bomb },
      "checksum-mismatch",
    ],
    "no payload": [{ ...bad("f"), payload: new Uint8Array() }, "checksum-mismatch"],
    "another installation's": [foreign.batch("g.csv", "g\n"), "not-found"],
    "a large payload": [declared(bad("h"), { payloadBytes: wholePayloadBytesMax + 1 }), "wanted"],
    "a large content": [declared(bad("i"), { bytes: wholeContentBytesMax + 1 }), "wanted"],
  };
  for (const [name, [batch, expected]] of Object.entries(cases)) {
    assertEquals([name, ...outcomes(await agent.whole([batch]))], [name, expected]);
    assertEquals([name, objectCount(test), await test.admin.imports(integrationId)], [name, 0, []]);
  }
  const all = Object.values(cases);
  const answers = await agent.whole([...all.map(([batch]) => batch), good]);
  assertEquals(outcomes(answers), [...all.map(([, expected]) => expected), "received"]);
  assertEquals((await test.admin.imports(integrationId)).map(({ fileName }) => fileName), ["good.csv"]);
  assertEquals(await test.admin.imports(other.id), []);
});

Deno.test("a batch that has begun to come in parts goes on so, and is one import", async () => {
  await using test = await startTestHub();
  const { agent, integrationId } = await setUp(test);
  const batch = agent.batch("a.csv", "a\n1\n");
  assertEquals((await agent.declare(batch)).state, "wanted");
  assertEquals(outcomes(await agent.whole([batch, agent.batch("b.csv", "b\n")])), ["wanted", "received"]);
  const receipt = await agent.deliver(batch);
  assertEquals(await agent.whole([batch]), [{ state: "received", receipt }]);
  assertEquals((await test.admin.imports(integrationId)).length, 2);
});

Deno.test("whole batches are taken of a linked installation only, and no more than the limit", async () => {
  await using test = await startTestHub();
  const { agent, integrationId } = await setUp(test);
  const assignment = await (await agent.request("GET", "assignment")).json();
  assertEquals(assignment.wholePayloadBytes, wholePayloadBytesMax);
  const batch = agent.batch("a.csv", "a\n1\n");

  const tooMany = await agent.requestWhole(Array.from({ length: wholeBatchesMax + 1 }, () => batch));
  assertEquals([tooMany.status, (await tooMany.json()).type], [400, "/problems/invalid-request"]);
  const long = await agent.requestWhole([{ ...batch, payload: new Uint8Array(wholePayloadBytesMax + 10) }]);
  assertEquals([long.status, (await long.json()).type], [400, "/problems/invalid-request"]);
  const huge = await agent.request("POST", "batches/whole", { json: { batches: "x".repeat(9_000_000) } });
  assertEquals([huge.status, (await huge.json()).type], [413, "/problems/too-large"]);
  const nobody = await fetch(`${test.url}/api/v1/agent/batches/whole`, { method: "POST", body: "{}" });
  assertEquals([nobody.status, (await nobody.json()).type], [401, "/problems/not-authenticated"]);

  assertEquals((await test.admin.request("DELETE", `/api/v1/integrations/${integrationId}`)).status, 204);
  const unlinked = await agent.requestWhole([batch]);
  const problem = await unlinked.json();
  assertEquals([unlinked.status, problem.type, problem.reason], [403, "/problems/unlinked", "integration-deleted"]);
  assertEquals(objectCount(test), 0);
});
