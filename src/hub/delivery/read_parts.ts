/** The payload of a batch: its parts, one after the other. */
import type { ObjectStore } from "../objects/objects.ts";

/** Chunk by chunk, in the order of `keys`. Fails like the store's `read`, or with the signal's reason. */
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
