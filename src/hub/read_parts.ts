/** The payload of a batch: its parts, one after the other. */
import type { ObjectStore } from "./objects.ts";

export async function* readParts(
  objects: ObjectStore,
  options: { keys: readonly string[]; signal?: AbortSignal },
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  for (const key of options.keys) {
    for await (const chunk of objects.read(key)) {
      options.signal?.throwIfAborted();
      yield chunk;
    }
  }
}
