/**
 * A copy of the data folder of a hub that may be running. `hub.db` is copied first, as a snapshot: the objects it names
 * are on disk by then and never change, so the copy is complete in whatever order they follow. Besides them only the
 * key is copied: `rows/` can be rebuilt from the batches.
 */
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ignoreMissing } from "../../runtime/ignore_missing.ts";
import { FolderSync } from "./folder_sync.ts";
import { isSinglePart, isSmallKey, type KeyedBatch, partKey } from "./object_keys.ts";
import { singlePart, storedParts } from "../delivery/parts.ts";

/** What was copied, and the imports with missing objects. */
export interface Backup {
  readonly imports: number;
  readonly damaged: readonly string[];
}

/** Creates the folder `target`, completely or not at all. Objects are hard-linked if possible, otherwise copied. */
export async function backUp(dataDirectory: string, target: string): Promise<Backup> {
  const partial = join(dirname(target), `.${basename(target)}.partial`);
  if (await exists(target)) throw new Error(`Cannot back up to "${target}": it already exists. Name a new folder`);
  if (!await exists(join(dataDirectory, "hub.db"))) {
    throw new Error(`Cannot back up "${dataDirectory}": it has no hub.db. Name the hub's data folder with --data`);
  }
  // What an interrupted backup left behind.
  await Deno.remove(partial, { recursive: true }).catch(ignoreMissing);
  await Deno.mkdir(partial, { mode: 0o700 });
  try {
    copyDatabase(join(dataDirectory, "hub.db"), join(partial, "hub.db"));
    await copyFile(join(dataDirectory, "settings.key"), join(partial, "settings.key")).catch(ignoreMissing);
    const backup = await copyObjects(dataDirectory, partial);
    await Deno.rename(partial, target);
    await new FolderSync().sync(dirname(target));
    return backup;
  } catch (error) {
    await Deno.remove(partial, { recursive: true });
    throw error;
  }
}

function copyDatabase(from: string, to: string): void {
  using database = new DatabaseSync(from, { readOnly: true });
  database.prepare("vacuum into ?").run(to);
}

async function copyObjects(from: string, to: string): Promise<Backup> {
  const folders = new Set([to]);
  const damaged: string[] = [];
  let imports = 0;
  using database = new DatabaseSync(join(to, "hub.db"), { readOnly: true });
  const batches = database.prepare(
    `select batch.id, folder, payloadBytes, payloadSha256, parts from batch
     join integration on integration.id = integrationId and deletedAt is null
     left join batchParts on batchParts.batch = batch.id where receivedAt is not null`,
  ).iterate() as Iterable<KeyedBatch & { readonly parts: string | null }>;
  for (const batch of batches) {
    imports++;
    const parts = isSinglePart(batch) ? [singlePart(batch)] : storedParts(batch.parts ?? "[]");
    // The smallest objects are in the database.
    const keys = parts.map((part) => partKey(batch, part)).filter((key) => !isSmallKey(key));
    for (const path of keys.map((key) => join("objects", key))) {
      await makeFolders(to, { below: dirname(path), made: folders });
      if (!await linkOrCopy(join(from, path), join(to, path)) && damaged.at(-1) !== batch.id) damaged.push(batch.id);
    }
  }
  const sync = new FolderSync();
  for (const folder of folders) await sync.sync(folder);
  return { imports, damaged };
}

/** Returns whether the file existed. */
async function linkOrCopy(from: string, to: string): Promise<boolean> {
  try {
    // Another file system, or one without hard links: copy.
    await Deno.link(from, to).catch(() => copyFile(from, to));
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function copyFile(from: string, to: string): Promise<void> {
  await Deno.copyFile(from, to);
  using file = await Deno.open(to, { write: true });
  await file.sync();
}

async function makeFolders(
  folder: string,
  { below, made }: { below: string; made: Set<string> },
): Promise<void> {
  const path = join(folder, below);
  if (made.has(path)) return;
  await makeFolders(folder, { below: dirname(below), made });
  await Deno.mkdir(path, { mode: 0o700 });
  made.add(path);
}

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}
