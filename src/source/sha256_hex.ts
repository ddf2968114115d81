/** SHA-256 of a text, as lower-case hexadecimal. */
import { createHash } from "node:crypto";

/**
 * The hash of its UTF-8, 64 digits.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(sha256Hex("abc").slice(0, 16), "ba7816bf8f01cfea"); // FIPS 180-2, appendix B.1
 * ```
 */
export function sha256Hex(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
