import { assert, assertEquals } from "../../assert.ts";
import { freePort } from "../../free_port.ts";
import { openAccounts } from "../../../src/hub/access/open_accounts.ts";
import { HubClient } from "../hub_client.ts";
import { type HubProcess, startHubProcess } from "../hub_process.ts";
import { linkedDatabase, loaded, queryBatch, rowsOf } from "./query_batch.ts";

const rounds = 10;
const rowsPerBatch = 60_000;

Deno.test("a hub killed while it loads has each window's old rows or its new ones, and the new ones in the end", async () => {
  const dataDirectory = await Deno.makeTempDir({ prefix: "hub-rows-kill-" });
  try {
    const listen = `127.0.0.1:${freePort()}`;
    let hub: HubProcess = await startHubProcess(dataDirectory, { listen });
    await using _last = { [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose]() };
    const token = await addToken(dataDirectory);
    const admin = new HubClient({ url: hub.url, token });
    const { id, agent } = await linkedDatabase(admin, { dataType: "interval", timeZone: "UTC" });
    let half = 0;
    for (let round = 1; round <= rounds; round++) {
      // The same window each time, each time with other numbers.
      const rows = Array.from({ length: rowsPerBatch }, (_, n) => [
        `Q${n % 100}`,
        "Hotline",
        new Date(Date.UTC(2026, 0, 1) + Math.floor(n / 100) * 900_000).toISOString().slice(0, 19).replace("T", " "),
        String(round),
        "0",
        "0",
        "calls",
      ]);
      await agent.deliver(queryBatch(agent, {
        dataType: "interval",
        from: "2026-01-01T00:00:00Z",
        to: "2026-01-08T00:00:00Z",
        timeZone: "UTC",
        sequence: round,
        rows,
      }));
      // Anywhere in the loading, which takes about half a second.
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 700));
      await hub.stop("SIGKILL");
      hub = await startHubProcess(dataDirectory, { listen });
      const found = await rowsOf(admin, id);
      const numbers = new Set(found.map(({ offered }) => offered));
      assertEquals(numbers.size, found.length === 0 ? 0 : 1, "two batches are mixed");
      assert(found.length === 0 || found.length === rowsPerBatch, `${found.length} rows`);
      if (!numbers.has(round)) half++;
      const windows = await loaded(admin, id);
      assertEquals([windows.rows, windows.items[0]?.agrees], [rowsPerBatch, true]);
      assertEquals((await rowsOf(admin, id, "&to=2026-01-01T00:15:00Z"))[0]?.["offered"], round);
      assertEquals(await agent.fetchToken(), undefined);
    }
    assert(half > 0, "no round killed the hub before it was done");
    assertEquals((await hub.stop("SIGTERM")).code, 0);
  } finally {
    await Deno.remove(dataDirectory, { recursive: true });
  }
});

async function addToken(dataDirectory: string): Promise<string> {
  await using data = await openAccounts(dataDirectory);
  return await data.accounts.addToken(await data.accounts.ensureAccount(), { name: "test", role: "administrator" });
}
