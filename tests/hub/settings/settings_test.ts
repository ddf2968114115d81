import type { Assignment } from "../../../src/protocol/assignment.ts";
import { DatabaseSource } from "../../../src/protocol/database.ts";
import { storedSettings } from "../../../src/hub/settings/database_settings.ts";
import type { Integration, RequestState } from "../../../src/hub/services.ts";
import { assert, assertEquals, assertMatch } from "../../assert.ts";
import type { HubClient } from "../hub_client.ts";
import { startTestHub } from "../start_hub.ts";
import { TestAgent } from "../test_agent.ts";

const password = "geheim-Ünïcode-;{}=42";
export const settings = {
  databaseType: "postgresql",
  host: "acd-db.intern",
  port: 5432,
  database: "acd",
  user: "reporting",
  password,
  dataType: "interval",
  timeZone: "Europe/Berlin",
  query: "SELECT queueidentifier, queuename, timestamp, offered, answered, handlingtime FROM calls",
  history: null,
} as const;

async function create(admin: HubClient, body: unknown): Promise<{ status: number; body: unknown }> {
  const response = await admin.request("POST", "/api/v1/integrations", { json: body });
  return { status: response.status, body: await response.json() };
}

async function added(admin: HubClient, change: Record<string, unknown> = {}): Promise<Integration> {
  const { status, body } = await create(admin, { name: "ACD", type: "database", settings: { ...settings, ...change } });
  assertEquals(status, 201, JSON.stringify(body));
  return body as Integration;
}

async function errorFields(admin: HubClient, change: Record<string, unknown>): Promise<string[]> {
  const { status, body } = await create(admin, { name: "x", type: "database", settings: { ...settings, ...change } });
  assertEquals(status, 400, JSON.stringify(body));
  const { errors } = body as { errors: { field: string; detail: string }[] };
  for (const { detail } of errors) assert(detail.length > 5);
  return errors.map(({ field }) => field.replace(/^settings\./, ""));
}

async function assignment(agent: TestAgent): Promise<Assignment> {
  return await (await agent.request("GET", "assignment")).json();
}

Deno.test("what is wrong with a database integration's settings is told field by field", async () => {
  await using test = await startTestHub();
  const { admin } = test;
  const cases: readonly [Record<string, unknown>, readonly string[]][] = [
    [{ timeZone: "Europe/Atlantis" }, ["timeZone"]],
    [{ timeZone: "+01:00" }, ["timeZone"]],
    [{ query: "  " }, ["query"]],
    [{ query: "DELETE FROM calls" }, ["query"]],
    [{ query: "SELECT a FROM t; SELECT b FROM t" }, ["query"]],
    [{ query: "SELECT a FROM t LIMIT 10" }, ["query"]],
    [{ host: "", database: null, port: 70000 }, ["host", "port", "database"]],
    [{ host: "db;UID=sa" }, ["host"]],
    [{ history: "2025-02-30" }, ["history"]],
    [{ history: "1999-01-01" }, ["history"]],
    [{ databaseType: "odbc" }, ["connectionString"]],
    [{ databaseType: "sqlite" }, ["file"]],
    [{ databaseType: "oracle" }, ["databaseType"]],
    [{ everyMinutes: 20 }, ["everyMinutes"]],
    [{ surprise: 1 }, [""]],
  ];
  for (const [change, fields] of cases) {
    const found = await errorFields(admin, change);
    if (fields[0] !== "") assertEquals(found, fields, JSON.stringify(change));
  }
  const missing = await create(admin, { name: "x", type: "database" });
  assertEquals(missing.status, 400);
  assertEquals((await create(admin, { name: "x", type: "csv", settings })).status, 400);
  assertEquals((await create(admin, { name: "x", type: "database", draft: true })).status, 201);
});

Deno.test("a query by ODBC is read as the driver's database reads it, and where that is not known the agent decides", async () => {
  await using test = await startTestHub();
  const { admin } = test;
  const saved = async (connectionString: string, query: string) => {
    const body = { ...settings, databaseType: "odbc", connectionString, query };
    return (await create(admin, { name: "x", type: "database", settings: body })).status;
  };
  assertEquals(await saved("Driver={ODBC Driver 18 for SQL Server};Server=db", "SELECT [agent's name] FROM t"), 201);
  assertEquals(await saved("DRIVER=MariaDB;SERVER=db", "SELECT a FROM t # don't"), 201);
  assertEquals(await saved("DRIVER={PostgreSQL Unicode};SERVER=db", "SELECT a FROM t # don't"), 400);
  assertEquals(await saved("DSN=acd", "SELECT [agent's name] FROM t"), 201);
  assertEquals(await saved("DSN=acd", "SELECT FIRST 10 a FROM t"), 400);
});

Deno.test("a password goes to the linked agent alone: no answer has it, and no file of the hub in clear", async () => {
  await using test = await startTestHub();
  const { admin } = test;
  const made = await added(admin);
  assertEquals([made.settings?.passwordSet, made.settings?.host], [true, "acd-db.intern"]);
  const agent = await TestAgent.linked(admin, made.id);
  const odbc = await added(admin, { databaseType: "odbc", connectionString: `DSN=acd;PWD=${password}` });
  const explicit = await admin.request("POST", `/api/v1/integrations/${made.id}/requests`, {
    json: {
      type: "test",
      source: DatabaseSource.parse((await assignment(agent)).source),
    },
  });
  assertEquals(explicit.status, 202, await explicit.text());

  const { source, requests } = await assignment(agent);
  assert(source?.type === "database" && source.connection.by === "parts");
  assertEquals([source.connection.password, source.connection.port], [password, 5432]);
  // The one after linking, and the explicit one.
  assertEquals(requests.map((request) => request.type), ["test", "test"]);
  for (const request of requests) {
    assert(request.type === "test" && request.source.connection.by === "parts");
    assertEquals(request.source.connection.password, password);
  }

  for (const path of ["", `/${made.id}`, `/${odbc.id}`, `/${made.id}/requests/${requests[0]?.id}`]) {
    const text = await (await admin.request("GET", `/api/v1/integrations${path}`)).text();
    assert(!text.includes("geheim") && !text.includes("secret"), path);
  }
  const inClear = new TextEncoder().encode("geheim");
  for await (const name of files(test.dataDirectory)) {
    assert(!includes(await Deno.readFile(name), inClear), name);
  }
  const { mode } = await Deno.stat(`${test.dataDirectory}/settings.key`);
  assertEquals((mode ?? 0) & 0o777, 0o600);
});

Deno.test("settings are changed in part; a password stays, but never goes to another server", async () => {
  await using test = await startTestHub();
  const { admin } = test;
  const { id } = await added(admin);
  const agent = await TestAgent.linked(admin, id);
  const change = async (json: unknown) => {
    const response = await admin.request("PATCH", `/api/v1/integrations/${id}`, { json: { settings: json } });
    return { status: response.status, body: await response.json() };
  };
  assertEquals((await change({ query: "SELECT * FROM other", history: "2026-01-01" })).status, 200);
  const { source } = await assignment(agent);
  assert(source?.type === "database" && source.connection.by === "parts");
  assertEquals([source.connection.password, source.query], [password, "SELECT * FROM other"]);
  // Midnight in Berlin.
  assertEquals(source.historyFrom, "2025-12-31T23:00:00.000Z");

  const moved = await change({ host: "elsewhere.example" });
  assertEquals([moved.status, moved.body.errors[0].field], [400, "settings.password"]);
  assertEquals((await change({ host: "elsewhere.example", password: "new" })).status, 200);
  assertEquals((await change({ password: null })).body.settings.passwordSet, false);
  const kept = await change({ kept: true });
  assertEquals([kept.body.settings.kept, kept.body.settings.host], [true, null]);
  const { source: keptSource } = await assignment(agent);
  assert(keptSource?.type === "database");
  assertEquals(keptSource.connection, { by: "kept" });
});

Deno.test("that any certificate of an SQL Server will do is told to the agent, and holds for SQL Server only", async () => {
  await using test = await startTestHub();
  const { admin } = test;
  const { id, settings: before } = await added(admin, { databaseType: "mssql" });
  assertEquals(before?.trustServerCertificate, false);
  const agent = await TestAgent.linked(admin, id);
  const change = async (json: unknown) => {
    const response = await admin.request("PATCH", `/api/v1/integrations/${id}`, { json: { settings: json } });
    assertEquals(response.status, 200, await response.text());
    const { source } = await assignment(agent);
    assert(source?.type === "database" && source.connection.by === "parts");
    return source.connection.trustServerCertificate;
  };
  assertEquals(await change({}), undefined);
  assertEquals(await change({ trustServerCertificate: true }), true);
  assertEquals(await change({ query: "SELECT * FROM other" }), true);
  assertEquals(await change({ databaseType: "postgresql", password }), undefined);
});

Deno.test("what an earlier version stored trusts no certificate", () => {
  assertEquals(storedSettings('{"databaseType":"mssql"}')?.trustServerCertificate, false);
});

Deno.test("saving asks the installation to test, with the settings as they are when it comes back", async () => {
  await using test = await startTestHub();
  const { admin } = test;
  const { id, test: untested } = await added(admin);
  assertEquals(untested, null);
  const agent = await TestAgent.linked(admin, id);
  assertEquals((await admin.integration(id)).test?.state, "waiting");
  await (await admin.request("PATCH", `/api/v1/integrations/${id}`, { json: { settings: { timeZone: "UTC" } } }))
    .json();
  const { requests: [request, ...others] } = await assignment(agent);
  assertEquals(others, []);
  assert(request?.type === "test");
  assertEquals(request.source.timeZone, "UTC");
  const answer = { ok: true, message: "Works.", preview: { columns: ["a"], rows: [["1"], [null]], rowCount: 2 } };
  assertEquals((await agent.request("PUT", `requests/${request.id}`, { json: answer })).status, 204);
  const after = await admin.integration(id);
  assertEquals(after.test, { id: request.id, state: "ok" });
  const stored = await (await admin.request("GET", `/api/v1/integrations/${id}/requests/${request.id}`)).json();
  assertEquals((stored as RequestState).answer, answer);
  assertEquals((await assignment(agent)).requests, []);
});

Deno.test("the API's description names the settings and the errors", async () => {
  await using test = await startTestHub();
  const text = await (await test.admin.request("GET", "/api/openapi.json")).text();
  for (const word of ["connectionString", "passwordSet", "reconciliation", '"errors"']) {
    assertMatch(text, new RegExp(word));
  }
});

async function* files(folder: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(folder)) {
    if (entry.isDirectory) yield* files(`${folder}/${entry.name}`);
    else yield `${folder}/${entry.name}`;
  }
}

function includes(bytes: Uint8Array, part: Uint8Array): boolean {
  return new TextDecoder("latin1").decode(bytes).includes(new TextDecoder("latin1").decode(part));
}
