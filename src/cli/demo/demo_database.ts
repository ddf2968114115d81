/** The rehearsal's database integration: contacts in an SQLite file, read with their history by a real agent. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { demoContacts } from "./demo_data.ts";
import type { DemoHub } from "./demo_hub.ts";
import { type DemoInstallation, eventually, startDemoInstallation } from "./demo_installation.ts";
import type { Share } from "./demo_summary.ts";
import { print } from "../print.ts";

/** How many days of history. */
const days = 14;
/** The overlap may still wait for contacts this young, so the rehearsal creates none, in minutes. */
const youngestMinutes = 30;
const fileName = "phone-system.db";

/** Starts the installation and waits until its rows are at the hub; returns how many there are. */
export async function rehearseDatabase(
  { hub, folder, signal }: { hub: DemoHub; folder: string; signal: AbortSignal },
): Promise<{ installation: DemoInstallation; rows: Share }> {
  await Deno.mkdir(folder, { recursive: true });
  const timeZone = Temporal.Now.timeZoneId();
  const until = Temporal.Now.plainDateTimeISO().subtract({ minutes: youngestMinutes });
  const rows = writeDatabase(join(folder, fileName), until);
  print(`\nA phone system's database has ${rows} contacts of the last ${days} days.`);
  const installation = await startDemoInstallation({
    hub,
    folder,
    appName: "com.injixo.cloud-link.demo.database",
    integration: {
      name: "Telefonanlage",
      type: "database",
      settings: {
        databaseType: "sqlite",
        file: fileName,
        dataType: "contact",
        timeZone,
        query:
          "SELECT queue AS queueidentifier, queue_name AS queuename, started AS timestamp, answered, duration FROM calls",
        everyMinutes: 15,
        history: until.toPlainDate().subtract({ days: days - 1 }).toString(),
      },
    },
    signal,
  });
  try {
    print("Its history is read, newest first:");
    const arrived = await waitForRows(installation.integration, { hub, rows, signal });
    print(`   ${arrived} of ${rows} rows are at the hub, counted at the source, in the batches and there.\n`);
    return { installation, rows: { there: rows, arrived } };
  } catch (error) {
    await installation[Symbol.asyncDispose]();
    throw error;
  }
}

/** Writes the file and returns how many rows it has. */
function writeDatabase(file: string, until: Temporal.PlainDateTime): number {
  using database = new DatabaseSync(file);
  database.exec("CREATE TABLE calls (queue TEXT, queue_name TEXT, started TEXT, answered INTEGER, duration INTEGER)");
  database.exec("CREATE INDEX calls_started ON calls (started)");
  const insert = database.prepare("INSERT INTO calls VALUES (?, ?, ?, ?, ?)");
  let rows = 0;
  database.exec("BEGIN");
  for (const contact of demoContacts({ until: until.toString({ smallestUnit: "second" }), days })) {
    insert.run(contact.queue, contact.queueName, contact.started, contact.answered, contact.durationSeconds);
    rows++;
  }
  database.exec("COMMIT");
  return rows;
}

/** Shows how the count grows; resolves with it when it is complete, or when nothing is left to read. */
async function waitForRows(
  integration: string,
  { hub, rows, signal }: { hub: DemoHub; rows: number; signal: AbortSignal },
): Promise<number> {
  let shown = 0;
  return await eventually(async () => {
    const windows = await hub.ask("GET", `/api/v1/integrations/${integration}/windows`);
    if (windows.rows !== shown) print(`   ${String(windows.rows).padStart(6)} rows`);
    shown = windows.rows;
    return windows.rows >= rows ? windows.rows as number : undefined;
  }, { what: "Not all rows arrived", signal });
}
