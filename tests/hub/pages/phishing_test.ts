/** Somebody sends a PIN and asks to have it typed: what the page shows before anything is linked. */
import { openDatabase } from "../../../src/hub/database/open.ts";
import { consolePages } from "../../../src/hub/pages/mod.tsx";
import type { Account } from "../../../src/hub/services.ts";
import { assert, assertEquals, assertMatch } from "../../assert.ts";
import { fetchWithin } from "../fetch_within.ts";
import { startTestHub } from "../start_hub.ts";
import { ShiftedClock } from "../test_clock.ts";
import { TestAgent } from "../test_agent.ts";

Deno.test("before a link is made the page tells what machine shows the PIN, where it is, and since when", async () => {
  const clock = new ShiftedClock();
  await using test = await startTestHub({ pages: consolePages, clock, trustProxy: true });
  const account = await test.hub.accounts.ensureAccount();
  await test.hub.accounts.addUser(account, { name: "eve", role: "administrator", password: "correct horse" });
  const login = await test.hub.services.sessions.logIn({ name: "eve", password: "correct horse" }, { address: "x" });
  assert(login.ok);
  const { id } = await test.admin.createIntegration("ACD");
  const agent = await TestAgent.register(test.url, { hostName: "<b>attacker</b>\n" });
  const { pin } = await agent.showPin();
  const send = async (action: string, options: { from: string; language?: string }) => {
    const response = await fetchWithin(`${test.url}/account/integrations/${id}/${action}`, {
      method: "POST",
      redirect: "manual",
      headers: {
        cookie: `cloud-link-session=${login.secret}`,
        origin: test.url,
        "x-forwarded-for": options.from,
        "accept-language": options.language ?? "en",
      },
      body: new URLSearchParams({ csrf: login.session.csrfToken, pin }),
    });
    return { status: response.status, text: await response.text() };
  };
  const here = JSON.parse((await send("look", { from: "127.0.0.1" })).text);
  assertMatch(here.machine, /^<b>attacker<\/b>\s* \(linux 6\.1\.0 x86_64\)$/);
  assertMatch(here.details, /^Cloud Link 0\.1\.0, address 127\.0\.0\.1, PIN created \d+ seconds? ago\.$/);
  clock.advance(120_000);
  assertMatch(JSON.parse((await send("look", { from: "127.0.0.1" })).text).details, /PIN created [23] minutes ago\.$/);
  const away = JSON.parse((await send("look", { from: "198.51.100.7" })).text);
  assertMatch(away.details, /a different network from yours \(198\.51\.100\.7\): continue only if you know why/);
  const german = JSON.parse((await send("look", { from: "198.51.100.7", language: "de" })).text);
  assertMatch(german.details, /Adresse 127\.0\.0\.1, PIN vor .* erzeugt\.\n.*in einem anderen Netz als Sie/);
  const dutch = JSON.parse((await send("look", { from: "198.51.100.7", language: "nl" })).text);
  assertMatch(dutch.details, /adres 127\.0\.0\.1, PIN .* geleden gemaakt\.\n.*in een ander netwerk dan jij/);
  // Looking links nothing.
  assertEquals((await test.admin.integration(id)).installation, null);
  assertEquals((await send("connect", { from: "127.0.0.1" })).status, 303);
  const { installation } = await test.admin.integration(id);
  assertMatch(installation?.hostName ?? "", /attacker/);
  const page = await fetchWithin(`${test.url}/account/integrations/${id}`, {
    headers: { cookie: `cloud-link-session=${login.secret}` },
  });
  const text = await page.text();
  assert(text.includes("&lt;b&gt;attacker") && !text.includes("<b>attacker"));
});

Deno.test("before a link is made the page tells which one it would end, by name within the account only", async () => {
  await using test = await startTestHub({ pages: consolePages });
  const own = await test.hub.accounts.ensureAccount();
  const other = { id: "strangers", name: "Strangers" };
  await using data = await openDatabase(test.dataDirectory);
  await data.database.insertInto("account").values({ ...other, createdAt: Date.now() }).execute();
  const linked = await test.admin.createIntegration("Old ACD");
  const agent = await TestAgent.linked(test.admin, linked.id);
  const look = async (account: Account, options: { id: string; pin: string }) => {
    const name = crypto.randomUUID();
    await test.hub.accounts.addUser(account, { name, role: "administrator", password: "correct horse" });
    const login = await test.hub.services.sessions.logIn({ name, password: "correct horse" }, { address: "x" });
    assert(login.ok);
    const response = await fetchWithin(`${test.url}/account/integrations/${options.id}/look`, {
      method: "POST",
      headers: { cookie: `cloud-link-session=${login.secret}`, origin: test.url },
      body: new URLSearchParams({ csrf: login.session.csrfToken, pin: options.pin }),
    });
    return (await response.json()).details.split("\n").slice(1).join();
  };
  const { pin } = await agent.showPin();
  const { id } = await test.admin.createIntegration("New ACD");
  assertMatch(
    await look(own, { id, pin }),
    /^It is now connected to the integration “Old ACD”: connecting it here ends/,
  );
  assertEquals(await look(own, { id: linked.id, pin }), "");
  assertMatch(await look(other, { id: "theirs", pin }), /^It is now connected to an integration of another account/);
  await test.admin.remove(linked.id);
  assertEquals(await look(own, { id, pin }), "");
});
