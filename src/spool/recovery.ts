/**
 * What the spool finds when it is opened, and how it recovers. The order of all writes (see disk_spool.ts) allows only
 * these cases, and none loses or duplicates a batch:
 *
 * | found | how it came to be | what is done |
 * | --- | --- | --- |
 * | a file in `incoming/` | killed before the rename | removed: its source was not marked as read |
 * | a batch file without row | killed between rename and commit, or the database was lost | adopted when it is whole: reading its source again gives the same id, which is known then |
 * | a batch file whose id has a row with another file | killed while a batch was replaced by itself | removed |
 * | an acknowledged or expired row without file | killed while removing | row removed |
 * | a waiting row without file, or with one of another length | somebody removed or damaged it | row removed, the source's ledger forgets it, so that it is read again |
 * | a folder without row | a file system's own, such as `lost+found` | left alone |
 * | any other file | foreign | set aside |
 */
import { join } from "node:path";
import { getLogger } from "@logtape/logtape";
import type { FileSystem, FolderEntry } from "../durable/file_system.ts";
import { makeSetAsideFolder, moveAside } from "../durable/set_aside.ts";
import { integrationKey } from "../state/integration.ts";
import type { StateDatabase } from "../state/state_database.ts";
import { batchFileName, payloadIsWhole, readFooter } from "./batch_file.ts";
import type { LostBatch } from "./lost_batch.ts";
import type { IndexedBatch, SpoolIndex } from "./spool_index.ts";

const log = getLogger(["cloud-link", "spool"]);

/** What recovery works on. */
export interface RecoveryOptions {
  readonly folder: string;
  readonly incomingFolder: string;
  readonly incomingName: string;
  readonly setAsideFolder: string;
  readonly fs: FileSystem;
  readonly database: StateDatabase;
  readonly index: SpoolIndex;
  readonly now: number;
  readonly onLost: (lost: LostBatch) => void;
}

/** Brings files and index into agreement. */
export async function recover(options: RecoveryOptions): Promise<void> {
  const { folder, fs, index } = options;
  await removeLeftovers(options);
  const rows = new Map(index.all().map((row) => [row.file, row]));
  const foreign: string[] = [];
  const wrongLength: IndexedBatch[] = [];
  for (const entry of await fs.list(folder)) {
    if (entry.name === options.incomingName) continue;
    const row = rows.get(entry.name);
    rows.delete(entry.name);
    if (row === undefined) {
      if (entry.isFile && !await adopt(entry, options)) foreign.push(entry.name);
    } else if (row.state === "expired") {
      await fs.remove(join(folder, entry.name));
      rows.set(entry.name, row);
    } else if (!entry.isFile || entry.bytes !== row.fileBytes) {
      foreign.push(entry.name);
      wrongLength.push(row);
    }
  }
  await setAside(foreign, options);
  forget([...rows.values(), ...wrongLength], options);
}

async function removeLeftovers({ fs, incomingFolder }: RecoveryOptions): Promise<void> {
  for (const { name, isFile } of await fs.list(incomingFolder)) {
    if (!isFile) continue;
    await fs.remove(join(incomingFolder, name));
    log.debug("Removed {name}, an unfinished batch of the previous run; its source is read again.", { name });
  }
}

/** Adopts a file without a row. False if it is not a complete batch file. */
async function adopt(entry: FolderEntry, options: RecoveryOptions): Promise<boolean> {
  const { folder, fs, database, index } = options;
  const path = join(folder, entry.name);
  if (!entry.name.endsWith(".batch")) return false;
  const footer = await readFooter(path, { fs, bytes: entry.bytes });
  if (footer === undefined || batchFileName(footer.batch) !== entry.name) return false;
  const { accountId, integrationId, batch } = footer;
  if (index.get(batch.id) !== undefined) {
    await fs.remove(path);
    return true;
  }
  if (!await payloadIsWhole(path, { fs, batch })) return false;
  // Its name may not be durable yet.
  await fs.syncFolder(folder);
  database.transaction(() => {
    const integration = integrationKey(database, { accountId, integrationId });
    index.insert({ integration, file: entry.name, fileBytes: entry.bytes, batch });
  });
  log.info("Queued batch {name}, which was complete when the previous run ended.", { name: entry.name });
  return true;
}

async function setAside(names: readonly string[], options: RecoveryOptions): Promise<void> {
  if (names.length === 0) return;
  const { folder, fs } = options;
  const to = await makeSetAsideFolder(options.setAsideFolder, "spool", options);
  for (const name of names) {
    await moveAside(join(folder, name), join(to, name), { fs });
    log.warn("Set {name} aside: it is not a complete batch file. It is now in {to}.", { name, to });
  }
  await fs.syncFolder(to);
  await fs.syncFolder(folder);
}

/** Removes rows whose files are gone, and has the sources of waiting ones reread. */
function forget(rows: readonly IndexedBatch[], options: RecoveryOptions): void {
  if (rows.length === 0) return;
  const lost = rows.filter(({ state }) => state === "waiting");
  options.database.transaction(() => {
    for (const row of rows) options.index.remove(row);
    for (const { integration, batch } of lost) options.onLost({ integration, batch, reread: true });
  });
  if (lost.length > 0) {
    log.warn("{count} waiting batches no longer have a complete file; their sources are read again.", {
      count: lost.length,
    });
  }
}
