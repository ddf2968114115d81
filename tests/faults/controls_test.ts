/**
 * Each safeguard is missed when it is switched off, without waiting for chance: what `deno task faults --controls` shows
 * with real faults, in seconds.
 */
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { assert, assertEquals } from "../assert.ts";
import { filesIn } from "../files_in.ts";
import { noise } from "../noise.ts";
import { TestHub } from "../e2e/hub.ts";
import { HubClient } from "../hub/hub_client.ts";
import { linkedDatabase, loaded, queryBatch, rowsOf } from "../hub/rows/query_batch.ts";
import { TestAgent } from "../hub/test_agent.ts";
import { makeLink, openFixture } from "../spool/spool_fixture.ts";
import { type Control, controls, sabotagedHub } from "./controls.ts";
import { cutPower, declareDurable } from "./power_cut.ts";
import { compileShim, Shim } from "./shim.ts";

/** A hub with or without a safeguard. */
interface Site {
  readonly admin: HubClient;
  readonly dataDirectory: string;
}

/** What of a safeguard's purpose is not met, by its name; nothing when all is well. */
const trials: Readonly<Record<string, (site: Site) => Promise<readonly string[]>>> = {
  async idempotence({ admin }) {
    const { id } = await admin.createIntegration("ACD");
    const agent = await TestAgent.linked(admin, id);
    const batch = agent.batch("a.csv", "queue;calls\nSouth;17\n");
    for (let time = 0; time < 2; time++) await agent.deliver(batch);
    return (await admin.imports(id)).slice(1).map(({ fileName }) => `${fileName} is doubled`);
  },

  async checksum({ admin, dataDirectory }) {
    const { id } = await admin.createIntegration("ACD");
    const agent = await TestAgent.linked(admin, id);
    // No compression makes it so small that it would be kept in the database.
    const content = noise(60_000);
    const batch = agent.batch("a.csv", content);
    await agent.declare(batch);
    await agent.send(batch, batch.parts);
    await flipBit((await filesIn(join(dataDirectory, "objects")))[0] ?? "");
    await (await agent.complete(batch)).body?.cancel();
    const [received] = await admin.imports(id);
    if (received === undefined) return [];
    const same = await admin.content(received.id).then((found) => Buffer.compare(found, content) === 0, () => false);
    return same ? [] : [`${received.fileName} is changed`];
  },

  async "window replacement"({ admin }) {
    const { id, agent } = await linkedDatabase(admin, { dataType: "contact", timeZone: "UTC" });
    const window = { dataType: "contact", from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z" } as const;
    const row = (name: string) => [name, "Hotline", "2026-01-01 08:00:00", "1"];
    const columns = ["queueidentifier", "queuename", "timestamp", "answered"];
    const shared = { ...window, timeZone: "UTC", columns };
    await agent.deliver(queryBatch(agent, { ...shared, sequence: 1, rows: [row("early")] }));
    await loaded(admin, id);
    await agent.deliver(queryBatch(agent, { ...shared, sequence: 2, rows: [row("early"), row("late")] }));
    await loaded(admin, id);
    const found = new Set((await rowsOf(admin, id)).map(({ queueidentifier }) => queueidentifier));
    return ["early", "late"].filter((name) => !found.has(name)).map((name) => `${name} is lost`);
  },
};

for (const control of controls) {
  const { safeguard, replaced } = control;
  if (replaced === undefined) continue;
  Deno.test(`without ${safeguard} a trial of the hub is red, with it green`, async () => {
    const trial = trials[safeguard];
    assert(trial !== undefined, `there is no trial of ${safeguard}`);
    assertEquals(await onHub(undefined, trial), []);
    assert((await onHub(replaced, trial)).length > 0, "nothing was noticed");
  });
}

/** Tries a hub whose module is replaced, or one that is whole. */
async function onHub(
  replaced: Control["replaced"],
  trial: (site: Site) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  await using sabotaged = replaced === undefined ? undefined : await sabotagedHub(replaced);
  await using hub = await TestHub.start(sabotaged === undefined ? {} : { command: sabotaged.command });
  const admin = new HubClient({ url: hub.url, token: hub.token });
  return await trial({ admin, dataDirectory: join(hub.folder, "data") });
}

/** Falsifies one bit in the middle of a file. */
async function flipBit(path: string): Promise<void> {
  const bytes = await Deno.readFile(path);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 16;
  await Deno.writeFile(path, bytes);
}

/** Confirmations of the spool until it is killed. */
const confirmationsMin = 40;

Deno.test("without fsync a power cut takes what the spool has confirmed, with it nothing", async () => {
  await using library = await compileShim();
  assertEquals(await lostAfterPowerCut({ ...library, syncs: true }), []);
  assert((await lostAfterPowerCut({ ...library, syncs: false })).length > 0, "nothing was noticed");
});

/** Files that a spool has confirmed before it was killed and all was gone that was not synced. */
async function lostAfterPowerCut({ library, syncs }: { library: string; syncs: boolean }): Promise<readonly string[]> {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    const durable = { root: join(folder, "root"), copy: join(folder, "copy") };
    await Deno.mkdir(durable.root);
    await declareDurable(durable);
    const shim = await Shim.make(join(folder, "block"), { library, durable });
    shim.setSyncing(syncs);
    const confirmed = await confirmations(durable.root, shim);
    await cutPower(durable, { random: () => 0.99 });
    await using fixture = await openFixture(durable.root, { link: makeLink("integration-1", "link-1") });
    const there = fixture.spool.next({ except: new Set(), limit: 10_000 }).map(({ declaration: { origin } }) =>
      origin.kind === "csv" ? origin.fileName : ""
    );
    return confirmed.filter((name) => !there.includes(name));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** What a spool says that it has admitted and not let go of, until it is killed. */
async function confirmations(root: string, shim: Shim): Promise<readonly string[]> {
  const program = new URL("../spool/kill_child.ts", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", program, root, "1"],
    env: shim.environment,
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let text = "";
  let isKilled = false;
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (isKilled || text.split("\n").length <= confirmationsMin) continue;
    isKilled = true;
    child.kill("SIGKILL");
  }
  await child.status;
  const said = text.split("\n").slice(0, -1).map((line) => JSON.parse(line) as Record<string, string>);
  const given = new Set(said.map(({ acknowledging }) => acknowledging));
  return said.map(({ admitted }) => admitted).filter((name) => name !== undefined && !given.has(name)) as string[];
}
