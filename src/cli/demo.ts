/**
 * `demo`: a rehearsal of the whole product on this machine, with throw-away data. A hub and an agent run as they would
 * anywhere, the PIN is typed, files are dropped into the import folder, and what arrived is compared with what was
 * dropped.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { connectControl } from "../control/connect_control.ts";
import { untilAborted } from "../agent/tasks.ts";
import { pinMessage } from "../agent/pin_message.ts";
import { type Administrator, type DemoHub, startDemoHub } from "./demo_hub.ts";
import { type DemoFile, demoFiles } from "./demo_data.ts";
import { startOwnProgram } from "./own_program.ts";
import { print } from "./print.ts";

/** The options of the command line. */
export interface DemoOptions {
  /** Stop after the summary. */
  readonly exit: boolean;
}

/** Days of data that are dropped. */
const days = 7;
/** How long anything may take, in ms. */
const patienceMs = 60_000;
/** How often the hub is looked at while files arrive, in ms. */
const lookEveryMs = 200;

/** Runs the rehearsal; the exit code is 0 only if everything arrived. */
export async function runDemo({ exit }: DemoOptions, { signal }: { signal: AbortSignal }): Promise<number> {
  const folder = await Deno.makeTempDir({ prefix: "injixo-cloud-link-demo-" });
  try {
    print("This is a rehearsal with throw-away data: a hub, an agent, a PIN and a few files.\n");
    await using hub = await startDemoHub(join(folder, "hub"), signal);
    print(`1. A hub runs at ${hub.url.origin}`);
    const installation = await makeInstallation(join(folder, "agent"), hub.url);
    await using _agent = await startOwnProgram(["run", "--config", join(installation, "injixo-cloud-link.toml")]);
    print(`2. An agent runs in ${installation}\n`);
    const integration = await link(installation, { hub, signal });
    const allArrived = await deliver(installation, { hub, integration, signal });
    if (exit) return allArrived ? 0 : 1;
    invite(hub, hub.administrator, installation);
    await untilAborted(signal);
    return allArrived ? 0 : 1;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function makeInstallation(folder: string, hubUrl: URL): Promise<string> {
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(
    join(folder, "injixo-cloud-link.toml"),
    `[app]\nname = "com.injixo.cloud-link.demo"\n\n[hub]\nurl = "${hubUrl.origin}"\n\n[csv]\nsettleSeconds = 1\n`,
  );
  return await Deno.realPath(folder);
}

/** Types the PIN, as an administrator does in the console. */
async function link(installation: string, { hub, signal }: { hub: DemoHub; signal: AbortSignal }): Promise<string> {
  const control = await eventually(() => connectControl(join(installation, "state")), {
    what: "The agent did not start",
    signal,
  });
  const { pin } = await control.pin(signal);
  print(pinMessage({ pin, hubUrl: hub.url, expiresInSeconds: 300 }) + "\n");
  const { id } = await hub.ask("POST", "/api/v1/integrations", { name: "Kontaktcenter München", type: "csv" });
  const linked = await hub.ask("POST", `/api/v1/integrations/${id}/link`, { pin });
  print(`3. The PIN ${pin} is entered: linked to ${linked.hostName} (${linked.system})`);
  await eventually(async () => (await control.status(signal)).link.state === "linked" || undefined, {
    what: "The agent did not see the link",
    signal,
  });
  return id;
}

/** Drops files and waits until the hub has them. */
async function deliver(
  installation: string,
  { hub, integration, signal }: { hub: DemoHub; integration: string; signal: AbortSignal },
): Promise<boolean> {
  const files = demoFiles({ lastDay: Temporal.Now.plainDateISO().subtract({ days: 1 }).toString(), days });
  for (const { name, bytes } of files) await Deno.writeFile(join(installation, name), bytes);
  print(`4. ${files.length} files are dropped into the import folder`);
  const imports = await eventually(async () => {
    const { items } = await hub.ask("GET", `/api/v1/integrations/${integration}/imports?limit=100`);
    return items.length >= files.length ? items : undefined;
  }, { what: "Not all files arrived", signal });
  print("5. All of them are at the hub:\n");
  print(`   ${"file".padEnd(26)} ${"bytes".padStart(8)} ${"rows".padStart(6)}  SHA-256`);
  let intact = 0;
  for (const file of files) intact += Number(await report(file, { hub, imports }));
  print(`\n   ${intact} of ${files.length} files arrived byte for byte.\n`);
  return intact === files.length;
}

interface ArrivedFile {
  readonly id: string;
  readonly fileName: string;
  readonly size: number;
  readonly rows: number;
}

/** Prints one file and compares what the hub hands out with what was dropped. */
async function report(
  file: DemoFile,
  { hub, imports }: { hub: DemoHub; imports: readonly ArrivedFile[] },
): Promise<boolean> {
  const arrived = imports.find(({ fileName }) => fileName === file.name);
  if (arrived === undefined) {
    print(`   ${file.name.padEnd(26)} did not arrive`);
    return false;
  }
  const content = await hub.download(`/api/v1/imports/${arrived.id}/content`);
  const sha256 = createHash("sha256").update(content).digest("hex");
  const isIntact = Buffer.compare(content, file.bytes) === 0;
  print(
    `   ${file.name.padEnd(26)} ${String(arrived.size).padStart(8)} ${String(arrived.rows).padStart(6)}  ` +
      `${sha256.slice(0, 16)}… ${isIntact ? "as dropped" : "DIFFERS"}`,
  );
  return isIntact;
}

function invite(hub: DemoHub, { name, password }: Administrator, installation: string): void {
  print(`Look around at  ${hub.url.origin}/account/integrations`);
  print(`  log in as     ${name}`);
  print(`  password      ${password}`);
  print(`Drop more *.csv files into ${installation}`);
  print("Ctrl-C ends the rehearsal and deletes its data.");
}

/** Asks until there is an answer. */
async function eventually<T>(
  ask: () => Promise<T | undefined>,
  { what, signal }: { what: string; signal: AbortSignal },
): Promise<T> {
  const deadline = performance.now() + patienceMs;
  while (performance.now() < deadline) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await new Promise<void>((resolve) => setTimeout(resolve, lookEveryMs));
    signal.throwIfAborted();
  }
  throw new Error(`${what} within ${patienceMs / 1000} s`);
}
