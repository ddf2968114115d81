/** What is left on the hub's disk of an integration that was deleted: nothing. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { seededRandom } from "../../../src/runtime/seeded_random.ts";
import { assert, assertEquals } from "../../assert.ts";
import { eventually } from "../../eventually.ts";
import { noise } from "../../noise.ts";
import { startHubProcess } from "../hub_process.ts";
import { linkedDatabase } from "../rows/query_batch.ts";
import { startTestHub } from "../start_hub.ts";
import { put, TestAgent, type TestBatch } from "../test_agent.ts";
import { ShiftedClock } from "../test_clock.ts";

/** Below `objects/`, folders with a slash at the end; they may go meanwhile. */
async function objects(dataDirectory: string, below = ""): Promise<string[]> {
  const found: string[] = [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(join(dataDirectory, "objects", below))) {
      const path = `${below}${name}`;
      found.push(...isDirectory ? [`${path}/`, ...await objects(dataDirectory, `${path}/`)] : [path]);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found.toSorted();
}

function rowsOf(dataDirectory: string, sql: string): unknown[] {
  using database = new DatabaseSync(join(dataDirectory, "hub.db"), { readOnly: true });
  return database.prepare(sql).all().map((row) => Object.values(row)[0]);
}

/** One in the database, one in a shared folder, one of several parts. */
async function deliverAll(agent: TestAgent): Promise<void> {
  for (const bytes of [1000, 100_000, 900_000]) await agent.deliver(agent.batch(`${bytes}.csv`, noise(bytes)));
}

async function sendHalf(agent: TestAgent): Promise<TestBatch> {
  const batch = agent.batch("half.csv", noise(900_000), { partBytes: 300_000 });
  await agent.declare(batch);
  const [first] = batch.parts;
  assert(first !== undefined);
  const [address] = await agent.addresses(batch, [first]);
  assert(address !== undefined);
  assertEquals((await put(address, batch.payload.subarray(0, first.bytes))).status, 204);
  return batch;
}

Deno.test("nothing stays of a deleted integration but that it was there, and everything of another one", async () => {
  const clock = new ShiftedClock();
  await using test = await startTestHub({ clock });
  const { dataDirectory, hub, admin } = test;
  const kept = await admin.createIntegration("kept");
  await deliverAll(await TestAgent.linked(admin, kept.id));
  const before = await objects(dataDirectory);
  const gone = await linkedDatabase(admin, { dataType: "interval", databaseType: "odbc", connectionString: "DSN=a" });
  await deliverAll(gone.agent);
  const half = await sendHalf(gone.agent);
  const [late] = await gone.agent.addresses(half, half.parts.slice(1, 2));
  assert(late !== undefined);
  await admin.remove(gone.id);
  assertEquals(rowsOf(dataDirectory, `select settings from integration where id = '${gone.id}'`), ["{}"]);

  // Its agent is told before it can ask for the batch that it has half sent, and no part is taken any more.
  const refused = await gone.agent.complete(half);
  assertEquals([refused.status, (await refused.json()).reason], [403, "integration-deleted"]);
  const [, second] = half.parts;
  const upload = await put(late, half.payload.subarray(second?.offset, 2 * (second?.offset ?? 0)));
  assertEquals([upload.status, (await upload.json()).type], [403, "/problems/bad-upload-address"]);

  const all = await objects(dataDirectory);
  await hub.sweep();
  assertEquals(await objects(dataDirectory), all, "an upload may still be on its way");
  clock.advance(3 * 3_600_000);
  await hub.sweep();
  assertEquals(await objects(dataDirectory), before);
  assertEquals(rowsOf(dataDirectory, "select distinct integrationId from batch"), [kept.id]);
  assertEquals(rowsOf(dataDirectory, "select count(*) from batchParts"), [1]);
  assertEquals(rowsOf(dataDirectory, "select count(*) from object"), [1]);
  const imports = await admin.imports(kept.id);
  for (const { id, size } of imports) assertEquals((await admin.content(id)).length, size);
  assertEquals(imports.length, 3);
});

Deno.test("a draft that was never linked is forgotten after a week, any other integration stays", async () => {
  const clock = new ShiftedClock();
  await using test = await startTestHub({ clock });
  const create = async (draft: boolean) => {
    const json = { name: "new", type: "csv", draft };
    const response = await test.admin.request("POST", "/api/v1/integrations", { json });
    return (await response.json()).id as string;
  };
  const [abandoned, linked, saved] = [await create(true), await create(true), await create(false)];
  await TestAgent.linked(test.admin, linked);
  clock.advance(6 * 24 * 3_600_000);
  const young = await create(true);
  await test.hub.sweep();
  assertEquals((await test.admin.integration(abandoned)).state, "draft");
  clock.advance(2 * 24 * 3_600_000);
  await test.hub.sweep();
  const left = rowsOf(test.dataDirectory, "select id from integration");
  assertEquals(left.toSorted(), [linked, saved, young].toSorted());
});

/** Decides when the hub is killed; `HUB_KILL_SEED` repeats a run. */
const seed = Number(Deno.env.get("HUB_KILL_SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const kills = 4;
/** Four times as many are fewer than there are. */
const removalsMax = 150;

Deno.test(`a hub killed while it removes batches never leaves an object that no row names, and goes on (seed ${seed})`, async () => {
  const random = seededRandom(seed);
  const dataDirectory = await Deno.makeTempDir({ prefix: "hub-deletion-" });
  try {
    {
      await using test = await startTestHub({ dataDirectory });
      const { id } = await test.admin.createIntegration("gone");
      const agent = await TestAgent.linked(test.admin, id);
      await deliverAll(agent);
      await test.admin.remove(id);
    }
    await multiply(dataDirectory, 300);
    for (let kill = 1; kill <= kills; kill++) {
      await killAtRemoval(dataDirectory, 1 + Math.floor(random() * removalsMax));
      const files = (await objects(dataDirectory)).filter((path) => !path.endsWith("/"));
      const named = new Set(rowsOf(dataDirectory, "select id from batch"));
      for (const file of files) assert(named.has(file.split("/")[2]), `no row names ${file}`);
    }
    await using hub = await startHubProcess(dataDirectory);
    const isEmpty = () => rowsOf(dataDirectory, "select id from batch").length === 0;
    await eventually(isEmpty, { what: "the hub to remove all batches" });
    assertEquals((await hub.stop("SIGTERM")).code, 0);
    assertEquals(await objects(dataDirectory), []);
    assertEquals(rowsOf(dataDirectory, "select count(*) from object"), [0]);
  } finally {
    await Deno.remove(dataDirectory, { recursive: true });
  }
});

/** Runs the hub until it has begun to remove so many objects, and is killed at that instant. */
async function killAtRemoval(dataDirectory: string, count: number): Promise<void> {
  const [preloaded, main] = ["./killed_at_removal.ts", "../hub_main.ts"].map((name) => import.meta.resolve(name));
  const { signal, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", `--preload=${preloaded}?count=${count}`, main ?? "", dataDirectory],
  }).output();
  assertEquals(signal, "SIGKILL", new TextDecoder().decode(stderr));
}

/** Makes `count` batches like each of those of the integration, which was deleted long ago. */
async function multiply(dataDirectory: string, count: number): Promise<void> {
  using database = new DatabaseSync(join(dataDirectory, "hub.db"));
  database.exec("update integration set deletedAt = 1");
  const batches = database.prepare("select * from batch").all();
  const columns = Object.keys(batches[0] ?? {});
  const insert = database.prepare(`insert into batch values (${columns.map((name) => `:${name}`).join(", ")})`);
  const object = database.prepare("insert into object values (?, x'00')");
  const parts = database.prepare("insert into batchParts values (?, '[]')");
  database.exec("begin");
  for (const batch of batches) {
    const path = `${batch["folder"]}/${batch["id"]}`;
    const names = (await objects(dataDirectory)).filter((file) => file.startsWith(`${path}/`) && file !== `${path}/`);
    for (let n = 0; n < count; n++) {
      const id = `${batch["id"]}${n}`;
      insert.run({ ...batch, id, batchId: id });
      const copy = join(dataDirectory, "objects", `${batch["folder"]}/${id}`);
      if (String(batch["folder"]).endsWith("/small")) object.run(`${batch["folder"]}/${id}`);
      else if (names.length === 0) await Deno.writeTextFile(copy, "");
      else {
        parts.run(id);
        await Deno.mkdir(copy);
        for (const name of names) await Deno.writeTextFile(join(copy, name.slice(path.length + 1)), "");
      }
    }
  }
  database.exec("commit");
}
