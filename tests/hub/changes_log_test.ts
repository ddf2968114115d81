/** What the hub's log says of who did what to integrations. */
import { assert, assertEquals } from "../assert.ts";
import { captureLog } from "../fakes/captured_log.ts";
import { baseSettings } from "./rows/query_batch.ts";
import { startTestHub } from "./start_hub.ts";

Deno.test("the hub's log says who added, changed, paused, resumed and deleted an integration, and no secret", async () => {
  using log = await captureLog();
  await using test = await startTestHub();
  const account = await test.hub.accounts.ensureAccount();
  const eve = { kind: "token", id: "eve", name: "eve", role: "administrator", account, address: "::1" } as const;
  const { integrations } = test.hub.services;
  const parts = { databaseType: "postgresql", host: "db", database: "acd", user: "joe", dataType: "contact" } as const;
  const settings = { ...baseSettings, ...parts, password: "geheim" };

  const { id } = await integrations.create(eve, { name: "Database", type: "database", draft: true });
  await integrations.change(eve, { id, name: "Berlin", draft: false, settings });
  await integrations.change(eve, { id, name: "Hamburg" });
  await integrations.change(eve, { id, settings: { timeZone: "UTC" } });
  await integrations.change(eve, { id, settings: { timeZone: "UTC" } });
  for (const paused of [true, true, false, false]) await integrations.change(eve, { id, paused });
  await integrations.remove(eve, id);

  assertEquals(log.lines().filter((line) => line.startsWith("info eve ")), [
    `info eve added integration ${id}, Database.`,
    `info eve saved integration ${id}, Berlin.`,
    `info eve renamed integration ${id}, Hamburg.`,
    `info eve changed the settings of integration ${id}, Hamburg.`,
    `info eve paused integration ${id}, Hamburg.`,
    `info eve resumed integration ${id}, Hamburg.`,
    `info eve deleted integration ${id}, Hamburg.`,
  ]);
  assert(!log.lines().join().includes("geheim"));
});
