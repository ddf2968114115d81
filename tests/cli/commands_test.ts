import { statusLines } from "../../src/cli/status_command.ts";
import type { ControlHandlers } from "../../src/control/serve_control.ts";
import type { AgentStatus } from "../../src/control/status.ts";
import manifest from "../../deno.json" with { type: "json" };
import { integrationKey, recordImport } from "../../src/state/integration.ts";
import { writeLink } from "../../src/state/link_store.ts";
import { openStateDatabase } from "../../src/state/state_database.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { agentStatus, Installation, outcome } from "./cli.ts";

const inFiveMinutes = () => new Date(Date.now() + 300_000).toISOString();
const linked: AgentStatus["link"] = {
  state: "linked",
  id: "l1",
  account: { id: "a1", name: "Beispiel AG" },
  integration: { id: "i1", name: "Telefonie" },
};

function agent(changed: Partial<ControlHandlers> = {}): ControlHandlers {
  return {
    status: () => agentStatus({}),
    pin: () => Promise.reject(new Error("no PIN here")),
    check: () => Promise.resolve([]),
    accept: () => {},
    ...changed,
  };
}

Deno.test("version says what it is, --json and --version too", async () => {
  await using installation = await Installation.make();
  assertMatch((await installation.run("version")).out, /^injixo-cloud-link \d+\.\d+\.\d+ \(Deno /);
  assertEquals(JSON.parse((await installation.run("version", "--json")).out).version, manifest.version);
  assertEquals((await installation.run("--version")).out.trim(), manifest.version);
});

Deno.test("every command has --help, and the exit codes are in it", async () => {
  await using installation = await Installation.make();
  const top = await installation.run("--help");
  assertEquals(top.code, 0);
  for (const command of ["run", "pin", "status", "check", "config", "hub", "demo", "version", "completion"]) {
    assertMatch(top.out, new RegExp(`^  ${command} `, "m"));
    const { code, out } = await installation.run(command, "--help");
    assertEquals(code, 0, command);
    assertMatch(out, command === "completion" ? /SHELL/ : /Exit codes:\n +0 {2}done\n/);
  }
  const { out } = await installation.run("hub", "user", "passwd", "--help");
  assertMatch(out, /^Usage: injixo-cloud-link hub user passwd \[--password-stdin\] \[--data DIR\] \[--json\] NAME$/m);
});

Deno.test("completions are there for bash, zsh, fish and PowerShell, and complete", async () => {
  await using installation = await Installation.make();
  for (const shell of ["bash", "zsh", "fish", "pwsh"]) {
    const { code, out } = await installation.run("completion", shell);
    assertEquals([code, out.includes("injixo-cloud-link")], [0, true], shell);
  }
  assertMatch((await installation.run("completion", "bash", "st")).out, /^status/);
  assertEquals(await loadedByBash((await installation.run("completion", "bash")).out), "-F _injixo-cloud-link");
});

/** How bash completes the command once it has read the script. */
async function loadedByBash(script: string): Promise<string> {
  const bash = new Deno.Command("bash", {
    args: ["--norc", "-c", 'eval "$1" && complete -p injixo-cloud-link', "bash", script],
    stderr: "inherit",
  });
  const { stdout } = await bash.output();
  return new TextDecoder().decode(stdout).replace(/^complete (.*) injixo-cloud-link\n$/, "$1");
}

Deno.test("bash completes a program that is named by its path and is not in the PATH", async () => {
  await using installation = await Installation.make();
  const { out: script } = await installation.run("completion", "bash");
  const program = `${installation.folder}/injixo-cloud-link`;
  await Deno.writeTextFile(program, '#!/bin/sh\n[ "$*" = "completion bash st" ] && echo status\n', { mode: 0o755 });
  const complete = 'eval "$1"; COMP_WORDS=(./injixo-cloud-link st) COMP_CWORD=1; _injixo-cloud-link; echo "$COMPREPLY"';
  const bash = new Deno.Command("bash", { args: ["--norc", "-c", complete, "bash", script], cwd: installation.folder });
  assertEquals(new TextDecoder().decode((await bash.output()).stdout), "status\n");
});

Deno.test("a command that does not exist is a usage error with a suggestion", async () => {
  await using installation = await Installation.make();
  const { code, err } = await installation.run("stauts");
  assertEquals(code, 2);
  assertMatch(err, /stauts.*Did you mean.*status/s);
});

Deno.test("a command that lacks its second word names those there are", async () => {
  await using installation = await Installation.make();
  for (
    const [command, words] of [
      [["service"], "service install, uninstall, start, stop, restart or status"],
      [["hub", "user"], "hub user add, list, remove or passwd"],
      [["hub", "token"], "hub token add, list or remove"],
    ] as const
  ) {
    const { code, err } = await installation.run(...command);
    assertEquals(code, 2);
    assertMatch(err, new RegExp(`Error: Say what to do: ${words}\\.`));
  }
});

Deno.test("a wrong configuration ends every command with code 3 and all that is wrong", async () => {
  await using installation = await Installation.make('[app]\nnmae = "x"\nverbose = 1\n');
  for (const command of ["run", "status", "config", "pin"]) {
    const { code, err } = await installation.run(command);
    assertEquals(code, 3, command);
    assertMatch(err, /line 2: \[app\] nmae: unknown key\. Did you mean "name"\?\n {2}line 3: \[app\] verbose: 1 must/);
  }
  const { code, out } = await installation.run("check");
  assertEquals(code, 1);
  assertMatch(out, /FAILED {2}Configuration.*\n.*line 2: \[app\] nmae/);
});

Deno.test("config prints what is in force and where it comes from", async () => {
  await using installation = await Installation.make('[app]\nnaam = "com.injixo.cloud-link.instance.1"\n');
  const { code, out } = await installation.run("config");
  assertEquals(code, 0);
  assertMatch(out, /^name = "com\.injixo\.cloud-link\.instance\.1" # file$/m);
  assertMatch(out, /^url = "https:\/\/www\.injixo\.com" # default$/m);
  const json = JSON.parse((await installation.run("config", "--json", "--config", installation.configFile)).out);
  assertEquals([json.folder, json.csv.pollSeconds], [installation.folder, { value: 10, origin: "default" }]);
});

Deno.test("without an agent, status and pin --no-wait say how to start one and end with code 4", async () => {
  await using installation = await Installation.make();
  const { code, out } = await installation.run("status");
  assertEquals(code, 4);
  assertMatch(
    out,
    /No agent is running in .*Install or start the service \(sudo injixo-cloud-link service install, sudo .* service start\)/,
  );
  assertEquals(JSON.parse((await installation.run("status", "--json")).out).running, false);
  const pin = await installation.run("pin", "--no-wait");
  assertEquals([pin.code, pin.out], [4, ""]);
});

Deno.test("status without an agent shows what the last one wrote", async () => {
  await using installation = await Installation.make();
  await Deno.mkdir(`${installation.folder}/state`);
  {
    using database = openStateDatabase(`${installation.folder}/state/state.db`);
    writeLink(database, {
      id: "l",
      account: { id: "a", name: "Beispiel AG" },
      integration: { id: "i", name: "Telefonie" },
    });
    recordImport(database, integrationKey(database, { accountId: "a", integrationId: "i" }), {
      at: Date.parse("2025-03-01T06:00:00Z"),
      name: "a.csv",
    });
  }
  const { code, out } = await installation.run("status");
  assertEquals(code, 4);
  assertMatch(
    out,
    /^No agent is running in .*\n\nIts last status:\nLink +integration "Telefonie", account "Beispiel AG"\n/,
  );
  assertMatch(out, /^Waiting +nothing to be sent\nLast import +2025-.* a\.csv\n$/m);
  const { running, stored } = JSON.parse((await installation.run("status", "--json")).out);
  assertEquals([running, stored.link.state, stored.lastImport.name], [false, "linked", "a.csv"]);
  await Deno.writeTextFile(`${installation.folder}/state/state.db`, "x".repeat(5000));
  assertMatch((await installation.run("status")).out, /Its last status cannot be read: .*damaged/);
});

Deno.test("status shows what the agent does, in lines and as JSON", async () => {
  await using installation = await Installation.make();
  const problem = "Cannot connect to www.injixo.com:443: ECONNREFUSED (os error 111). Check the firewall.";
  const status = agentStatus({
    hub: { url: "https://www.injixo.com", reachable: false, lastContactAt: null, problem },
    link: linked,
    waiting: { batches: 3, bytes: 3_500_000, oldestAt: "2025-03-01T06:00:00.000Z" },
    waitingForOthers: { batches: 2, bytes: 1_000_000 },
    lastImport: { name: "evil\n\u001b[31m.csv", at: "2025-03-01T06:00:00.000Z" },
  });
  await using _agent = await installation.serveAgent(agent({ status: () => status }));
  const { code, out } = await installation.run("status");
  assertEquals(code, 0);
  assertMatch(out, /^Hub +https:\/\/www\.injixo\.com, NOT REACHABLE since the start\n +Cannot connect.*111/m);
  assertMatch(out, /^Link +integration "Telefonie", account "Beispiel AG"$/m);
  assertMatch(out, /^Waiting +3 to be sent \(3\.3 MB\), the oldest since 2025-/m);
  assertMatch(
    out,
    /^Kept +2 \(.+\) are waiting for integrations that this installation was linked to before: link it to them/m,
  );
  assert(!out.includes("\u001b"));
  assertEquals(JSON.parse((await installation.run("status", "--json")).out), { running: true, ...status });
});

Deno.test("status of an agent that runs on does so with a wrong configuration, and says what is wrong with it", async () => {
  await using installation = await Installation.make('[app]\nnmae = "x"\n');
  await using _agent = await installation.serveAgent(agent({ status: () => agentStatus({ paused: true }) }));
  const { code, out, err } = await installation.run("status");
  assertEquals(code, 0);
  assertMatch(out, /^Paused +in the hub/m);
  assertMatch(err, /nmae: unknown key[^]*The agent runs with what it read at its start/);
});

Deno.test("status tells a hub that answers with an error from one that cannot be reached", async () => {
  await using installation = await Installation.make();
  const problem = "The hub www.injixo.com refuses (invalid_client): no such client.";
  const hub = { url: "https://www.injixo.com", reachable: true, lastContactAt: null, problem };
  await using _agent = await installation.serveAgent(agent({ status: () => agentStatus({ hub }) }));
  const { out } = await installation.run("status");
  assertMatch(out, /^Hub +https:\/\/www\.injixo\.com, ANSWERS WITH AN ERROR since the start\n +The hub.*client\.$/m);
});

Deno.test("status claims of a hub only what was seen of it since the start", () => {
  const url = "https://www.injixo.com";
  const lastContactAt = "2025-03-01T06:00:01.000Z";
  const shown = (hub: Omit<AgentStatus["hub"], "url">) =>
    statusLines(agentStatus({ hub: { url, ...hub } })).find((line) => line.startsWith("Hub"));
  const unknown = shown({ reachable: null, lastContactAt: null, problem: null });
  assertMatch(unknown ?? "", /^Hub +https:\/\/www\.injixo\.com, has not answered yet since the start$/);
  assertMatch(shown({ reachable: true, lastContactAt, problem: null }) ?? "", /, reachable, last answer 2025-03-01 /);
  const lost = shown({ reachable: false, lastContactAt, problem: "Cannot connect." });
  assertMatch(lost ?? "", /, NOT REACHABLE, last good answer 2025-03-01 /);
  const refusing = shown({ reachable: true, lastContactAt, problem: "The hub refuses." });
  assertMatch(refusing ?? "", /, ANSWERS WITH AN ERROR, last good answer 2025-03-01 /);
});

Deno.test("check shows the agent's findings with their remedies, and fails when one has failed", async () => {
  await using installation = await Installation.make();
  const lines = [
    { name: "Import folder", result: "ok", detail: "can be read" },
    { name: "Hub", result: "failed", detail: "refused", remedy: "open port 443" },
  ] as const;
  await using _agent = await installation.serveAgent(agent({ check: () => Promise.resolve(lines) }));
  const { code, out } = await installation.run("check");
  assertEquals(code, 1);
  assertMatch(out, /^ok +Import folder +can be read\nFAILED {2}Hub +refused\n +→ open port 443\n/m);
  assertMatch(out, /^ok +Driver manager +libodbc\.so\.2 is installed$/m);
  assertMatch(out, /^1 failed, 0 warnings \(checked by the running agent\)\.$/m);
  const { checks, ...summary } = JSON.parse((await installation.run("check", "--json")).out);
  assertEquals(summary, { ok: false, checkedBy: "agent" });
  assertEquals(checks.slice(0, 2), lines);
});

Deno.test("check without an agent looks itself: folders, configuration, and a hub that nobody serves", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close(); // nobody listens there now
  await using installation = await Installation.make(
    `[app]\nimportDirectory = "missing"\n[hub]\nurl = "http://127.0.0.1:${port}"\n`,
  );
  const { code, out } = await installation.run("check", "--json");
  assertEquals(code, 1);
  const { checks } = JSON.parse(out) as { checks: { name: string; result: string; detail: string }[] };
  const results = Object.fromEntries(checks.map(({ name, result }) => [name, result]));
  assertEquals([results["Agent"], results["Configuration"], results["Installation folder"], results["Log"]], [
    "warning",
    "ok",
    "ok",
    "ok",
  ]);
  assertEquals([results["Import folder"], results["TCP"]], ["failed", "failed"]);
  assertMatch(checks.find(({ name }) => name === "TCP")?.detail ?? "", /ECONNREFUSED/);
});

Deno.test("pin prints the manual's text, waits, and names what was linked", async () => {
  await using installation = await Installation.make();
  let link: AgentStatus["link"] = { state: "unlinked" };
  await using _agent = await installation.serveAgent(agent({
    status: () => agentStatus({ link }),
    pin() {
      const expiresAt = inFiveMinutes();
      link = { state: "pin", pin: "424242", expiresAt };
      setTimeout(() => link = linked, 100);
      return Promise.resolve({ pin: "424242", expiresAt, hubUrl: "https://www.injixo.com" });
    },
  }));
  const { code, out, err } = await installation.run("pin");
  assertEquals([code, err], [0, ""]);
  assertEquals(
    out,
    `** Before you are able to run the client,
** link it to your injixo account:
**  1) Log in to injixo.com
**  2) Visit https://www.injixo.com/account/integrations
**  3) Select an integration you want to connect the client to
**  4) Enter your pin: 424242 (expires in 5 minutes)
Linked to the integration "Telefonie" of the account "Beispiel AG".
`,
  );
});

Deno.test("pin --no-wait only prints", async () => {
  await using installation = await Installation.make();
  const pin = () => Promise.resolve({ pin: "000007", expiresAt: inFiveMinutes(), hubUrl: "http://localhost:8080" });
  await using _agent = await installation.serveAgent(agent({ pin }));
  const { code, out } = await installation.run("pin", "--no-wait");
  assertEquals(code, 0);
  assertMatch(out, /Log in to localhost:8080\n\*\* {2}2\) Visit http:\/\/localhost:8080\/account\/integrations\n/);
  assertMatch(out, /Enter your pin: 000007 \(expires in 5 minutes\)\n$/);
});

Deno.test("pin ends with code 6 when the PIN has expired, and says how to get another", async () => {
  await using installation = await Installation.make();
  const pin = () => {
    return Promise.resolve({ pin: "424242", expiresAt: new Date().toISOString(), hubUrl: "https://www.injixo.com" });
  };
  await using _agent = await installation.serveAgent(agent({ pin }));
  const { code, err } = await installation.run("pin");
  assertEquals(code, 6);
  assertMatch(err, /expired.*Ask for another one: sudo injixo-cloud-link pin$/m);
});

Deno.test("what keeps the agent from a PIN is shown", async () => {
  await using installation = await Installation.make();
  const pin = () => Promise.reject(new Error("No PIN: the hub cannot be reached. Run check."));
  await using _agent = await installation.serveAgent(agent({ pin }));
  const { code, err } = await installation.run("pin");
  assertEquals([code, err], [1, "No PIN: the hub cannot be reached. Run check.\n"]);
});

Deno.test("Ctrl-C ends pin at once", async () => {
  await using installation = await Installation.make();
  const asked = Promise.withResolvers<void>();
  const offer = { pin: "424242", expiresAt: inFiveMinutes(), hubUrl: "https://www.injixo.com" };
  let statusAsked = 0;
  await using _agent = await installation.serveAgent(agent({
    status() {
      if (++statusAsked === 2) asked.resolve();
      return agentStatus({ link: { state: "pin", pin: offer.pin, expiresAt: offer.expiresAt } });
    },
    pin: () => Promise.resolve(offer),
  }));
  const child = installation.start(["pin"]);
  await asked.promise;
  child.kill("SIGINT");
  assertEquals((await outcome(child)).code, 130);
});

Deno.test("a start that fails before the agent runs is in the log too", async () => {
  await using installation = await Installation.make('[hub]\nurl = "http://127.0.0.1:9"\ncaFile = "missing.pem"\n');
  const { code } = await installation.run("run");
  assertEquals(code, 1);
  const log = await Deno.readTextFile(`${installation.folder}/injixo-cloud-link.log`);
  assertMatch(
    log,
    /FATAL cloud-link: injixo Cloud Link cannot start: Cannot read \[hub\] caFile ".*missing\.pem": it does not exist\. Check the path/,
  );
  const { out } = await installation.run("check");
  assertMatch(out, /^FAILED {2}CA file +".*missing\.pem" does not exist$/m);
  assertMatch(out, /^1 failed, 1 warning \(checked by this command\)\.$/m);
});

Deno.test("what is wrong with the configuration is in the log too, once an agent has run in the folder", async () => {
  await using installation = await Installation.make('[app]\nnmae = "x"\n');
  const log = `${installation.folder}/injixo-cloud-link.log`;
  assertEquals((await installation.run("run")).code, 3);
  assertEquals(await Deno.stat(log).catch(() => undefined), undefined);
  await Deno.mkdir(`${installation.folder}/state`);
  assertEquals((await installation.run("run")).code, 3);
  assertMatch(
    await Deno.readTextFile(log),
    /FATAL cloud-link: injixo Cloud Link cannot start: Cannot use the configuration ".*"\. line 2: \[app\] nmae: unknown key/,
  );
});

Deno.test("a proxy that cannot be used is in the log too", async () => {
  await using installation = await Installation.make('[hub]\nurl = "https://hub.example"\n');
  const { code } = await outcome(installation.start(["run"], { https_proxy: "http://proxy,example:8080" }));
  assertEquals(code, 1);
  const log = await Deno.readTextFile(`${installation.folder}/injixo-cloud-link.log`);
  assertMatch(
    log,
    /FATAL cloud-link: injixo Cloud Link cannot start: Cannot use the proxy in https_proxy: it has no valid host/,
  );
});
