/**
 * Names of objects. A batch of one small part is the object `<folder>/<id>`; a larger one has its own folder,
 * `<folder>/<id>/`, whose objects carry their range and hash in their names, so that a half-sent batch can be resumed
 * without bookkeeping. `<folder>` is `<integration>/<day>`: many small batches share one, and with it one sync. The
 * smallest are `<integration>/small/<id>` and not files at all (`small_objects.ts`).
 */
import { type Part, singlePartBytesMax } from "../../protocol/delivery.ts";
import { smallObjectBytesMax } from "../limits.ts";

const smallShelf = "small";

/** The part of a batch's row that determines its keys. */
export interface KeyedBatch {
  readonly id: string;
  readonly folder: string;
  readonly payloadBytes: number;
  readonly payloadSha256: string;
}

/** The folder for a batch declared now; it remains that batch's folder, even if its payload changes. */
export function batchFolder(integrationId: string, options: { payloadBytes: number; nowMs: number }): string {
  const { payloadBytes, nowMs } = options;
  const shelf = payloadBytes <= smallObjectBytesMax ? smallShelf : new Date(nowMs).toISOString().slice(0, 10);
  return `${integrationId}/${shelf}`;
}

/** Whether the batch is always sent as one part. */
export function isSinglePart(batch: Pick<KeyedBatch, "payloadBytes">): boolean {
  return batch.payloadBytes <= singlePartBytesMax;
}

/** Whether a key is that of an object in the database. */
export function isSmallKey(key: string): boolean {
  const [, shelf, , more] = key.split("/");
  return shelf === smallShelf && more === undefined;
}

/** The key of a part. */
export function partKey(batch: KeyedBatch, part: Part): string {
  const base = `${batch.folder}/${batch.id}`;
  return isSinglePart(batch) ? base : `${base}/${part.offset}-${part.bytes}-${part.sha256}`;
}

/**
 * The part described by a name in a batch's own folder; `undefined` for any other name.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../../tests/assert.ts";
 * assertEquals(partOfName(`0-17-${"a".repeat(64)}`), { offset: 0, bytes: 17, sha256: "a".repeat(64) });
 * assertEquals(partOfName("other"), undefined);
 * ```
 */
export function partOfName(name: string): Part | undefined {
  const match = /^(\d{1,15})-(\d{1,10})-([0-9a-f]{64})$/.exec(name);
  if (match === null) return undefined;
  const [, offset, bytes, sha256 = ""] = match;
  return { offset: Number(offset), bytes: Number(bytes), sha256 };
}
