/** The compiled executable from end to end: link, deliver, stop, move, copy. */
import { assert, assertEquals, assertMatch, assertPrompt } from "../assert.ts";
import { eventually } from "../eventually.ts";
import { TestHub } from "./hub.ts";
import { Installation, type Program } from "./installation.ts";

const pinLine = /Enter your pin: (\d{6}) \(expires in 5 minutes\)/;
const linkedLine = /Linked to the integration/;

async function pinOf(agent: Program): Promise<string> {
  return (await agent.waitFor(pinLine))[1] ?? "";
}

async function linkTo(hub: TestHub, agent: Program, integration: string): Promise<void> {
  await hub.connect(integration, await pinOf(agent));
  await agent.waitFor(linkedLine);
}

Deno.test("a file saved in the import folder arrives byte for byte, and the agent ends at once", async () => {
  await using hub = await TestHub.start();
  await using installation = await Installation.make(hub.url);
  await using agent = installation.start();
  const integration = await hub.addIntegration();
  await linkTo(hub, agent, integration);
  const content = new TextEncoder().encode('id;name\r\n1;"Zürich; Süd"\r\n');
  await installation.drop("größe.CSV", content);
  const [arrived] = await hub.waitForImports(integration, 1);
  assertEquals(arrived?.fileName, "größe.CSV");
  assertEquals(await hub.content(arrived?.id ?? ""), content);
  const { code, ms } = await agent.stop("SIGTERM");
  assertEquals(code, 0);
  assertPrompt(ms);
  assertMatch(await installation.log(), /injixo Cloud Link stops\./);
});

Deno.test("Ctrl-C ends the agent at once, linked or not", async () => {
  await using hub = await TestHub.start();
  await using installation = await Installation.make(hub.url);
  await using agent = installation.start();
  await pinOf(agent);
  const { code, ms } = await agent.stop("SIGINT");
  assertEquals(code, 0);
  assertPrompt(ms);
});

Deno.test("what lies in the folder at the first link is imported; same content never twice, new content again", async () => {
  await using hub = await TestHub.start();
  await using installation = await Installation.make(hub.url);
  await installation.drop("before.csv", "a\n1\n");
  await Deno.mkdir(installation.path("sub"));
  await Deno.writeTextFile(installation.path("sub", "deep.csv"), "no\n");
  await Deno.symlink("/etc/passwd", installation.path("leak.csv"));
  await using agent = installation.start();
  const integration = await hub.addIntegration();
  await linkTo(hub, agent, integration);
  await hub.waitForImports(integration, 1);
  await installation.drop("copy.csv", "a\n1\n");
  await installation.drop("before.csv", "a\n2\n");
  const imports = await hub.waitForImports(integration, 2);
  await agent.waitFor(/copy\.csv/);
  assertEquals(imports.map(({ fileName, size }) => [fileName, size]), [["before.csv", 4], ["before.csv", 4]]);
  await agent.stop();
  assertEquals((await hub.imports(integration)).length, 2);
});

Deno.test("check fails while a file cannot be imported, and names it", async () => {
  await using hub = await TestHub.start();
  await using installation = await Installation.make(hub.url);
  await using agent = installation.start();
  await linkTo(hub, agent, await hub.addIntegration());
  const good = await installation.command("check");
  assertEquals(good.code, 0, good.printed);
  await Deno.symlink("/etc/passwd", installation.path("leak.csv"));
  await agent.waitFor(/Cannot import leak\.csv/);
  const { code, printed } = await installation.command("check");
  assertEquals(code, 1, printed);
  assertMatch(printed, /^FAILED +Integration +The file "leak\.csv" is waiting to be imported: it is a symbolic link/m);
});

Deno.test("files saved while the agent is down and while the hub is down arrive later", async () => {
  await using hub = await TestHub.start();
  await using installation = await Installation.make(hub.url);
  const integration = await hub.addIntegration();
  {
    await using agent = installation.start();
    await linkTo(hub, agent, integration);
    await installation.drop("first.csv", "0\n");
    await hub.waitForImports(integration, 1);
    await agent.stop();
  }
  await installation.drop("agent-down.csv", "1\n");
  await hub.kill();
  await using agent = installation.start();
  await agent.waitFor(/Queued agent-down\.csv/);
  await installation.drop("hub-down.csv", "2\n");
  await agent.waitFor(/Queued hub-down\.csv/);
  await hub.restart();
  const imports = await hub.waitForImports(integration, 3);
  assertEquals(imports.map(({ fileName }) => fileName).toSorted(), ["agent-down.csv", "first.csv", "hub-down.csv"]);
});

Deno.test("a deleted integration unlinks its agent, which shows a new PIN and keeps what waits for the old one", async () => {
  await using hub = await TestHub.start();
  await using installation = await Installation.make(hub.url);
  await using agent = installation.start();
  const first = await hub.addIntegration("First");
  await linkTo(hub, agent, first);
  await installation.drop("one.csv", "1\n");
  await hub.waitForImports(first, 1);
  agent.printed = "";
  await hub.ask("DELETE", `/api/v1/integrations/${first}`);
  await agent.waitFor(
    /has ended: its integration was deleted in the hub\. What is still waiting here for it can no longer be sent/,
  );
  const second = await hub.addIntegration("Second");
  await linkTo(hub, agent, second);
  // Another integration starts with every file in the folder as new.
  const imports = await hub.waitForImports(second, 1);
  assertEquals(imports.map(({ fileName }) => fileName), ["one.csv"]);
});

Deno.test("a new installation takes the integration over, and the old one shows a PIN again", async () => {
  await using hub = await TestHub.start();
  await using oldInstallation = await Installation.make(hub.url);
  await using newInstallation = await Installation.make(hub.url);
  await using oldAgent = oldInstallation.start();
  const integration = await hub.addIntegration();
  await linkTo(hub, oldAgent, integration);
  oldAgent.printed = "";
  await using newAgent = newInstallation.start();
  await linkTo(hub, newAgent, integration);
  await oldAgent.waitFor(/connected to another installation/);
  await pinOf(oldAgent);
  await newInstallation.drop("new.csv", "n\n");
  await hub.waitForImports(integration, 1);
});

Deno.test("a paused integration reads nothing, and makes up for it afterwards", async () => {
  await using hub = await TestHub.start();
  await using installation = await Installation.make(hub.url);
  await using agent = installation.start();
  const integration = await hub.addIntegration();
  await linkTo(hub, agent, integration);
  await hub.ask("PATCH", `/api/v1/integrations/${integration}`, { paused: true });
  await agent.waitFor(/paused in the hub/);
  await installation.drop("later.csv", "1\n");
  // When the agent knows the new name, it has had its time for the file.
  await hub.ask("PATCH", `/api/v1/integrations/${integration}`, { name: "Renamed" });
  await eventually(async () => (await installation.command("status")).printed.includes("Renamed"));
  assertEquals(await hub.imports(integration), []);
  await hub.ask("PATCH", `/api/v1/integrations/${integration}`, { paused: false });
  await hub.waitForImports(integration, 1);
  await agent.waitFor(/has been resumed[^]*Queued later\.csv/);
});

Deno.test("a copied folder starts as an installation of its own", async () => {
  await using hub = await TestHub.start();
  await using original = await Installation.make(hub.url);
  const integration = await hub.addIntegration();
  {
    await using agent = original.start();
    await linkTo(hub, agent, integration);
    await agent.stop();
  }
  await using copy = await Installation.make(hub.url, { toml: '[app]\nname = "com.injixo.cloud-link.instance.1"' });
  const { success } = await new Deno.Command("cp", {
    args: ["-a", original.path("state"), original.path("injixo-cloud-link.log"), copy.folder],
  }).output();
  assert(success);
  await using agent = copy.start();
  await agent.waitFor(/Not using the state found/);
  await pinOf(agent);
  await using first = original.start();
  await original.drop("still.csv", "1\n");
  await hub.waitForImports(integration, 1);
  assert(!first.printed.includes("Enter your pin"));
});

Deno.test("a second agent in the same folder says that one runs already and leaves the log alone", async () => {
  await using hub = await TestHub.start();
  await using installation = await Installation.make(hub.url);
  await using agent = installation.start();
  await pinOf(agent);
  await using second = installation.start();
  const { code } = await second.status;
  assertEquals(code, 5);
  assertMatch(await installation.log(), pinLine);
  assertEquals(
    (await Array.fromAsync(Deno.readDir(installation.folder))).filter(({ name }) => name.endsWith(".log")).length,
    1,
  );
});

Deno.test("[hub] account refuses a link to any other account", async () => {
  await using hub = await TestHub.start();
  await using installation = await Installation.make(hub.url);
  await Deno.writeTextFile(installation.configFile, `[hub]\nurl = "${hub.url}"\naccount = "Somebody else"\n`);
  await using agent = installation.start();
  const integration = await hub.addIntegration();
  await hub.connect(integration, await pinOf(agent));
  await agent.waitFor(/\[hub\] account allows only Somebody else/);
  await eventually(async () => (await hub.ask("GET", `/api/v1/integrations/${integration}`)).installation === null);
});
