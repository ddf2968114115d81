/**
 * `demo`: a rehearsal of the whole product on this machine, with throw-away data. A hub and two agents run as they would
 * anywhere, PINs are typed, files are dropped into an import folder, a database is read with its history, and what
 * arrived is compared with what was there.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { untilAborted } from "../agent/tasks.ts";
import { rehearseDatabase } from "./demo_database.ts";
import { type DemoFile, demoFiles } from "./demo_data.ts";
import { type DemoHub, startDemoHub } from "./demo_hub.ts";
import { type DemoInstallation, eventually, startDemoInstallation } from "./demo_installation.ts";
import { exitCodes } from "./exit_codes.ts";
import { print } from "./print.ts";

/** What the command line decides. */
export interface DemoOptions {
  /** Stop after the summary. */
  readonly exit: boolean;
}

/** Days of files that are dropped. */
const days = 7;

/** Runs the rehearsal; the exit code is 0 only if everything arrived. */
export async function runDemo({ exit }: DemoOptions, { signal }: { signal: AbortSignal }): Promise<number> {
  const folder = await Deno.makeTempDir({ prefix: "injixo-cloud-link-demo-" });
  try {
    print("This is a rehearsal with throw-away data: a hub, agents, PINs, files and a database.\n");
    await using hub = await startDemoHub(join(folder, "hub"), signal);
    print(`A hub runs at ${hub.url.origin}`);
    await using files = await startDemoInstallation({
      hub,
      folder: join(folder, "files"),
      appName: "com.injixo.cloud-link.demo.files",
      integration: { name: "Kontaktcenter München", type: "csv" },
      signal,
    });
    const filesArrived = await deliver(files, { hub, signal });
    const database = await rehearseDatabase({ hub, folder: join(folder, "database"), signal });
    await using _database = database.installation;
    const exitCode = filesArrived && database.allArrived ? exitCodes.ok : exitCodes.failed;
    print(exitCode === exitCodes.ok ? "Everything arrived." : "NOT everything arrived: see above.");
    if (exit) return exitCode;
    invite(hub, files);
    await untilAborted(signal);
    return exitCode;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Drops files and waits until the hub has them. */
async function deliver(
  installation: DemoInstallation,
  { hub, signal }: { hub: DemoHub; signal: AbortSignal },
): Promise<boolean> {
  const files = demoFiles({ lastDay: Temporal.Now.plainDateISO().subtract({ days: 1 }).toString(), days });
  for (const { name, bytes } of files) await Deno.writeFile(join(installation.folder, name), bytes);
  print(`${files.length} files are dropped into the import folder.`);
  let shown = 0;
  const imports = await eventually(async () => {
    const { items } = await hub.ask("GET", `/api/v1/integrations/${installation.integration}/imports?limit=100`);
    if (items.length !== shown) print(`   ${items.length} of ${files.length} have arrived`);
    shown = items.length;
    return items.length >= files.length ? items : undefined;
  }, { what: "Not all files arrived", signal });
  print(`\n   ${"file".padEnd(26)} ${"bytes".padStart(8)} ${"rows".padStart(6)}  SHA-256`);
  let intact = 0;
  for (const file of files) intact += Number(await report(file, { hub, imports }));
  print(`\n   ${intact} of ${files.length} files arrived byte for byte.`);
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

function invite({ url, administrator: { name, password } }: DemoHub, files: DemoInstallation): void {
  print(`Look around at  ${url.origin}/account/integrations`);
  print(`  log in as     ${name}`);
  print(`  password      ${password}`);
  print(`Drop more *.csv files into ${files.folder}`);
  print("Ctrl-C ends the rehearsal and deletes its data.");
}
