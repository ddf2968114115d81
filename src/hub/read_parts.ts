/** The payload of a batch: its parts, one after the other. */
import type { ObjectStore } from "./objects.ts";

export async function* readParts(
  objects: ObjectStore,
  keys: readonly string[],
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  for (const key of keys) yield* await objects.read(key);
}
