/** What the list and an integration's page say of how it is doing, from a real hub, in each language. */
import { DatabaseSync } from "node:sqlite";
import { consolePages } from "../../../src/hub/pages/mod.tsx";
import { assert, assertEquals, assertMatch } from "../../assert.ts";
import { captureLog } from "../../fakes/captured_log.ts";
import { fetchWithin } from "../fetch_within.ts";
import { linkedDatabase, loaded, queryBatch } from "../rows/query_batch.ts";
import { startTestHub, type TestHub } from "../start_hub.ts";

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

Deno.test("that the hub itself can load nothing is told as such", async () => {
  using log = await captureLog();
  await using test = await startTestHub({ pages: consolePages });
  const read = await reader(test);
  const { id, agent } = await linkedDatabase(test.admin, { dataType: "interval" });
  using rows = new DatabaseSync(`${test.dataDirectory}/rows/rows.db`);
  rows.exec("drop table contact_interval");
  const window = { dataType: "interval", from: "2026-07-01T08:00:00Z", to: "2026-07-01T09:00:00Z" } as const;
  await agent.deliver(queryBatch(agent, { ...window, sequence: 1, rows: [] }));
  await log.line(/Cannot load imported rows/);
  assertMatch(await read(`/${id}`), /Failing.*This server cannot import what has arrived.*finds the cause in its log/);
  assertMatch(await read("", "nl"), /Storing.*Deze server kan niet importeren.*vindt de oorzaak in het logbestand/);
  assertMatch(await read("", "de"), /Gestört.*Dieser Server kann nicht importieren.*findet die Ursache/);
});
