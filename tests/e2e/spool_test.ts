/** What waits in the spool of a compiled agent: for its own integration alone, through damage, a full spool and a stop. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { assert, assertEquals, assertPrompt } from "../assert.ts";
import { eventually } from "../eventually.ts";
import { TestHub } from "./hub.ts";
import { Installation, type Program } from "./installation.ts";

const linkedLine = /Linked to the integration/;

/** Types a new PIN of the installation into the hub, and waits until its agent knows. */
async function link(installation: Installation, given: { hub: TestHub; agent: Program; to: string }): Promise<void> {
  given.agent.printed = "";
  await given.hub.connect(given.to, await installation.pin());
  await given.agent.waitFor(linkedLine);
}

/** Links and has one file delivered, so that the agent knows its work; then the hub is gone. */
async function linkAndLoseHub(
  installation: Installation,
  given: { hub: TestHub; agent: Program; to: string },
): Promise<void> {
  await given.agent.waitFor(/Enter your pin/);
  await link(installation, given);
  await installation.drop(deliveredFile, "delivered\n");
  await given.hub.waitForImports(given.to, 1);
  await given.agent.waitFor(/Delivered delivered\.csv/);
  await Deno.remove(installation.path(deliveredFile));
  await given.hub.kill();
}
const deliveredFile = "delivered.csv";

/** Names of the batch files in the spool. */
async function batchFiles(installation: Installation): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(installation.path("state", "spool")));
  return entries.map(({ name }) => name).filter((name) => name.endsWith(".batch")).toSorted();
}

async function fileNames(hub: TestHub, integration: string): Promise<string[]> {
  return (await hub.imports(integration)).map(({ fileName }) => fileName).toSorted();
}

Deno.test("what waits is sent when the same integration is linked again, and never to another one", async () => {
  await using hub = await TestHub.start();
  await using installation = await Installation.make(hub.url);
  await using other = await Installation.make(hub.url);
  const first = await hub.addIntegration("First");
  const second = await hub.addIntegration("Second");
  {
    await using agent = installation.start();
    await linkAndLoseHub(installation, { hub, agent, to: first });
    await installation.drop("waits.csv", "for the first\n");
    await agent.waitFor(/Queued waits\.csv/);
    await agent.stop();
  }
  await Deno.remove(installation.path("waits.csv"));
  await hub.restart();
  {
    // Meanwhile the integration moves to another installation.
    await using agent = other.start();
    await agent.waitFor(/Enter your pin/);
    await link(other, { hub, agent, to: first });
  }
  await using agent = installation.start();
  await agent.waitFor(/connected to another installation.*What is waiting here is kept/);
  await agent.waitFor(/Enter your pin/);
  await link(installation, { hub, agent, to: second });
  await installation.drop("new.csv", "for both\n");
  await hub.waitForImports(second, 1);
  assertEquals(await fileNames(hub, second), ["new.csv"]);
  assertEquals(await fileNames(hub, first), [deliveredFile]);
  await link(installation, { hub, agent, to: first });
  await hub.waitForImports(first, 3);
  assertEquals(await fileNames(hub, first), [deliveredFile, "new.csv", "waits.csv"]);
  assertEquals(await fileNames(hub, second), ["new.csv"]);
});

Deno.test("damaged and foreign files in the spool are set aside, and what was damaged is read again", async () => {
  await using hub = await TestHub.start();
  await using installation = await Installation.make(hub.url);
  const integration = await hub.addIntegration();
  {
    await using agent = installation.start();
    await linkAndLoseHub(installation, { hub, agent, to: integration });
    for (const name of ["short", "flipped", "gone", "whole"]) {
      await installation.drop(`${name}.csv`, `${name};${"x".repeat(50)}\n`);
      await agent.waitFor(new RegExp(`Queued ${name}\\.csv`));
    }
    await agent.stop();
  }
  const spool = installation.path("state", "spool");
  const [_delivered, short = "", flipped = "", gone = ""] = await batchFiles(installation); // oldest first
  await Deno.truncate(join(spool, short), 20);
  const bytes = await Deno.readFile(join(spool, flipped));
  bytes[10] = (bytes[10] ?? 0) ^ 1;
  await Deno.writeFile(join(spool, flipped), bytes);
  await Deno.remove(join(spool, gone));
  await Deno.writeTextFile(join(spool, "README.txt"), "not a batch");
  await Deno.writeTextFile(join(spool, `${short.slice(0, -10)}ffff.batch`), "a name like a batch's");
  await Deno.mkdir(join(spool, "lost+found"));
  await hub.restart();
  await using agent = installation.start();
  await hub.waitForImports(integration, 5);
  assertEquals(await fileNames(hub, integration), [deliveredFile, "flipped.csv", "gone.csv", "short.csv", "whole.csv"]);
  for (const item of await hub.imports(integration)) {
    if (item.fileName === deliveredFile) continue;
    assertEquals(await hub.content(item.id), await Deno.readFile(installation.path(item.fileName)));
  }
  assert(!(await batchFiles(installation)).includes(short));
  await agent.stop();
  const remains = await Array.fromAsync(Deno.readDir(spool), ({ name }) => name);
  assert(!remains.includes("README.txt") && remains.includes("lost+found"), remains.join(" "));
});

Deno.test("a full spool lets the folder wait, loudly, and loses nothing; a file above the limit goes alone", async () => {
  await using hub = await TestHub.start();
  await using installation = await Installation.make(hub.url, { toml: "[spool]\nmaxMegabytes = 1" });
  const integration = await hub.addIntegration();
  await using agent = installation.start();
  await linkAndLoseHub(installation, { hub, agent, to: integration });
  const sizes = { "a.csv": 600_000, "b.csv": 600_000, "c.csv": 600_000, "large.csv": 3_000_000 };
  const files = new Map(Object.entries(sizes).map(([name, size]) => [name, random(size)]));
  for (const [name, bytes] of files) await installation.drop(name, bytes);
  await agent.waitFor(/ERROR spool: The spool is full/);
  await eventually(async () => /^Problem +The spool is full/m.test((await installation.command("status")).printed));
  await hub.restart();
  for (const { id, fileName } of await hub.waitForImports(integration, 1 + files.size)) {
    if (fileName === deliveredFile) continue;
    assertEquals(Buffer.compare(await hub.content(id), files.get(fileName) ?? new Uint8Array()), 0, fileName);
  }
  assertEquals((agent.printed.match(/ERROR spool: The spool is full/g) ?? []).length <= files.size, true);
  await eventually(async () => !/^Problem/m.test((await installation.command("status")).printed));
});

Deno.test("told to stop in the middle of a large upload, the agent ends at once and goes on where it was", async () => {
  await using hub = await TestHub.start();
  await using installation = await Installation.make(hub.url);
  const integration = await hub.addIntegration();
  const content = random(100_000_000);
  {
    await using agent = installation.start();
    await agent.waitFor(/Enter your pin/);
    await link(installation, { hub, agent, to: integration });
    await installation.drop("large.csv", content);
    await agent.waitFor(/Queued large\.csv/);
    await eventually(async () => await partsOf(hub) > 0);
    const { code, ms } = await agent.stop("SIGTERM");
    assertEquals(code, 0);
    assertPrompt(ms);
  }
  await using _agent = installation.start();
  const [arrived] = await hub.waitForImports(integration, 1);
  assertEquals(Buffer.compare(await hub.content(arrived?.id ?? ""), content), 0);
});

/** Content that no compression makes smaller. */
function random(size: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(randomBytes(size));
}

/** How many files of data the hub has. */
async function partsOf(hub: TestHub): Promise<number> {
  let files = 0;
  const folders = [join(hub.folder, "data", "objects")];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (isDirectory) folders.push(join(folder, name));
      else files++;
    }
  }
  return files;
}
