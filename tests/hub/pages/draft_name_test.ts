/** What an installation is told of the integration that it is linked to before that has a name. */
import { consolePages } from "../../../src/hub/pages/mod.tsx";
import { assert, assertEquals } from "../../assert.ts";
import { fetchWithin } from "../fetch_within.ts";
import { startTestHub } from "../start_hub.ts";
import { TestAgent } from "../test_agent.ts";

Deno.test("an installation that is linked to a draft is told that it is new, not the name of its type", async () => {
  await using test = await startTestHub({ pages: consolePages });
  const account = await test.hub.accounts.ensureAccount();
  await test.hub.accounts.addUser(account, { name: "eve", role: "administrator", password: "correct horse" });
  const login = await test.hub.services.sessions.logIn({ name: "eve", password: "correct horse" }, { address: "x" });
  assert(login.ok);
  const added = await fetchWithin(`${test.url}/account/integrations/new`, {
    method: "POST",
    redirect: "manual",
    headers: { cookie: `cloud-link-session=${login.secret}`, origin: test.url },
    body: new URLSearchParams({ csrf: login.session.csrfToken, type: "csv" }),
  });
  assertEquals(added.status, 303, await added.text());
  const id = added.headers.get("location")?.split("/").at(-1) ?? "";
  const agent = await TestAgent.linked(test.admin, id);
  assertEquals(agent.link?.integration.name, "New integration (draft)");
});
