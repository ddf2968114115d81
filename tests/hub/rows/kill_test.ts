import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { seededRandom } from "../../../src/runtime/seeded_random.ts";
import { assert, assertEquals } from "../../assert.ts";
import { freePort } from "../../free_port.ts";
import { openAccounts } from "../../../src/hub/access/open_accounts.ts";
import { HubClient } from "../hub_client.ts";
import { type HubProcess, startHubProcess } from "../hub_process.ts";
import type { TestAgent, TestBatch } from "../test_agent.ts";
import { linkedDatabase, loaded, queryBatch, rowsOf } from "./query_batch.ts";

const rounds = 10;
const rowsPerBatch = 60_000;
/** Decides when the hub is killed; `HUB_KILL_SEED` repeats a run. */
const seed = Number(Deno.env.get("HUB_KILL_SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]);

Deno.test(`a hub killed while it loads has each window's old rows or its new ones, and the new ones in the end (seed ${seed})`, async () => {
  const random = seededRandom(seed);
  const dataDirectory = await Deno.makeTempDir({ prefix: "hub-rows-kill-" });
  try {
    const listen = `127.0.0.1:${freePort()}`;
    let hub: HubProcess = await startHubProcess(dataDirectory, { listen });
    await using _last = { [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose]() };
    const token = await addToken(dataDirectory);
    const admin = new HubClient({ url: hub.url, token });
    const { id, agent } = await linkedDatabase(admin, { dataType: "interval", timeZone: "UTC" });
    await agent.deliver(sameWindow(agent, 0));
    const startedMs = performance.now();
    await loaded(admin, id);
    const loadMs = performance.now() - startedMs;
    let interrupted = 0;
    for (let round = 1; round <= rounds; round++) {
      await agent.deliver(sameWindow(agent, round));
      // At once, then anywhere in the loading, sometimes after it: no later load takes as long as the first.
      await new Promise((resolve) => setTimeout(resolve, round === 1 ? 0 : random() ** 2 * loadMs));
      await hub.stop("SIGKILL");
      const kept = rowsInFile(dataDirectory);
      const isLoaded = kept.offered.includes(round);
      assertEquals(kept, { rows: rowsPerBatch, offered: [isLoaded ? round : round - 1] });
      if (!isLoaded) interrupted++;
      hub = await startHubProcess(dataDirectory, { listen });
      const found = await rowsOf(admin, id);
      assertEquals(found.length, rowsPerBatch);
      assertEquals(new Set(found.map(({ offered }) => offered)).size, 1, "two batches are mixed");
      const windows = await loaded(admin, id);
      assertEquals([windows.rows, windows.items[0]?.agrees], [rowsPerBatch, true]);
      assertEquals((await rowsOf(admin, id, "&to=2026-01-01T00:15:00Z"))[0]?.["offered"], round);
      assertEquals(await agent.fetchToken(), undefined);
    }
    assert(interrupted > 0, "no round killed the hub before it was done");
    assertEquals((await hub.stop("SIGTERM")).code, 0);
  } finally {
    await Deno.remove(dataDirectory, { recursive: true });
  }
});

/** The same window each time, each time with other numbers. */
function sameWindow(agent: TestAgent, round: number): TestBatch {
  const rows = Array.from({ length: rowsPerBatch }, (_, n) => [
    `Q${n % 100}`,
    "Hotline",
    new Date(Date.UTC(2026, 0, 1) + Math.floor(n / 100) * 900_000).toISOString().slice(0, 19).replace("T", " "),
    String(round),
    "0",
    "0",
    "calls",
  ]);
  return queryBatch(agent, {
    dataType: "interval",
    from: "2026-01-01T00:00:00Z",
    to: "2026-01-08T00:00:00Z",
    timeZone: "UTC",
    sequence: round + 1,
    rows,
  });
}

/** What a hub that is killed has left: a running one would load at once what waits. */
function rowsInFile(dataDirectory: string): { rows: number; offered: number[] } {
  using database = new DatabaseSync(join(dataDirectory, "rows", "rows.db"), { readOnly: true });
  const counts = database.prepare("select offered, count(*) as rows from contact_interval group by offered").all();
  return {
    rows: counts.reduce((sum, { rows }) => sum + Number(rows), 0),
    offered: counts.map(({ offered }) => Number(offered)),
  };
}

async function addToken(dataDirectory: string): Promise<string> {
  await using data = await openAccounts(dataDirectory);
  return await data.accounts.addToken(await data.accounts.ensureAccount(), { name: "test", role: "administrator" });
}
