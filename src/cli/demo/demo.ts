/**
 * `demo`: a rehearsal of the whole product on this machine, with throw-away data. A hub and two agents run as they
 * would anywhere, PINs are entered, files are dropped into an import folder, a database is read with its history, and
 * what arrived is compared with what was there.
 */
import { join } from "node:path";
import { untilAborted } from "../../runtime/until_aborted.ts";
import { rehearseDatabase } from "./demo_database.ts";
import { demoFiles } from "./demo_data.ts";
import { type DemoHub, startDemoHub } from "./demo_hub.ts";
import { type DemoInstallation, eventually, startDemoInstallation } from "./demo_installation.ts";
import { type ArrivedFile, compareFiles, conclude, type Share } from "./demo_summary.ts";
import { print } from "../print.ts";

/** What the command line decides. */
export interface DemoOptions {
  /** Stop after the summary. */
  readonly exit: boolean;
}

/** How many days of files are dropped. */
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
    const delivered = await deliver(files, { hub, signal });
    const database = await rehearseDatabase({ hub, folder: join(folder, "database"), signal });
    await using _database = database.installation;
    const { line, exitCode } = conclude({ files: delivered, rows: database.rows });
    print(line);
    if (exit) return exitCode;
    invite(hub, files);
    await untilAborted(signal);
    return exitCode;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Drops files, waits until the hub has them, and compares. */
async function deliver(
  installation: DemoInstallation,
  { hub, signal }: { hub: DemoHub; signal: AbortSignal },
): Promise<Share> {
  const dropped = demoFiles({ lastDay: Temporal.Now.plainDateISO().subtract({ days: 1 }).toString(), days });
  for (const { name, bytes } of dropped) await Deno.writeFile(join(installation.folder, name), bytes);
  print(`${dropped.length} files are dropped into the import folder.`);
  let shown = 0;
  const imports = await eventually(async () => {
    const { items } = await hub.ask("GET", `/api/v1/integrations/${installation.integration}/imports?limit=100`);
    if (items.length !== shown) print(`   ${items.length} of ${dropped.length} have arrived`);
    shown = items.length;
    return items.length >= dropped.length ? items as readonly DemoImport[] : undefined;
  }, { what: "Not all files arrived", signal });
  const arrived: ArrivedFile[] = [];
  for (const { id, fileName, rows } of imports) {
    arrived.push({ name: fileName, rows, content: await hub.download(`/api/v1/imports/${id}/content`) });
  }
  const { lines, files } = compareFiles(dropped, arrived);
  print(`\n   ${"file".padEnd(26)} ${"bytes".padStart(8)} ${"rows".padStart(6)}  SHA-256`);
  for (const line of lines) print(`   ${line}`);
  print(`\n   ${files.arrived} of ${files.there} files arrived byte for byte.`);
  return files;
}

/** The fields of an import used here. */
interface DemoImport {
  readonly id: string;
  readonly fileName: string;
  readonly rows: number;
}

function invite({ url, administrator: { name, password } }: DemoHub, files: DemoInstallation): void {
  print(`Look around at  ${url.origin}/account/integrations`);
  print(`  log in as     ${name}`);
  print(`  password      ${password}`);
  print(`Drop more *.csv files into ${files.folder}`);
  print("Ctrl-C ends the rehearsal and deletes its data.");
}
