/** What the list and an integration's page say of how it is doing, from a real hub, in each language. */
import { consolePages } from "../../../src/hub/pages/mod.tsx";
import { assert, assertEquals, assertMatch } from "../../assert.ts";
import { captureLog } from "../../fakes/captured_log.ts";
import { fetchWithin } from "../fetch_within.ts";
import { linkedDatabase, loaded, queryBatch } from "../rows/query_batch.ts";
import { execBeside } from "../exec_beside.ts";
import { startTestHub, type TestHub } from "../start_hub.ts";
import { TestAgent } from "../test_agent.ts";
import { ShiftedClock } from "../test_clock.ts";

/** Logs in; the pages' texts, without their tags. */
async function reader(test: TestHub): Promise<(path: string, language?: string) => Promise<string>> {
  const account = await test.hub.accounts.ensureAccount();
  await test.hub.accounts.addUser(account, { name: "eve", role: "viewer", password: "correct horse" });
  const login = await test.hub.services.sessions.logIn({ name: "eve", password: "correct horse" }, { address: "x" });
  assert(login.ok);
  return async (path, language = "en") => {
    const response = await fetchWithin(`${test.url}/account/integrations${path}`, {
      headers: { cookie: `cloud-link-session=${login.secret}`, "accept-language": language },
    });
    const text = await response.text();
    assertEquals(response.status, 200, text);
    return text.replaceAll(/<[^>]*>/g, "");
  };
}

Deno.test("rows that cannot be loaded are told in the list and on the page, with what to do", async () => {
  await using test = await startTestHub({ pages: consolePages });
  const read = await reader(test);
  const { id, agent } = await linkedDatabase(test.admin, { dataType: "interval" });
  const window = { dataType: "interval", from: "2026-07-01T08:00:00Z", to: "2026-07-01T09:00:00Z" } as const;
  await agent.deliver(queryBatch(agent, { ...window, sequence: 1, columns: ["a"], rows: [["x"]] }));
  await loaded(test.admin, id);
  for (const path of ["", `/${id}`]) {
    assertMatch(
      await read(path),
      /Failing.*sends cannot be imported: The query lacks the columns queueidentifier.*Correct the query in the integr/,
    );
    assertMatch(await read(path, "nl"), /Storing.*kan niet worden geïmporteerd: The query lacks.*Corrigeer de query/);
    assertMatch(await read(path, "de"), /Gestört.*nicht importieren: The query lacks.*Korrigieren Sie die Abfrage/);
  }
});

Deno.test("a problem with a database may be in the settings, so the page names them before the installation's computer", async () => {
  await using test = await startTestHub({ pages: consolePages });
  const read = await reader(test);
  const { id, agent } = await linkedDatabase(test.admin, { dataType: "interval" });
  const json = { version: "0.1.0", waiting: { batches: 0, bytes: 0 }, problem: "Access denied for user joe." };
  assertEquals((await agent.request("PUT", "status", { json })).status, 204);
  assertEquals((await test.admin.integration(id)).nextStep, "check-settings");
  for (const path of ["", `/${id}`]) {
    assertMatch(
      await read(path),
      /denied for user joe\. Correct this in the integration’s settings \(“Database and query”\), or solve it on the/,
    );
    assertMatch(
      await read(path, "nl"),
      /denied for user joe\. Corrigeer dit in de instellingen van de integratie \(“Data/,
    );
    assertMatch(
      await read(path, "de"),
      /denied for user joe\. Korrigieren Sie das in den Einstellungen der Integration/,
    );
  }
});

Deno.test("a test of the settings that fails is a failure until something is imported or another problem is reported", async () => {
  const clock = new ShiftedClock();
  await using test = await startTestHub({ clock });
  const { id, agent } = await linkedDatabase(test.admin, { dataType: "interval" });
  const state = async () => {
    const { state, nextStep, problem } = await test.admin.integration(id);
    return [state, nextStep, problem];
  };
  const online = ["online", "none", null];
  const failing = (problem: string) => ["failing", "check-settings", problem];
  const report = async (problem: string | null) => {
    clock.advance(1000);
    const json = { version: "0.1.0", waiting: { batches: 0, bytes: 0 }, problem };
    assertEquals((await agent.request("PUT", "status", { json })).status, 204);
  };
  const tested = async (answer: { ok: boolean; message: string }) => {
    clock.advance(1000);
    const { requests: [request] } = await (await agent.request("GET", "assignment")).json();
    assertEquals((await agent.request("PUT", `requests/${request.id}`, { json: answer })).status, 204);
  };
  const save = async (settings: Record<string, unknown>) => {
    clock.advance(1000);
    const response = await test.admin.request("PATCH", `/api/v1/integrations/${id}`, { json: { settings } });
    assertEquals(response.status, 200, await response.text());
  };
  assertEquals(await state(), online);
  await tested({ ok: false, message: "There is no such file." });
  assertEquals(await state(), failing("There is no such file."));
  // The agent has not tried to read yet.
  await report(null);
  assertEquals(await state(), failing("There is no such file."));
  await report("The file cannot be read.");
  assertEquals(await state(), failing("The file cannot be read."));

  // What was reported and tested says nothing about other settings.
  await save({ file: "other.db" });
  assertEquals(await state(), online);
  await tested({ ok: false, message: "There is no such table." });
  assertEquals(await state(), failing("There is no such table."));
  await save({ query: "SELECT * FROM contacts" });
  await tested({ ok: true, message: "Works." });
  assertEquals(await state(), online);

  await save({ timeZone: "UTC" });
  await tested({ ok: false, message: "The disk is full." });
  assertEquals(await state(), failing("The disk is full."));
  clock.advance(1000);
  const window = { dataType: "interval", from: "2026-07-01T08:00:00Z", to: "2026-07-01T09:00:00Z" } as const;
  await agent.deliver(queryBatch(agent, { ...window, timeZone: "UTC", sequence: 1, rows: [] }));
  await loaded(test.admin, id);
  assertEquals(await state(), online);
});

Deno.test("that the hub itself can load nothing is told as such", async () => {
  using log = await captureLog();
  await using test = await startTestHub({ pages: consolePages });
  const read = await reader(test);
  const { id, agent } = await linkedDatabase(test.admin, { dataType: "interval" });
  await execBeside(`${test.dataDirectory}/rows/rows.db`, "drop table contact_interval");
  const window = { dataType: "interval", from: "2026-07-01T08:00:00Z", to: "2026-07-01T09:00:00Z" } as const;
  await agent.deliver(queryBatch(agent, { ...window, sequence: 1, rows: [] }));
  await log.line(/Cannot load imported rows/);
  assertMatch(
    await read(`/${id}`),
    /Failing.*This server cannot import what has arrived.*can find the cause in its log/,
  );
  assertMatch(await read("", "nl"), /Storing.*Deze server kan niet importeren.*vindt de oorzaak in het logbestand/);
  assertMatch(await read("", "de"), /Gestört.*Dieser Server kann nicht importieren.*findet die Ursache/);
});

/** The agent reports that all is well, `minutes` later. */
async function allIsWell(agent: TestAgent, { clock, minutes }: { clock: ShiftedClock; minutes: number }) {
  clock.advance(minutes * 60_000);
  agent.clockShiftSeconds += minutes * 60;
  assertEquals(await agent.fetchToken(), undefined);
  const json = { version: "0.1.0", waiting: { batches: 0, bytes: 0 }, problem: null };
  assertEquals((await agent.request("PUT", "status", { json })).status, 204);
}

Deno.test("a database integration that is online and late with its data says since when there is none", async () => {
  const clock = new ShiftedClock();
  await using test = await startTestHub({ pages: consolePages, clock });
  const read = await reader(test);
  const { id, agent } = await linkedDatabase(test.admin, { dataType: "interval", everyMinutes: 30 });
  const window = { dataType: "interval", from: "2026-07-01T08:00:00Z", to: "2026-07-01T09:00:00Z" } as const;
  await allIsWell(agent, { clock, minutes: 89 });
  const state = async () => {
    const { state, nextStep, noDataSince } = await test.admin.integration(id);
    return [state, nextStep, noDataSince];
  };
  assertEquals(await state(), ["online", "none", null]);
  assertMatch(await read(""), /OnlineThe installation is connected\. .*Last import: Never/);
  await allIsWell(agent, { clock, minutes: 2 });
  const { installation } = await test.admin.integration(id);
  assertEquals(await state(), ["online", "see-status", installation?.linkedAt ?? null]);

  await agent.deliver(queryBatch(agent, { ...window, sequence: 1, rows: [] }));
  await loaded(test.admin, id);
  const { lastImportAt } = await test.admin.integration(id);
  assertEquals(await state(), ["online", "none", null]);
  assertMatch(await read(""), /OnlineThe installation is connected and importing\. /);
  // History is no sign that new data comes.
  await allIsWell(agent, { clock, minutes: 91 });
  await agent.deliver(
    queryBatch(agent, {
      ...window,
      lane: "history",
      to: window.from,
      from: "2026-07-01T07:00:00Z",
      sequence: 2,
      rows: [],
    }),
  );
  await loaded(test.admin, id);
  assertEquals(await state(), ["online", "see-status", lastImportAt]);
  for (const path of ["", `/${id}`]) {
    assertMatch(
      await read(path),
      /No new data.*no new data since .* UTC\. Run injixo-cloud-link status.*Last import: .* UTC/,
    );
    assertMatch(
      await read(path, "nl"),
      /Geen nieuwe gegevens.*geen nieuwe gegevens sinds .* UTC\. .*Laatste import: .* UTC/,
    );
    assertMatch(await read(path, "de"), /Keine neuen Daten.*neue Daten fehlen seit .* UTC\. .*Letzter Import: .* UTC/);
  }
  // After a pause there is as much time again.
  await test.admin.change(id, { paused: true });
  assertEquals(await state(), ["paused", "resume", null]);
  await test.admin.change(id, { paused: false });
  assertEquals(await state(), ["online", "none", null]);
});

Deno.test("nobody knows when the next CSV file is due", async () => {
  const clock = new ShiftedClock();
  await using test = await startTestHub({ clock });
  const { id } = await test.admin.createIntegration("files");
  const agent = await TestAgent.linked(test.admin, id);
  await agent.deliver(agent.batch("a.csv", "a\n"));
  await allIsWell(agent, { clock, minutes: 7 * 24 * 60 });
  const { state, noDataSince } = await test.admin.integration(id);
  assertEquals([state, noDataSince], ["online", null]);
});

Deno.test("a clock that was ahead and was put right leaves no states behind", async () => {
  const clock = new ShiftedClock();
  await using test = await startTestHub({ clock });
  const month = 30 * 24 * 60;
  const window = { dataType: "interval", from: "2026-07-01T08:00:00Z", to: "2026-07-01T09:00:00Z" } as const;
  const { id, agent } = await linkedDatabase(test.admin, { dataType: "interval", everyMinutes: 30 });
  const read = async () => {
    await loaded(test.admin, id);
    const { state, stateSince, noDataSince } = await test.admin.integration(id);
    return { state, stateSince, noDataSince };
  };
  await allIsWell(agent, { clock, minutes: month });
  await agent.deliver(queryBatch(agent, { ...window, sequence: 1, rows: [["short"]] }));
  assertEquals((await read()).state, "failing");
  await allIsWell(agent, { clock, minutes: -month });
  await agent.deliver(queryBatch(agent, { ...window, sequence: 2, rows: [["short"], ["short"]] }));
  const failing = await read();
  assertEquals(failing.state, "failing");
  assert(Date.parse(failing.stateSince ?? "") <= clock.now(), `failing since ${failing.stateSince}`);
  await agent.deliver(queryBatch(agent, { ...window, sequence: 3, rows: [] }));
  assertEquals((await read()).state, "online");

  await allIsWell(agent, { clock, minutes: month });
  await agent.deliver(queryBatch(agent, { ...window, to: "2026-07-01T10:00:00Z", sequence: 4, rows: [] }));
  await read();
  await allIsWell(agent, { clock, minutes: 91 - month });
  const { installation } = await test.admin.integration(id);
  assertEquals((await read()).noDataSince, installation?.linkedAt ?? null);
  await agent.deliver(queryBatch(agent, { ...window, to: "2026-07-01T11:00:00Z", sequence: 5, rows: [] }));
  assertEquals((await read()).noDataSince, null);
  await allIsWell(agent, { clock, minutes: 91 });
  assertEquals((await read()).noDataSince, (await test.admin.integration(id)).lastImportAt);
});
