/** The PIN as the log shows it, for who may not ask the agent. */
import { join } from "node:path";
import { assertEquals } from "../assert.ts";
import { lastOfLink, waitForLoggedLink, waitForLoggedPin } from "../../src/cli/logged_pin.ts";
import { parseConfig } from "../../src/config/load.ts";
import { localTime } from "../../src/log/line.ts";
import { systemClock } from "../../src/runtime/clock.ts";

const signal = new AbortController().signal;
const pinLine = (ageMs: number, pin: string) =>
  `${localTime(Date.now() - ageMs)} INFO  link: **  4) Enter your pin: ${pin} (expires in 5 minutes)\n`;

async function withLog(text: string, use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(join(folder, "injixo-cloud-link.log"), text);
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function configOf(folder: string) {
  return parseConfig("", { folder, file: join(folder, "injixo-cloud-link.toml") }).config;
}

Deno.test("the newest PIN of the log is shown until the log says that the link is made", async () => {
  await withLog(pinLine(299_000, "111111") + pinLine(1000, "222222"), async (folder) => {
    const config = configOf(folder);
    const offer = await waitForLoggedPin(config, { clock: systemClock, signal });
    assertEquals(offer?.pin, "222222");
    if (offer === undefined) return;
    const linked = waitForLoggedLink(config, { offer, clock: systemClock, signal });
    const line = `${localTime(Date.now())} INFO  link: Linked to the integration "ACD" of "Example".\n`;
    await Deno.writeTextFile(join(folder, "injixo-cloud-link.log"), line, { append: true });
    assertEquals(await linked, 'Linked to the integration "ACD" of "Example".');
  });
});

Deno.test("no PIN is shown from the log of a linked installation", async () => {
  const linked = `${localTime(Date.now())} INFO  link: Linked to the integration "ACD" of "Example".\n`;
  await withLog(pinLine(1000, "222222") + linked, async (folder) => {
    assertEquals(await waitForLoggedPin(configOf(folder), { clock: systemClock, signal }), undefined);
  });
  assertEquals(lastOfLink("nothing\n"), { state: "unknown" });
});
