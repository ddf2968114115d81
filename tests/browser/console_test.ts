/**
 * The console as its users meet it: real Chromium, a real hub, and an installation that shows PINs and delivers files.
 */
import type { Page } from "playwright-core";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { launchBrowser, type OpenPage, takePicture } from "./browser.ts";
import { type RunningHub, startHub } from "./hub.ts";
import { type SimulatedInstallation, simulateInstallation } from "./simulated_installation.ts";

/** Playwright keeps its pipes to the browser in Node's compatibility layer, which the sanitizers take for leaks. */
const withBrowser = { sanitizeOps: false, sanitizeResources: false } as const;

interface Scene {
  readonly hub: RunningHub;
  readonly page: Page;
  readonly opened: OpenPage;
  installation(hostName: string): Promise<SimulatedInstallation>;
}

async function play(
  act: (scene: Scene) => Promise<void>,
  options: Parameters<Awaited<ReturnType<typeof launchBrowser>>["open"]>[0] = {},
): Promise<void> {
  await using hub = await startHub();
  await using browser = await launchBrowser();
  await using opened = await browser.open({ ...options, baseURL: hub.url.href });
  const installation = (hostName: string) => simulateInstallation(hub.url, hostName);
  await act({ hub, page: opened.page, opened, installation });
  assertEquals(opened.errors, []);
}

async function logIn({ page, hub }: Scene): Promise<void> {
  await page.goto("/account/integrations");
  await page.fill("[name=name]", hub.user.name);
  await page.fill("[name=password]", hub.user.password);
  await page.click("form.card button");
  await page.waitForSelector("form.who");
}

/** Adds and saves an integration linked to a new installation; the page is then the integration's. */
async function addIntegration(scene: Scene, name: string): Promise<SimulatedInstallation> {
  const { page } = scene;
  const installation = await scene.installation(`host-of-${name.toLowerCase()}`);
  await page.goto("/account/integrations/new");
  await page.click("form.card button");
  await page.fill("[name=pin]", await installation.newPin());
  await page.click("form[action$=connect] button");
  await page.fill("[name=name]", name);
  await page.click("form[action$=save] button");
  await page.waitForSelector(".flash");
  await installation.linked();
  return installation;
}

const csv = (rows: number) =>
  ["queue;calls", ...Array.from({ length: rows }, (_, n) => `Süd ${n};${n}`)].join("\n") + "\n";

Deno.test({
  name: "an administrator logs in, adds an integration by PIN, and sees a file arrive without reloading",
  ...withBrowser,
  fn: () =>
    play(async (scene) => {
      const { page, hub } = scene;
      await page.goto("/account/integrations");
      assertMatch(page.url(), /\/login\?to=/);
      await page.fill("[name=name]", hub.user.name);
      await page.fill("[name=password]", "not the password");
      await page.click("form.card button");
      assertMatch(await page.innerText("[role=alert]"), /do not match/);
      assertEquals(await page.inputValue("[name=name]"), hub.user.name);
      await page.fill("[name=password]", hub.user.password);
      await page.click("form.card button");
      await page.waitForURL("**/account/integrations");
      assertMatch(await page.innerText("main"), /No integrations yet/);

      await page.click("text=Add a new integration");
      await page.check("[name=type][value=csv]");
      await page.click("text=Continue");
      assertEquals(await page.innerText("h1"), "Add a new integration");
      assertEquals(await page.locator("[name=name]").count(), 0);
      assertMatch(await page.innerText(".caution"), /Only enter a PIN shown by one of your own machines/);
      const installation = await scene.installation("acd-db-01");
      const pin = await installation.newPin();
      // The script names the machine before it is connected.
      await page.locator("[name=pin]").pressSequentially(pin);
      await page.waitForSelector("[data-look-result]:has-text('acd-db-01 (linux 6.1.0 x86_64)')");
      const look = await page.innerText("[data-look-result]");
      assertMatch(look, /Cloud Link \S+, address 127\.0\.0\.1, PIN created \d+ seconds? ago\.$/);
      await takePicture(page, "pin-typed");
      await page.click("form[action$=connect] button");
      await page.waitForSelector(".flash:has-text('The installation is connected.')");
      await takePicture(page, "connected");
      const facts = await page.innerText(".facts");
      for (const fact of ["acd-db-01", "linux 6.1.0 x86_64", "127.0.0.1"]) assert(facts.includes(fact), fact);

      assertMatch(facts, /Never/);
      await page.fill("[name=name]", "Berlin, <i>calls</i>");
      await installation.linked();
      await installation.report();
      await page.waitForSelector(".facts:not(:has-text('Never'))");
      assertEquals(await page.inputValue("[name=name]"), "Berlin, <i>calls</i>");
      await page.click("form[action$=save] button");
      await page.waitForSelector(".flash:has-text('The integration is saved.')");
      assertEquals(await page.innerText("h1"), "Berlin, <i>calls</i>");
      assertMatch(await page.innerText("main"), /Nothing has been imported yet/);

      await page.waitForSelector(".live-note:has-text('updates automatically')");
      const content = csv(3);
      await installation.deliver({ name: "Süd.csv", content });
      await page.waitForSelector(".imports:has-text('Süd.csv')");
      await page.waitForFunction("document.querySelector('[data-live-announcement]').textContent === '1 new import.'");
      assertMatch(await page.innerText(".status-line"), /Online/);
      await installation.deliver({ name: "zweite.csv", content: csv(4) });
      await page.waitForSelector(".imports tbody tr >> nth=1");
      assertEquals(await page.locator(".imports tbody a").allInnerTexts(), ["zweite.csv", "Süd.csv"]);

      await takePicture(page, "imports-arrived");
      const downloading = page.waitForEvent("download");
      await page.click("text=Süd.csv");
      const download = await downloading;
      assertEquals(download.suggestedFilename(), "Süd.csv");
      assertEquals(await Deno.readTextFile(await download.path()), content);
    }),
});

Deno.test({
  name: "an administrator renames, pauses, resumes, moves and deletes an integration",
  ...withBrowser,
  fn: () =>
    play(async (scene) => {
      const { page } = scene;
      await logIn(scene);
      await addIntegration(scene, "First");
      await page.fill(".manage [name=name]", "   ");
      await page.click("text=Save name");
      assertMatch(await page.innerText("#field-name-error"), /Enter a name/);
      // The page stays as it is, what is typed with it, while the script keeps it current.
      await page.waitForSelector(".live-note:has-text('updates automatically')");
      assert(await page.isVisible("#field-name-error"));
      await page.fill(".manage [name=name]", "Second");
      await page.click("text=Save name");
      await page.waitForSelector(".flash:has-text('The new name is saved.')");
      assertEquals(await page.innerText("h1"), "Second");

      await page.click("form[action$=pause] button");
      await page.waitForSelector(".state:has-text('Paused')");
      await page.click("form[action$=resume] button");
      await page.waitForSelector(".flash:has-text('running again')");
      assertEquals(await page.locator(".state:has-text('Paused')").count(), 0);

      const next = await scene.installation("new-server");
      await page.click("text=Connect a new installation");
      assertMatch(
        await page.innerText("details.reveal"),
        /host-of-first is unlinked as soon as the new one is connected/,
      );
      await page.fill("[name=pin]", await next.newPin());
      await page.click("form[action$=connect] button");
      await page.waitForSelector(".facts:has-text('new-server')");

      await page.click(".manage >> text=Delete");
      assertEquals(await page.innerText("h1"), "Delete “Second”?");
      assertMatch(await page.innerText("main"), /new-server is unlinked/);
      await page.click("text=Cancel");
      assertEquals(await page.innerText("h1"), "Second");
      await page.click(".manage >> text=Delete");
      await page.click("text=Delete integration");
      await page.waitForSelector(".flash:has-text('The integration is deleted.')");
      assertMatch(await page.innerText("main"), /No integrations yet/);
      await page.click("text=Log out");
      await page.waitForSelector(".flash:has-text('You have been logged out.')");
      await page.goto("/account/integrations");
      assertMatch(page.url(), /\/login/);
    }),
});

Deno.test({
  name: "while many files arrive the page is fetched once in two seconds at most, and shows the last one in the end",
  ...withBrowser,
  fn: () =>
    play(async (scene) => {
      const { page } = scene;
      await logIn(scene);
      const installation = await addIntegration(scene, "Backlog");
      await page.waitForSelector(".live-note:has-text('updates automatically')");
      const fetched: number[] = [];
      page.on("requestfinished", (request) => {
        if (request.resourceType() === "fetch") fetched.push(request.timing().startTime);
      });
      const untilMs = performance.now() + 5000;
      let count = 0;
      while (performance.now() < untilMs) await installation.deliver({ name: `${++count}.csv`, content: csv(count) });
      await page.waitForSelector(`.imports a:text-is("${count}.csv")`);
      const gaps = fetched.slice(1).map((startedMs, n) => startedMs - (fetched[n] ?? 0));
      assert(gaps.length > 0 && gaps.every((gapMs) => gapMs > 1900), `${count} files, gaps of ${gaps} ms`);
      // What came within them is announced together.
      assertMatch(await page.innerText("[data-live-announcement]"), /^\d+ new imports?\.$/);
    }),
});

Deno.test({
  name: "a wrong PIN is told next to its field, is sent only once, and too many say when to try again",
  ...withBrowser,
  fn: () =>
    play(async (scene) => {
      const { page } = scene;
      await logIn(scene);
      await page.goto("/account/integrations/new");
      await page.click("form.card button");
      await page.locator("[name=pin]").pressSequentially("000000");
      await page.waitForSelector("[data-look-result].error:has-text('wrong or has expired')");
      const before = page.url();
      await page.click("form[action$=connect] button");
      assertEquals(page.url(), before);
      const refused = async (pin: string) => {
        await page.fill("[name=pin]", pin);
        await page.click("form[action$=connect] button");
        await page.waitForSelector("#field-pin-error");
        return await page.innerText("#field-pin-error");
      };
      assertMatch(await refused("000001"), /wrong or has expired/);
      assertEquals(await page.evaluate("document.activeElement.name"), "pin");
      let last = "";
      for (let n = 2; n < 10 && !/Try again in \d/.test(last); n++) last = await refused(`00000${n}`);
      await takePicture(page, "too-many-pins");
      assertMatch(last, /Too many wrong PINs\. Try again in \d+ (minute|second)s?/);
    }),
});

Deno.test({
  name: "everything works with the keyboard alone",
  ...withBrowser,
  fn: () =>
    play(async (scene) => {
      const { page, hub } = scene;
      const { keyboard } = page;
      /** Tabs until the focus is on what `selector` names; the focus must be seen wherever it goes. */
      const tabTo = async (selector: string) => {
        for (let tries = 0; tries < 40; tries++) {
          await keyboard.press("Tab");
          const focus = await page.evaluate(`(() => {
            const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
            return { there: document.activeElement.matches(${JSON.stringify(selector)}), outlineStyle, outlineWidth };
          })()`) as { there: boolean; outlineStyle: string; outlineWidth: string };
          if (focus.there) {
            assertEquals([focus.outlineStyle, focus.outlineWidth], ["solid", "3px"]);
            return;
          }
        }
        throw new Error(`No tab leads to ${selector}.`);
      };
      await page.goto("/login");
      // The browser moves the focus with its next frame, which on a busy machine comes after the page's load event.
      await page.waitForSelector("[name=name]:focus");
      await keyboard.type(hub.user.name);
      await keyboard.press("Tab");
      await keyboard.type(hub.user.password);
      await keyboard.press("Enter");
      await page.waitForURL("**/account/integrations");
      await keyboard.press("Tab");
      assertEquals(await page.evaluate("document.activeElement.className"), "skip");
      await keyboard.press("Enter");
      await tabTo("a.primary");
      await keyboard.press("Enter");
      await page.waitForURL("**/new");
      await tabTo("form.card button.primary");
      await keyboard.press("Enter");
      await page.waitForSelector("[name=pin]");
      const installation = await scene.installation("keyboard-host");
      await tabTo("[name=pin]");
      await keyboard.type(await installation.newPin());
      await keyboard.press("Enter");
      await page.waitForSelector(".facts:has-text('keyboard-host')");
      await tabTo("[name=name]");
      await keyboard.type("By keyboard");
      await keyboard.press("Enter");
      await page.waitForSelector("h1:has-text('By keyboard')");
      await tabTo("details.reveal > summary");
      await keyboard.press("Enter");
      await tabTo("details.reveal [name=pin]");
      await tabTo("form[action$=pause] button");
      await keyboard.press("Space");
      await page.waitForSelector(".state:has-text('Paused')");
      await tabTo(".button.danger");
      await keyboard.press("Enter");
      await page.waitForURL("**/delete");
      await tabTo("button.danger");
      await keyboard.press("Space");
      await page.waitForSelector(".flash:has-text('deleted')");
    }),
});

Deno.test({
  name: "every page works without script",
  ...withBrowser,
  fn: () =>
    play(async (scene) => {
      const { page } = scene;
      await logIn(scene);
      const installation = await addIntegration(scene, "Plain");
      await installation.deliver({ name: "plain.csv", content: csv(1) });
      await page.click("noscript a, .live-note a");
      assertMatch(await page.innerText(".imports"), /plain\.csv/);
      assertMatch(await page.innerText(".imports time"), /UTC/);
      await page.click("form[action$=pause] button");
      assertMatch(await page.innerText(".state"), /Paused/);
    }, { javaScriptEnabled: false }),
});

for (
  const { locale, add, pin, connect, save } of [
    {
      locale: "nl-NL",
      add: "Voeg een nieuwe integratie toe",
      pin: "PIN die tijdens de installatie wordt weergegeven",
      connect: "Verbinden",
      save: "Opslaan",
    },
    {
      locale: "de-DE",
      add: "Neue Integration hinzufügen",
      pin: "Bei der Installation angezeigte PIN",
      connect: "Verbinden",
      save: "Speichern",
    },
  ]
) {
  Deno.test({
    name: `on a phone, in ${locale}, an integration is added without scrolling sideways`,
    ...withBrowser,
    fn: () =>
      play(async (scene) => {
        const { page } = scene;
        const fits = async () =>
          assertEquals(await page.evaluate("document.documentElement.scrollWidth"), 360, page.url());
        await logIn(scene);
        await fits();
        await page.getByRole("link", { name: add }).tap();
        await page.waitForSelector("[name=type]");
        await fits();
        assertEquals(await page.getAttribute("html", "lang"), locale.slice(0, 2));
        await page.locator("form.card button").tap();
        const installation = await scene.installation("acd-database-server-01.contact-centre.internal.example");
        const field = page.getByLabel(pin);
        assertEquals(
          [await field.getAttribute("inputmode"), await field.getAttribute("autocomplete")],
          ["numeric", "one-time-code"],
        );
        await field.fill(await installation.newPin());
        await page.getByRole("button", { name: connect }).tap();
        await page.waitForSelector(".facts");
        await fits();
        await page.fill("[name=name]", "x".repeat(80));
        await page.getByRole("button", { name: save }).tap();
        await page.waitForSelector(".manage");
        await installation.linked();
        await installation.deliver({ name: `${"y".repeat(120)}.csv`, content: csv(2) });
        await page.waitForSelector(".imports a");
        await fits();
      }, { locale, viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true }),
  });
}
