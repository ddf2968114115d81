/** The bytes of an upload, checked as they pass through. */
import { createHash } from "node:crypto";
import { HubProblem } from "../services.ts";

/** The bytes of one object as they arrive, and what they have to be. */
export interface Incoming {
  readonly body: AsyncIterable<Uint8Array>;
  readonly bytes: number;
  readonly sha256: string;
}

/** Passes the bytes on; throws {@linkcode HubProblem}, at the end or earlier, unless they are what was announced. */
export async function* checked({ body, bytes, sha256 }: Incoming): AsyncGenerator<Uint8Array, void, undefined> {
  const hash = createHash("sha256");
  let received = 0;
  for await (const chunk of body) {
    received += chunk.length;
    if (received > bytes) {
      throw new HubProblem("too-large", `Cannot accept this part: it has more than the announced ${bytes} bytes.`);
    }
    hash.update(chunk);
    yield chunk;
  }
  if (received < bytes) {
    throw new HubProblem("checksum-mismatch", `Cannot accept this part: only ${received} of ${bytes} bytes arrived.`);
  }
  if (hash.digest("hex") !== sha256) {
    throw new HubProblem("checksum-mismatch", "Cannot accept this part: its SHA-256 is not the announced one.");
  }
}
