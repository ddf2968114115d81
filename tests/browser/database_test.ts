/** A database integration in the console, with an installation made of requests: the form, the test's preview, the data. */
import type { Assignment } from "../../src/protocol/assignment.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { queryBatch } from "../hub/rows/query_batch.ts";
import { TestAgent } from "../hub/test_agent.ts";
import { accessibilityFaults } from "./accessibility.ts";
import { launchBrowser, type OpenPage, takePicture } from "./browser.ts";
import { type RunningHub, startHub } from "./hub.ts";

/** Playwright keeps timers and pipes of its own, which the sanitizers take for leaks. */
const withBrowser = { sanitizeOps: false, sanitizeResources: false } as const;

type BrowserOptions = Parameters<Awaited<ReturnType<typeof launchBrowser>>["open"]>[0];

interface Scene {
  readonly page: OpenPage["page"];
  readonly hub: RunningHub;
}

async function play(act: (scene: Scene) => Promise<void>, options: BrowserOptions = {}): Promise<void> {
  await using hub = await startHub();
  await using browser = await launchBrowser();
  await using opened = await browser.open({ ...options, baseURL: hub.url.href });
  const { page } = opened;
  await page.goto("/account/integrations");
  await page.fill("[name=name]", hub.user.name);
  await page.fill("[name=password]", hub.user.password);
  await page.click("form.card button");
  await page.waitForSelector("form.who");
  await act({ page, hub });
  assertEquals(opened.errors, []);
}

/** Adds a draft of type database and links a new installation by PIN. */
async function linkDraft({ page, hub }: Scene): Promise<TestAgent> {
  await page.goto("/account/integrations/new");
  await page.check("[name=type][value=database]");
  await page.click("form.card button");
  const agent = await TestAgent.register(hub.url.origin, { hostName: "acd-db-01" });
  const { pin, deviceCode } = await agent.showPin();
  await page.fill("[name=pin]", pin);
  await page.click("form[action$=connect] button");
  await page.waitForSelector("[name=query]");
  assertEquals(await agent.fetchToken(deviceCode), undefined);
  return agent;
}

async function fillSettings({ page }: Scene): Promise<void> {
  await page.fill("[name=name]", "Berlin, calls");
  await page.selectOption("[name=databaseType]", "postgresql");
  await page.fill("[name=host]", "db.intern");
  await page.fill("[name=database]", "acd");
  await page.fill("[name=user]", "reporting");
  await page.fill("#field-password", "secret word");
  await page.fill("[name=timeZone]", "Europe/Berlin");
  await page.fill(
    "[name=query]",
    "SELECT queueidentifier, queuename,\n  timestamp, offered, answered, handlingtime\nFROM calls",
  );
}

async function assignment(agent: TestAgent): Promise<Assignment> {
  return await (await agent.request("GET", "assignment")).json();
}

/** Two weeks of contacts of two queues, up to today. */
function twoWeeks(agent: TestAgent) {
  const dayMs = 86_400_000;
  const today = Math.floor(Date.now() / dayMs) * dayMs;
  const rows = Array.from({ length: 14 * 40 }, (_, n) => {
    const at = today - (13 - Math.floor(n / 40)) * dayMs + (6 * 4 + (n % 40)) * 900_000;
    const offered = 10 + ((n * 7919) % 23) + (n % 40);
    const time = new Date(at).toISOString().slice(0, 19).replace("T", " ");
    return [`Q${n % 2}`, "Hotline", time, `${offered}`, `${Math.floor(offered * 0.85)}`, "600", "calls"];
  });
  return queryBatch(agent, {
    dataType: "interval",
    from: new Date(today - 14 * dayMs).toISOString(),
    to: new Date(today + dayMs).toISOString(),
    sequence: 1,
    rows,
    lane: "history",
    refused: { rows: 2, reasons: ['Row 17: answered is "n/a", not an integer'] },
  });
}

Deno.test({
  name: "an administrator sets a database up, sees its test and preview within seconds, and its rows arrive",
  ...withBrowser,
  fn: () =>
    play(async (scene) => {
      const { page } = scene;
      const agent = await linkDraft(scene);
      await takePicture(page, "database-draft");
      assertEquals(await accessibilityFaults(page), []);

      // What the type does not need is not shown.
      assert(await page.isVisible("[name=host]") && !await page.isVisible("[name=file]"));
      await page.selectOption("[name=databaseType]", "sqlite");
      assert(await page.isVisible("[name=file]") && !await page.isVisible("[name=host]"));
      await page.selectOption("[name=databaseType]", "odbc");
      assert(await page.isVisible("[name=connectionString]") && !await page.isVisible("[name=file]"));
      await page.check("[name=kept]");
      assert(!await page.isVisible("[name=connectionString]"));
      await page.uncheck("[name=kept]");
      assert(await page.isVisible("[name=intervalMinutes]") && !await page.isVisible("[name=realTime]"));
      await page.selectOption("[name=dataType]", "agent-status");
      assert(!await page.isVisible("[name=intervalMinutes]") && await page.isVisible("[name=realTime]"));
      await page.selectOption("[name=dataType]", "interval");

      await fillSettings(scene);
      await page.fill("[name=timeZone]", "Berlin");
      await page.fill("[name=query]", "DELETE FROM calls");
      await page.click("form[action$=save] button");
      assertMatch(await page.innerText("#field-timeZone-error"), /such as Europe\/Berlin/);
      assertMatch(await page.innerText("#field-query-error"), /only a SELECT/);
      assertEquals(await page.inputValue("[name=host]"), "db.intern");
      assertEquals(await page.inputValue("#field-password"), "");
      assertMatch(await page.innerText("#field-password-error"), /Enter this again/);
      await takePicture(page, "database-errors");
      assertEquals(await accessibilityFaults(page), []);

      await fillSettings(scene);
      await page.fill("[name=name]", " ");
      await page.click("form[action$=save] button");
      assertMatch(await page.innerText("#field-name-error"), /Enter a name/);
      assertMatch(await page.innerText("#field-password-error"), /Enter this again/);
      await fillSettings(scene);
      await page.click("form[action$=save] button");
      await page.waitForSelector(".flash:has-text('The integration is saved.')");
      await page.waitForSelector(".test:has-text('is testing the settings')");
      await page.waitForSelector(".live-note:has-text('updates automatically')");
      const { source, requests: [request] } = await assignment(agent);
      assert(source?.type === "database" && source.connection.by === "parts");
      assertEquals([source.connection.password, source.query.split("\n").length], ["secret word", 3]);
      assert(request?.type === "test");
      await agent.request("PUT", `requests/${request.id}`, {
        json: {
          ok: true,
          message: "The query works: 31 rows for the last hour, in 12 ms, from PostgreSQL 15.",
          preview: {
            columns: ["queueidentifier", "queuename", "timestamp", "offered", "answered", "handlingtime"],
            rows: [["1", "Süd <b>", "2026-03-04 10:00:00", "3", "3", "512"], [
              "2",
              null,
              "2026-03-04 10:00:00",
              "1",
              "0",
              "0",
            ]],
            rowCount: 31,
          },
        },
      });
      await page.waitForSelector(".test .result.good:has-text('31 rows for the last hour')");
      assertEquals(await page.locator(".test tbody tr").count(), 2);
      assertEquals(await page.innerText(".test caption"), "31 rows in the last hour, the first 2 of them");
      assertEquals(await page.innerText(".test tbody tr:first-child td:nth-child(2)"), "Süd <b>");
      assert(!(await page.content()).includes("secret word"));

      await agent.deliver(twoWeeks(agent));
      await page.waitForSelector("[data-live=data] svg");
      await page.waitForSelector("[data-live=windows] .agrees");
      assertMatch(await page.innerText("[data-live=data]"), /560/);
      assertMatch(await page.innerText(".refused"), /2 of 562 rows[\s\S]*answered is "n\/a"/);
      assertEquals(await page.locator(".chart rect.bar-total").count(), 14);
      await takePicture(page, "database-light");
      assertEquals(await accessibilityFaults(page), []);
      await page.click(".chart summary");
      assertEquals(await page.locator(".chart tbody tr").count(), 14);
      await page.emulateMedia({ colorScheme: "dark" });
      await takePicture(page, "database-dark");
      assertEquals(await accessibilityFaults(page), []);
      await page.setViewportSize({ width: 360, height: 740 });
      await takePicture(page, "database-phone");
      assertEquals(await accessibilityFaults(page), []);

      await page.click("a[href$=settings]");
      assertEquals(await page.inputValue("[name=query]"), source.query);
      await takePicture(page, "database-settings-phone");
      assertEquals(await accessibilityFaults(page), []);
      await page.fill("[name=host]", "other.example");
      await page.click("main form button.primary");
      assertMatch(await page.innerText("#field-password-error"), /Enter the password again/);
      await page.fill("#field-password", "another");
      await page.fill("[name=timeZone]", "Berlin");
      await page.click("main form button.primary");
      assertMatch(await page.innerText("#field-password-error"), /Enter this again/);
      await page.fill("[name=timeZone]", "Europe/Berlin");
      await page.fill("#field-password", "another");
      await page.click("main form button.primary");
      await page.waitForSelector(".flash:has-text('The settings are saved.')");
      const changed = await assignment(agent);
      assert(changed.source?.type === "database" && changed.source.connection.by === "parts");
      assertEquals([changed.source.connection.host, changed.source.connection.password], ["other.example", "another"]);
      const [again] = changed.requests;
      assert(again?.type === "test");
      await agent.request("PUT", `requests/${again.id}`, {
        json: { ok: false, message: "08001 Cannot reach other.example: check the host name." },
      });
      await page.waitForSelector(".test .result.bad:has-text('Cannot reach other.example')");
    }),
});

Deno.test({
  name: "without script the form works too, in the user's language",
  ...withBrowser,
  fn: () =>
    play(async (scene) => {
      const { page } = scene;
      await linkDraft(scene);
      assert(!await page.isVisible("[name=file]"));
      await fillSettings(scene);
      await page.fill("[name=timeZone]", "Mars/Olympus");
      await page.click("form[action$=save] button");
      assertMatch(await page.innerText("#field-timeZone-error"), /Voer de naam van een tijdzone in/);
      assertMatch(await page.innerText("#field-password-error"), /Voer dit opnieuw in/);
      await page.fill("[name=timeZone]", "Europe/Amsterdam");
      await page.fill("#field-password", "geheim");
      await page.click("form[action$=save] button");
      await page.waitForSelector(".flash");
      assertMatch(await page.innerText("main"), /reporting@db\.intern\/acd/);
      assertMatch(await page.innerText("main"), /Nog niets geïmporteerd|nog niets geïmporteerd/i);
      assertEquals(await accessibilityFaults(page), []);
    }, { javaScriptEnabled: false, locale: "nl-NL" }),
});
