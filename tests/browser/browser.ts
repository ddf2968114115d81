/** A real Chromium for the console's tests. */
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** Where Debian puts it. */
const executablePath = "/usr/bin/chromium";
/** Longest wait for anything on a page, in ms. */
const waitMsMax = 60_000;

/** Takes a picture for people to look at, when `CONSOLE_SCREENSHOTS` names a folder. */
export async function takePicture(page: Page, name: string): Promise<void> {
  const folder = Deno.env.get("CONSOLE_SCREENSHOTS");
  if (folder) await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
}

/** Starts it; `await using` ends it. */
export async function launchBrowser(): Promise<
  AsyncDisposable & { open(options?: BrowserContextOptions): Promise<OpenPage> }
> {
  const browser: Browser = await chromium.launch({
    executablePath,
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  return {
    open: (options) => openPage(browser, options),
    [Symbol.asyncDispose]: () => browser.close(),
  };
}

/** One page in a browser profile of its own; `errors` are the script's and the console's, the CSP's among them. */
export interface OpenPage extends AsyncDisposable {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly errors: readonly string[];
}

async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<OpenPage> {
  const context = await browser.newContext({ locale: "en-GB", timezoneId: "Europe/Berlin", ...options });
  context.setDefaultTimeout(waitMsMax);
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    // Chromium reports every 4xx answer here; which ones are right is the tests' matter.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
      errors.push(message.text());
    }
  });
  return { page, context, errors, [Symbol.asyncDispose]: () => context.close() };
}
