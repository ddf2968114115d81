/** Every page in every language, light and dark, on a desk and on a phone: none may have a fault that can be computed. */
import { Hono } from "hono";
import { type ConsoleOptions, consolePages } from "../../src/hub/pages/mod.tsx";
import { securityHeaders } from "../../src/hub/http/security_headers.ts";
import { integrationStates } from "../../src/hub/services.ts";
import { assert, assertEquals } from "../assert.ts";
import { accessibilityFaults } from "./accessibility.ts";
import { launchBrowser, takePicture } from "./browser.ts";
import { sampleServices } from "./sample_services.ts";

const downloads = (["windows", "linux"] as const).map((platform) => ({
  platform,
  href: `/downloads/${platform}`,
  version: "0.1.0",
  size: 52_345_678,
  sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}));

interface Page {
  readonly name: string;
  readonly path: string;
  /** What is clicked before it is looked at. */
  readonly act?: string;
}

const pages: readonly Page[] = [
  { name: "list", path: "/account/integrations" },
  { name: "new", path: "/account/integrations/new" },
  ...integrationStates.map((state) => ({ name: state, path: `/account/integrations/${state}` })),
  { name: "revealed", path: "/account/integrations/online", act: "details.reveal > summary" },
  { name: "older", path: "/account/integrations/online?cursor=older" },
  ...["draft-linked", "database", "database-new", "database-draft"].map((id) => ({
    name: id,
    path: `/account/integrations/${id}`,
  })),
  { name: "database-older", path: "/account/integrations/database?cursor=older" },
  { name: "settings", path: "/account/integrations/database/settings" },
  { name: "delete", path: "/account/integrations/online/delete" },
  { name: "not-found", path: "/account/integrations/none" },
  { name: "too-many", path: "/account/integrations/paused", act: ".manage form[action$=resume] button" },
  { name: "not-at-all", path: "/nothing" },
];

/** Those that are others where the hub hands out no program, as it does by default. */
const pagesWithoutDownloads: readonly Page[] = [
  ...["draft", "never-linked", "unlinked"].map((state) => ({
    name: `${state}-no-downloads`,
    path: `/account/integrations/${state}`,
  })),
  { name: "revealed-no-downloads", path: "/account/integrations/online", act: "details.reveal > summary" },
];

const looks = [
  { name: "desktop-light-en", locale: "en-GB", colorScheme: "light", viewport: { width: 1280, height: 800 } },
  { name: "desktop-dark-de", locale: "de-AT", colorScheme: "dark", viewport: { width: 1280, height: 800 } },
  { name: "phone-light-nl", locale: "nl-BE", colorScheme: "light", viewport: { width: 360, height: 740 } },
  { name: "phone-dark-de", locale: "de", colorScheme: "dark", viewport: { width: 360, height: 740 } },
] as const;

Deno.test({
  name: "every page has labels, headings, contrast, whole words in commands and no sideways scrolling, in every look",
  // Playwright keeps its pipes to the browser in Node's compatibility layer, which the sanitizers take for leaks.
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    await using full = serveSamples({ downloads });
    await using bare = serveSamples({});
    await using browser = await launchBrowser();
    const faults: string[] = [];
    for (const { name: look, ...options } of looks) {
      await using opened = await browser.open({ ...options, isMobile: look.startsWith("phone") });
      const { page, context } = opened;
      const visit = async ({ url }: Served, { name, path, act }: Page) => {
        await page.goto(new URL(path, url).href);
        if (act !== undefined) await page.click(act);
        await takePicture(page, `${look}-${name}`);
        const found = [...await accessibilityFaults(page), ...await page.evaluate<string[]>(brokenWords)];
        faults.push(...found.map((fault) => `${look}, ${name}: ${fault}`));
      };
      await visit(full, { name: "login", path: "/login" });
      await page.fill("#field-name", "admin");
      await page.fill("#field-password", "wrong");
      await page.click("button[type=submit]");
      faults.push(...(await accessibilityFaults(page)).map((fault) => `${look}, login refused: ${fault}`));
      // Cookies are for all ports of a host.
      await context.addCookies([{ name: "cloud-link-session", value: full.secret, url: full.url.href }]);
      for (const shown of pages) await visit(full, shown);
      for (const shown of pagesWithoutDownloads) await visit(bare, shown);
      faults.push(...opened.errors.map((error) => `${look}: ${error}`));
    }
    assertEquals(faults, []);
  },
});

Deno.test({
  name: "on a phone a page of imports is short, who is logged in is told, and buttons begin in one line",
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    await using served = serveSamples({ downloads });
    await using browser = await launchBrowser();
    for (const locale of ["en-GB", "nl-NL", "de-DE"]) {
      await using opened = await browser.open({ locale, viewport: { width: 360, height: 740 }, isMobile: true });
      const { page, context } = opened;
      await context.addCookies([{ name: "cloud-link-session", value: served.secret, url: served.url.href }]);
      const measure = async <T>(path: string, script: string): Promise<T> => {
        await page.goto(new URL(path, served.url).href);
        return await page.evaluate(script) as T;
      };
      // Below its name, each has at most two lines that say the rest.
      const lines = await measure<number[]>(
        "/account/integrations/online",
        `[...document.querySelectorAll(".imports tbody tr")].map((row) =>
          new Set([...row.querySelectorAll("td")].filter((cell) => cell.checkVisibility())
            .map((cell) => cell.getBoundingClientRect().top)).size)`,
      );
      assert(lines.length > 5 && lines.every((count) => count <= 2), `${locale}: ${lines}`);
      const height = await measure<number>("/account/integrations/online", "document.documentElement.scrollHeight");
      assert(height < 3300, `${locale}: ${height} px`);
      for (const name of ["admin", "Häberlein & Söhne Kundendienst GmbH"]) {
        assert(await page.locator(".who-name").getByText(name).isVisible(), `${locale}: ${name}`);
      }
      const indent = await measure<number>(
        "/account/integrations/online/delete",
        `(() => {
          const [button, cancel] = [...document.querySelectorAll(".actions > *")];
          const [above, below] = [button.getBoundingClientRect(), cancel.getBoundingClientRect()];
          if (below.top < above.bottom) return 0;
          return below.left + parseFloat(getComputedStyle(cancel).paddingLeft) - above.left;
        })()`,
      );
      assertEquals([locale, indent], [locale, 0]);
    }
  },
});

/** The words of commands that stand in two lines. */
const brokenWords = `[...document.querySelectorAll(":not(pre) > code:not(.hash)")].flatMap((code) => {
  const nodes = document.createTreeWalker(code, NodeFilter.SHOW_TEXT);
  const broken = [];
  while (nodes.nextNode()) {
    for (const { 0: word, index } of nodes.currentNode.data.matchAll(/\\S+/g)) {
      const range = new Range();
      range.setStart(nodes.currentNode, index);
      range.setEnd(nodes.currentNode, index + word.length);
      if (new Set([...range.getClientRects()].map(({ top }) => top)).size > 1) broken.push("broken: " + word);
    }
  }
  return broken;
})`;

interface Served extends AsyncDisposable {
  readonly url: URL;
  /** Logs in. */
  readonly secret: string;
}

/** The console with samples instead of a hub behind it. */
function serveSamples(options: ConsoleOptions): Served {
  const app = new Hono();
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, app.fetch);
  const url = new URL(`http://127.0.0.1:${server.addr.port}`);
  const { services, secret } = sampleServices(url);
  app.use(securityHeaders({ publicUrl: url }));
  app.route("/", consolePages(services, options));
  return { url, secret, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}
