/** Which objects belong to a batch. */
import type { BatchRow } from "./batch_row.ts";
import type { Database } from "../database/schema.ts";
import { isSinglePart, type KeyedBatch, partKey } from "../objects/object_keys.ts";
import { ObjectMissingError, type ObjectStore } from "../objects/objects.ts";
import { singlePart, storedParts } from "./parts.ts";

/** The parts of a received batch, as keys in the order of the payload. */
export async function batchKeys(database: Database, row: BatchRow): Promise<readonly string[]> {
  if (isSinglePart(row)) return [partKey(row, singlePart(row))];
  const stored = await database.selectFrom("batchParts").select("parts").where("batch", "=", row.id)
    .executeTakeFirst();
  return storedParts(stored?.parts ?? "[]").map((part) => partKey(row, part));
}

/** Whether the objects of a received batch exist; their content is not checked. */
export async function areStored(
  row: BatchRow,
  { objects, database }: { objects: ObjectStore; database: Database },
): Promise<boolean> {
  if (isSinglePart(row)) return await hasContent(objects, partKey(row, singlePart(row)));
  const there = new Set(await storedKeys(objects, row));
  return (await batchKeys(database, row)).every((key) => there.has(key));
}

/** The folder with a batch's objects: its own if it has several, otherwise a shared one. */
export function objectFolder(row: KeyedBatch): string {
  return isSinglePart(row) ? row.folder : `${row.folder}/${row.id}`;
}

/** Everything that was ever stored for a batch, received or not. No object belongs to two batches. */
export async function storedKeys(objects: ObjectStore, row: KeyedBatch): Promise<readonly string[]> {
  const folder = objectFolder(row);
  return isSinglePart(row) ? [`${folder}/${row.id}`] : (await objects.list(folder)).map((name) => `${folder}/${name}`);
}

/** Removes what was stored for a batch, but for the keys to keep. */
export async function removeParts(
  objects: ObjectStore,
  row: KeyedBatch,
  { keep = new Set() }: { keep?: ReadonlySet<string> } = {},
): Promise<void> {
  await objects.remove((await storedKeys(objects, row)).filter((key) => !keep.has(key)));
}

/** Reads no more than the beginning: no payload is empty. */
async function hasContent(objects: ObjectStore, key: string): Promise<boolean> {
  try {
    for await (const chunk of objects.read(key)) if (chunk.length > 0) return true;
    return false;
  } catch (error) {
    if (error instanceof ObjectMissingError) return false;
    throw error;
  }
}
