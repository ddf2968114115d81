import { assert, assertEquals, assertPrompt } from "../../assert.ts";
import type { Actor } from "../../../src/hub/services.ts";
import type { HubClient } from "../hub_client.ts";
import { startTestHub } from "../start_hub.ts";
import { ShiftedClock } from "../test_clock.ts";
import { TestAgent } from "../test_agent.ts";

async function typePin(admin: HubClient, integrationId: string, pin: string): Promise<Response> {
  return await admin.request("POST", `/api/v1/integrations/${integrationId}/link`, { json: { pin } });
}

function otherThan(pin: string): string {
  return pin === "000000" ? "000001" : "000000";
}

Deno.test("linking again moves the integration, and tells the old installation why", async () => {
  await using test = await startTestHub();
  const { id } = await test.admin.createIntegration("ACD");
  const old = await TestAgent.linked(test.admin, id);
  const moved = await TestAgent.linked(test.admin, id);
  const response = await old.request("GET", "assignment");
  const problem = await response.json();
  assertEquals([response.status, problem.type, problem.reason], [403, "/problems/unlinked", "moved"]);
  assertEquals(await old.fetchToken(), "unauthorized_client");
  assertEquals((await test.admin.integration(id)).installation?.id, moved.clientId);
});

Deno.test("an assignment tells an installation whether another one was linked in between", async () => {
  await using test = await startTestHub();
  const { id } = await test.admin.createIntegration("ACD");
  const agent = await TestAgent.linked(test.admin, id);
  const epoch = async () => (await assignment(agent)).body.epoch;
  const first = await epoch();
  await agent.linkTo(test.admin, id);
  assertEquals(await epoch(), first);
  await TestAgent.linked(test.admin, id);
  await agent.linkTo(test.admin, id);
  assert(await epoch() > first);
});

Deno.test("an installation that is linked to another integration leaves the first one", async () => {
  await using test = await startTestHub();
  const first = await test.admin.createIntegration("first");
  const second = await test.admin.createIntegration("second");
  const agent = await TestAgent.linked(test.admin, first.id);
  const { pin, deviceCode } = await agent.showPin();
  await test.admin.connect(second.id, pin);
  const problem = await (await agent.request("GET", "assignment")).json();
  assertEquals(problem.reason, "linked-elsewhere");
  assertEquals(await agent.fetchToken(deviceCode), undefined);
  assertEquals(agent.link?.integration.name, "second");
  const left = await test.admin.integration(first.id);
  assertEquals([left.state, left.unlinkReason, left.nextStep], ["unlinked", "linked-elsewhere", "connect"]);
  assertEquals((await typePin(test.admin, first.id, pin)).status, 404, "a PIN works once");
});

Deno.test("deleting an integration wakes its agent with the reason, and the agent may give a link up itself", async () => {
  await using test = await startTestHub();
  const { id } = await test.admin.createIntegration("ACD");
  const agent = await TestAgent.linked(test.admin, id);
  const { etag } = await assignment(agent);
  const waiting = agent.request("GET", "assignment", { headers: { "if-none-match": etag, prefer: "wait=30" } });
  const startedMs = performance.now();
  await test.admin.remove(id);
  assertEquals((await (await waiting).json()).reason, "integration-deleted");
  assertPrompt(performance.now() - startedMs);

  const other = await test.admin.createIntegration("other");
  const second = await TestAgent.linked(test.admin, other.id);
  assertEquals((await second.request("DELETE", "link")).status, 204);
  assertEquals((await (await second.request("GET", "assignment")).json()).reason, "given-up");
});

Deno.test("the assignment is a long poll: 304 while nothing changes, at once when something does", async () => {
  await using test = await startTestHub();
  const { id } = await test.admin.createIntegration("ACD");
  const agent = await TestAgent.linked(test.admin, id);
  const { etag, body } = await assignment(agent);
  assertEquals([body.paused, body.source, body.requests], [false, { type: "csv" }, []]);
  const same = await agent.request("GET", "assignment", { headers: { "if-none-match": etag, prefer: "wait=1" } });
  assertEquals(same.status, 304);
  await same.body?.cancel();

  const waiting = agent.request("GET", "assignment", { headers: { "if-none-match": etag, prefer: "wait=30" } });
  await test.admin.change(id, { paused: true });
  const changed = await waiting;
  assertEquals([changed.status, (await changed.json()).paused], [200, true]);

  // A delivery ends no poll early, but a poll that ends tells the count.
  const paused = await assignment(agent);
  const batch = agent.batch("a.csv", "a\n1\n");
  await agent.deliver({ ...batch, declaration: { ...batch.declaration, sequence: 17 } });
  const after = await agent.request("GET", "assignment", {
    headers: { "if-none-match": paused.etag, prefer: "wait=1" },
  });
  assertEquals([after.status, (await after.json()).received], [200, { count: 1, sequence: 17 }]);
});

Deno.test("a hub that was restored from a backup answers the poll at once", async () => {
  await using test = await startTestHub();
  const { id } = await test.admin.createIntegration("ACD");
  const agent = await TestAgent.linked(test.admin, id);
  const { etag } = await assignment(agent);
  const ahead = etag.replace(/\.\d+"$/, '.17"');
  const response = await agent.request("GET", "assignment", { headers: { "if-none-match": ahead, prefer: "wait=30" } });
  assertEquals([response.status, (await response.json()).received.count], [200, 0]);
});

Deno.test("a request reaches the agent with its assignment, and its answer whoever asked", async () => {
  await using test = await startTestHub();
  const { id } = await test.admin.createIntegration("ACD");
  const path = `/api/v1/integrations/${id}/requests`;
  const early = await test.admin.request("POST", path, { json: { type: "import-now" } });
  assertEquals([early.status, (await early.json()).type], [409, "/problems/conflict"]);
  const agent = await TestAgent.linked(test.admin, id);
  const { etag } = await assignment(agent);
  const waiting = agent.request("GET", "assignment", { headers: { "if-none-match": etag, prefer: "wait=30" } });
  const created = await test.admin.request("POST", path, { json: { type: "import-now" } });
  const asked = await created.json();
  assertEquals([created.status, asked.answer], [202, null]);
  const { requests } = await (await waiting).json();
  assertEquals(requests, [{ id: asked.id, type: "import-now" }]);

  const answer = { ok: true, message: "2 new files" };
  assertEquals((await agent.request("PUT", `requests/${asked.id}`, { json: answer })).status, 204);
  const answered = await test.admin.request("GET", created.headers.get("location") ?? "");
  assertEquals((await answered.json()).answer, answer);
  assertEquals((await assignment(agent)).body.requests, []);
  const foreign = await agent.request("PUT", "requests/nothing", { json: answer });
  assertEquals(foreign.status, 404);
  await foreign.body?.cancel();
});

Deno.test("an integration's state tells what is wrong and what to do", async () => {
  const clock = new ShiftedClock();
  await using test = await startTestHub({ clock });
  const state = async (id: string) => {
    const integration = await test.admin.integration(id);
    return [integration.state, integration.nextStep, integration.problem];
  };
  const draft = await test.hub.services.integrations.create(await adminActor(test.admin, test), {
    name: "draft",
    type: "csv",
    draft: true,
  });
  assertEquals(await state(draft.id), ["draft", "connect", null]);
  const agent = await TestAgent.linked(test.admin, draft.id);
  assertEquals((await assignment(agent)).body.source, null, "a draft is nothing to do yet");
  assertEquals(await state(draft.id), ["draft", "save", null]);
  await test.admin.change(draft.id, { draft: false, name: "saved" });
  assertEquals(await state(draft.id), ["online", "none", null]);

  const report = { version: "0.1.1", waiting: { batches: 2, bytes: 100 }, problem: "Cannot read a.csv: locked" };
  assertEquals((await agent.request("PUT", "status", { json: report })).status, 204);
  assertEquals(await state(draft.id), ["failing", "see-problem", "Cannot read a.csv: locked"]);
  assertEquals((await agent.request("PUT", "status", { json: { ...report, problem: null } })).status, 204);
  assertEquals(await state(draft.id), ["online", "none", null]);
  assertEquals((await test.admin.integration(draft.id)).installation?.waiting, { batches: 2, bytes: 100 });
  clock.advance(4 * 60_000);
  assertEquals(await state(draft.id), ["stale", "check-host", null]);
  await test.admin.change(draft.id, { paused: true });
  assertEquals(await state(draft.id), ["paused", "resume", null]);
  const never = await test.admin.createIntegration("never");
  assertEquals(await state(never.id), ["never-linked", "connect", null]);
});

async function adminActor(
  _admin: HubClient,
  test: { hub: { accounts: { ensureAccount(): Promise<Actor["account"]> } } },
) {
  const account = await test.hub.accounts.ensureAccount();
  return { kind: "token", id: "test", name: "test", role: "administrator", account, address: "127.0.0.1" } as const;
}

async function assignment(agent: TestAgent) {
  const response = await agent.request("GET", "assignment");
  const body = await response.json();
  assertEquals(response.status, 200, JSON.stringify(body));
  return { etag: response.headers.get("etag") ?? "", body };
}

Deno.test("five wrong PINs of one user are answered 429 with Retry-After, and then even the right one waits", async () => {
  const clock = new ShiftedClock();
  await using test = await startTestHub({ clock });
  const { id } = await test.admin.createIntegration("ACD");
  const agent = await TestAgent.register(test.url);
  const shown = await agent.showPin();
  for (let attempt = 0; attempt < 5; attempt++) {
    const wrong = await typePin(test.admin, id, otherThan(shown.pin));
    assertEquals([wrong.status, (await wrong.json()).type], [404, "/problems/wrong-pin"]);
  }
  const limited = await typePin(test.admin, id, shown.pin);
  assertEquals([limited.status, (await limited.json()).type], [429, "/problems/too-many-requests"]);
  const retryAfter = Number(limited.headers.get("retry-after"));
  assert(retryAfter > 200 && retryAfter <= 300, `Retry-After ${retryAfter}`);
  // Another user is not kept out, and after the time told neither is this one.
  const colleague = await test.client("administrator");
  assertEquals((await typePin(colleague, id, otherThan(shown.pin))).status, 404);
  clock.advance(retryAfter * 1000);
  agent.clockShiftSeconds = retryAfter;
  const again = await agent.showPin();
  await test.admin.connect(id, again.pin);
});
