import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { hubBackup } from "../../src/cli/hub_backup_command.ts";
import type { Assignment } from "../../src/protocol/assignment.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../assert.ts";
import { noise } from "../noise.ts";
import { copyBatch } from "./copy_batch.ts";
import { fetchWithin } from "./fetch_within.ts";
import { HubClient } from "./hub_client.ts";
import { linkedDatabase, loaded, queryBatch, rowsOf } from "./rows/query_batch.ts";
import { startTestHub } from "./start_hub.ts";
import { sha256, TestAgent } from "./test_agent.ts";

async function files(folder: string, below = ""): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(folder, below))) {
    const path = join(below, name);
    found.push(...isDirectory ? await files(folder, path) : [path]);
  }
  return found;
}

/** Of all sizes, so that they are in the database, in a shared folder and in parts. */
async function deliver(agent: TestAgent, n: number): Promise<void> {
  await agent.deliver(agent.batch(`${n}.csv`, noise([500, 50_000, 700_000][n % 3] ?? 0)));
}

/** Makes more imports of one that is a file, so that copying them takes a while. */
async function multiply(dataDirectory: string, count: number): Promise<void> {
  const file = join(dataDirectory, "hub.db");
  using database = new DatabaseSync(file, { readOnly: true });
  const query = database.prepare("select id, folder from batch where payloadBytes between 40000 and 60000 limit 1");
  const { id, folder } = query.get() as { id: string; folder: string };
  const objects = join(dataDirectory, "objects", folder);
  for (const copy of await copyBatch(file, { id, count })) await Deno.link(join(objects, id), join(objects, copy));
}

Deno.test("a backup of a hub at work has every import of one moment, and nothing else; a hub goes on from it", async () => {
  await using test = await startTestHub();
  const target = await Deno.makeTempDir({ prefix: "hub-backup-" });
  await Deno.remove(target);
  try {
    const csv = await test.admin.createIntegration("files");
    const gone = await test.admin.createIntegration("gone");
    const agent = await TestAgent.linked(test.admin, csv.id);
    await deliver(await TestAgent.linked(test.admin, gone.id), 2);
    await test.admin.remove(gone.id);
    const connection = { databaseType: "odbc", connectionString: "DSN=acd;PWD=secret" };
    const database = await linkedDatabase(test.admin, { dataType: "interval", ...connection });
    const window = { dataType: "interval", from: "2026-07-01T08:00:00Z", to: "2026-07-01T09:00:00Z" } as const;
    const row = ["Q", "", "2026-07-01 10:30:00", "7", "1", "60", ""];
    await database.agent.deliver(queryBatch(database.agent, { ...window, sequence: 1, rows: [row] }));
    await loaded(test.admin, database.id);
    let n = 0;
    for (; n < 6; n++) await deliver(agent, n);
    await multiply(test.dataDirectory, 1500);

    const lines: string[] = [];
    let done = false;
    const backup = hubBackup({ target, dataDirectory: test.dataDirectory }, { out: (line) => lines.push(line) })
      .finally(() => done = true);
    while (!done) await deliver(agent, n++);
    assertEquals(await backup, 0);
    assertMatch(lines[0] ?? "", /^Backed up \d+ imports to ".*"\./);
    // Nothing of what came meanwhile lies about.
    using copy = new DatabaseSync(join(target, "hub.db"), { readOnly: true });
    const rows = new Set(copy.prepare("select id from batch where receivedAt is not null").all().map(({ id }) => id));
    const objects = await files(join(target, "objects"));
    for (const file of objects) assert(rows.has(file.split("/")[2] ?? ""), `no import has ${file}`);
    assert(objects.every((file) => !file.startsWith(gone.id)));
    assertEquals((await Deno.stat(target)).mode ?? 0, 0o40700);

    await using restored = await startTestHub({ dataDirectory: target, publicUrl: new URL(test.url) });
    // Whoever could log in can log in still.
    const admin = new HubClient({ url: restored.url, token: test.admin.token });
    const imports = await admin.imports(csv.id);
    const names = new Set(imports.map(({ fileName }) => fileName));
    for (let early = 0; early < 6; early++) assert(names.has(`${early}.csv`), `${early}.csv`);
    for (const { id, sha256: expected } of imports) assertEquals(sha256(await admin.content(id)), expected, id);
    await loaded(admin, database.id);
    assertEquals((await rowsOf(admin, database.id)).map(({ offered }) => offered), [7]);
    const work = await fetchWithin(`${restored.url}/api/v1/agent/assignment`, {
      headers: { authorization: `Bearer ${database.agent.token}` },
    });
    const assignment: Assignment = await work.json();
    assert(assignment.source?.type === "database" && assignment.source.connection.by === "connectionString");
    assertEquals(assignment.source.connection.connectionString, "DSN=acd;PWD=secret");
  } finally {
    await Deno.remove(target, { recursive: true });
  }
});

Deno.test("a backup overwrites nothing, wants a hub's folder, and tells what its disk has lost", async () => {
  await using test = await startTestHub();
  const { dataDirectory } = test;
  const folder = await Deno.makeTempDir({ prefix: "hub-backup-" });
  try {
    const { id } = await test.admin.createIntegration("files");
    const agent = await TestAgent.linked(test.admin, id);
    for (let n = 0; n < 3; n++) await deliver(agent, n);
    const out = () => {};
    await assertRejects(() => hubBackup({ target: folder, dataDirectory }, { out }), /it already exists/);
    const target = join(folder, "backup");
    await assertRejects(() => hubBackup({ target, dataDirectory: folder }, { out }), /has no hub\.db.*--data/);
    const lost = (await files(join(dataDirectory, "objects"))).find((file) => file.split("/").length === 4) ?? "";
    await Deno.remove(join(dataDirectory, "objects", lost));
    const lines: string[] = [];
    const code = await hubBackup({ target, dataDirectory, json: true }, { out: (line) => lines.push(line) });
    assertEquals([code, JSON.parse(lines[0] ?? "")], [1, {
      folder: target,
      imports: 3,
      damaged: [lost.split("/")[2]],
    }]);
    assertEquals((await files(folder)).includes("backup/hub.db"), true);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a hub that is restored to before a link was made does not say that the integration was deleted", async () => {
  await using test = await startTestHub();
  const target = await Deno.makeTempDir({ prefix: "hub-backup-" });
  await Deno.remove(target);
  try {
    const { id } = await test.admin.createIntegration("files");
    assertEquals(await hubBackup({ target, dataDirectory: test.dataDirectory }, { out: () => {} }), 0);
    const { token } = await TestAgent.linked(test.admin, id);
    await using restored = await startTestHub({ dataDirectory: target, publicUrl: new URL(test.url) });
    const response = await fetchWithin(`${restored.url}/api/v1/agent/assignment`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const problem = await response.json();
    assertEquals([response.status, problem.type, problem.reason], [403, "/problems/unlinked", "moved"]);
  } finally {
    await Deno.remove(target, { recursive: true });
  }
});
