/** Content for files and batches. */
import { randomBytes } from "node:crypto";

/** Content that cannot be compressed, so that its payload is as large. */
export function noise(bytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(randomBytes(bytes));
}
