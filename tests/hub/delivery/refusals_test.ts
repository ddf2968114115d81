import { DatabaseSync } from "node:sqlite";
import { zstdCompressSync } from "node:zlib";
import { assert, assertEquals } from "../../assert.ts";
import { filesIn } from "../../files_in.ts";
import { noise } from "../../noise.ts";
import type { HubClient } from "../hub_client.ts";
import { startTestHub, type TestHub } from "../start_hub.ts";
import { ShiftedClock } from "../test_clock.ts";
import { put, sha256, TestAgent, type TestBatch } from "../test_agent.ts";

async function setUp(test: TestHub): Promise<{ agent: TestAgent; admin: HubClient; integrationId: string }> {
  const { id } = await test.admin.createIntegration("refusals");
  return { agent: await TestAgent.linked(test.admin, id), admin: test.admin, integrationId: id };
}

async function problemOf(response: Response): Promise<string> {
  assertEquals(response.headers.get("content-type"), "application/problem+json");
  const body = await response.json();
  assertEquals(body.status, response.status);
  assert(body.detail.length > 10, "a problem tells what to do");
  return String(body.type).replace("/problems/", "");
}

async function firstAddress(agent: TestAgent, batch: TestBatch) {
  assertEquals((await agent.declare(batch)).state, "wanted");
  const [address] = await agent.addresses(batch, batch.parts.slice(0, 1));
  assert(address !== undefined);
  return address;
}

/** No import, no object, no temporary file. */
async function assertNothingStored(test: TestHub, integrationId: string): Promise<void> {
  assertEquals(await test.admin.imports(integrationId), []);
  assertEquals(await filesIn(`${test.dataDirectory}/objects`), []);
  assertEquals(await filesIn(`${test.dataDirectory}/temporary`), []);
  using database = new DatabaseSync(`${test.dataDirectory}/hub.db`, { readOnly: true });
  assertEquals(database.prepare("select count(*) as objects from object").get()?.["objects"], 0);
}

Deno.test("a part with another hash is refused, and nothing is stored", async () => {
  await using test = await startTestHub();
  const { agent, integrationId } = await setUp(test);
  const batch = agent.batch("a.csv", "a;b\n1;2\n");
  const address = await firstAddress(agent, batch);
  const response = await put(address, noise(batch.payload.length));
  assertEquals(response.status, 422);
  assertEquals(await problemOf(response), "checksum-mismatch");
  assertEquals(await problemOf(await agent.complete(batch)), "part-missing");
  await assertNothingStored(test, integrationId);
});

Deno.test("a truncated part is refused, and nothing is stored", async () => {
  await using test = await startTestHub();
  const { agent, integrationId } = await setUp(test);
  const batch = agent.batch("a.csv", noise(700_000), { partBytes: 512 * 1024 });
  const address = await firstAddress(agent, batch);
  assertEquals(await problemOf(await put(address, batch.payload.slice(0, 1000))), "checksum-mismatch");

  // Announces everything, sends a little and breaks off.
  const { hostname, port, pathname, search } = new URL(address.url);
  {
    using connection = await Deno.connect({ hostname, port: Number(port) });
    const head = `PUT ${pathname}${search} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Length: ${524288}\r\n\r\n`;
    await connection.write(new TextEncoder().encode(head));
    await connection.write(batch.payload.slice(0, 50_000));
  }
  await assertNothingStored(test, integrationId);
  // The same batch goes through afterwards.
  await agent.deliver(batch);
  assertEquals((await test.admin.imports(integrationId)).length, 1);
});

Deno.test("a part that is longer than announced is cut off and refused", async () => {
  await using test = await startTestHub();
  const { agent, integrationId } = await setUp(test);
  const batch = agent.batch("a.csv", "a;b\n1;2\n");
  const address = await firstAddress(agent, batch);
  const longer = new Uint8Array(batch.payload.length + 1);
  longer.set(batch.payload);
  assertEquals(await problemOf(await put(address, longer)), "too-large");
  // Without a length, sent in chunks.
  const body = ReadableStream.from([batch.payload, new Uint8Array(100_000)]);
  assertEquals(await problemOf(await fetch(address.url, { method: "PUT", body })), "too-large");
  await assertNothingStored(test, integrationId);
});

Deno.test("a forged, altered or expired upload address is refused", async () => {
  const clock = new ShiftedClock();
  await using test = await startTestHub({ clock });
  const { agent, integrationId } = await setUp(test);
  const batch = agent.batch("a.csv", "a;b\n1;2\n");
  const address = await firstAddress(agent, batch);
  for (
    const [name, value] of [
      ["key", "x/y/z"],
      ["key", "../../hub.db"],
      ["bytes", "9"],
      ["sha256", sha256(noise(3))],
      ["expires", "99999999999999"],
      ["signature", "AAAA"],
      ["signature", ""],
    ] as const
  ) {
    const url = new URL(address.url);
    url.searchParams.set(name, value);
    const response = await put({ ...address, url: url.href }, batch.payload);
    assertEquals([name, response.status, await problemOf(response)], [name, 403, "bad-upload-address"]);
  }
  clock.advance(2 * 60 * 60 * 1000);
  assertEquals(await problemOf(await put(address, batch.payload)), "bad-upload-address");
  await assertNothingStored(test, integrationId);
});

Deno.test("an upload address cannot be used again once its batch is complete, nor after unlinking", async () => {
  await using test = await startTestHub();
  const { agent, integrationId } = await setUp(test);
  const done = agent.batch("done.csv", "a\n1\n");
  const address = await firstAddress(agent, done);
  await agent.deliver(done);
  assertEquals(await problemOf(await put(address, done.payload)), "bad-upload-address");

  const open = agent.batch("open.csv", "a\n2\n");
  const other = await firstAddress(agent, open);
  await test.admin.remove(integrationId);
  assertEquals(await problemOf(await put(other, open.payload)), "bad-upload-address");
});

Deno.test("content that is not what was declared is refused as a whole, and its parts are deleted", async () => {
  await using test = await startTestHub();
  const { agent, integrationId } = await setUp(test);
  const good = agent.batch("a.csv", "a;b\n1;2\n");
  const bomb = new Uint8Array(zstdCompressSync(new Uint8Array(50_000_000)));
  const large = agent.batch("large.csv", noise(700_000), { partBytes: 512 * 1024 });
  const cases: Record<string, TestBatch> = {
    "the content's hash": { ...good, declaration: { ...good.declaration, sha256: sha256(noise(3)) } },
    "the content's size": { ...good, declaration: { ...good.declaration, bytes: 7 } },
    "the size of a large content": { ...large, declaration: { ...large.declaration, bytes: 5_000_000 } },
    "the payload's hash of a large batch": {
      ...large,
      declaration: { ...large.declaration, payloadSha256: sha256(bomb) },
    },
    "a bomb": bombBatch(good, bomb, 1000),
    "a bomb as a large batch": bombBatch(good, bomb, 10_000_000),
    "no zstd": bombBatch(good, noise(1000), 1000),
  };
  for (const [name, batch] of Object.entries(cases)) {
    const unique = { ...batch, declaration: { ...batch.declaration, id: sha256(new TextEncoder().encode(name)) } };
    await agent.declare(unique);
    const addresses = await agent.addresses(unique);
    for (const [index, part] of unique.parts.entries()) {
      const address = addresses[index];
      assert(address !== undefined);
      await (await put(address, unique.payload.subarray(part.offset, part.offset + part.bytes))).body?.cancel();
    }
    const response = await agent.complete(unique);
    assertEquals([name, response.status, await problemOf(response)], [name, 422, "checksum-mismatch"]);
    await assertNothingStored(test, integrationId);
  }
});

function bombBatch(like: TestBatch, payload: Uint8Array<ArrayBuffer>, bytes: number): TestBatch {
  const payloadSha256 = sha256(payload);
  return {
    declaration: { ...like.declaration, bytes, payloadSha256, payloadBytes: payload.length },
    payload,
    parts: [{ offset: 0, bytes: payload.length, sha256: payloadSha256 }],
  };
}

Deno.test("parts with a gap, an overlap or an end that is missing complete nothing", async () => {
  await using test = await startTestHub();
  const { agent, integrationId } = await setUp(test);
  const batch = agent.batch("a.csv", noise(1_200_000), { partBytes: 300_000 });
  await agent.declare(batch);
  const [first, second, third, ...rest] = batch.parts;
  assert(first !== undefined && second !== undefined && third !== undefined);
  for (
    const parts of [[second, third, ...rest], [first, third, ...rest], [first, first, third, ...rest], [first, second]]
  ) {
    assertEquals(await problemOf(await agent.complete(batch, parts)), "invalid-request");
  }
  assertEquals(await problemOf(await agent.complete(batch)), "part-missing");
  await assertNothingStored(test, integrationId);
});

Deno.test("a batch of another installation cannot be seen, sent or completed", async () => {
  await using test = await startTestHub();
  const { agent, integrationId } = await setUp(test);
  const other = await test.admin.createIntegration("other");
  const foreign = await TestAgent.linked(test.admin, other.id);
  const batch = agent.batch("a.csv", "a\n1\n");
  await agent.declare(batch);

  const declared = await foreign.request("POST", "batches", { json: batch.declaration });
  assertEquals(await problemOf(declared), "not-found");
  const id = batch.declaration.id;
  const asked = await foreign.request("POST", `batches/${id}/parts`, { json: { parts: batch.parts } });
  assertEquals(await problemOf(asked), "not-found");
  assertEquals(await problemOf(await foreign.complete(batch)), "not-found");
  await agent.deliver(batch);
  assertEquals(await problemOf(await foreign.complete(batch)), "not-found");
  const missing = await foreign.request("POST", "batches/missing", { json: { ids: [id] } });
  assertEquals((await missing.json()).missing, [id]);
  assertEquals((await test.admin.imports(integrationId)).length, 1);
  assertEquals(await test.admin.imports(other.id), []);
});

Deno.test("a body over the limit is refused on every endpoint that takes one", async () => {
  await using test = await startTestHub();
  const { agent, integrationId } = await setUp(test);
  const huge = { name: "x".repeat(200_000), type: "csv" };
  for (
    const [method, path] of [
      ["POST", "/api/v1/integrations"],
      ["PATCH", `/api/v1/integrations/${integrationId}`],
      ["POST", `/api/v1/integrations/${integrationId}/link`],
      ["POST", `/api/v1/integrations/${integrationId}/requests`],
    ] as const
  ) {
    const response = await test.admin.request(method, path, { json: huge });
    assertEquals([path, response.status, await problemOf(response)], [path, 413, "too-large"]);
  }
  for (const [method, path] of [["POST", "batches"], ["PUT", "status"], ["POST", "batches/missing"]] as const) {
    assertEquals(await problemOf(await agent.request(method, path, { json: huge })), "too-large");
  }
  for (const path of ["register", "token", "device_authorization"]) {
    const form = new URLSearchParams({ x: "x".repeat(200_000) });
    const body = path === "register" ? JSON.stringify(huge) : form;
    const headers: HeadersInit = path === "register" ? { "content-type": "application/json" } : {};
    const response = await fetch(`${test.url}/oauth/${path}`, { method: "POST", body, headers });
    assertEquals([path, response.status], [path, 413], await response.text());
  }
});

Deno.test("a batch that is sent twice is one import, and a half-sent one is resumed", async () => {
  await using test = await startTestHub();
  const { agent, integrationId } = await setUp(test);
  const content = noise(1_000_000);
  const batch = agent.batch("a.csv", content, { partBytes: 300_000 });
  const address = await firstAddress(agent, batch);
  const [part] = batch.parts;
  assert(part !== undefined);
  await (await put(address, batch.payload.subarray(0, part.bytes))).body?.cancel();
  assertEquals(await agent.declare(batch), { state: "wanted", parts: [part], takesRuns: true });

  const receipt = await agent.deliver(batch);
  assertEquals(await agent.declare(batch), { state: "received", receipt });
  assertEquals(await agent.deliver(batch), receipt);
  const again = await agent.complete(batch);
  assertEquals(await again.json(), receipt);
  const [received, ...others] = await test.admin.imports(integrationId);
  assertEquals(others, []);
  assert(received !== undefined);
  assertEquals(sha256(await test.admin.content(received.id)), sha256(content));
});
