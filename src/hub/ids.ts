/** Random names and secrets. */
import { createHash, randomBytes } from "node:crypto";

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

/** A new id: 128 random bits as 26 letters and digits. */
export function newId(): string {
  return base32(randomBytes(16));
}

/** A new secret of 256 bits, base64url. */
export function newSecret(): string {
  return randomBytes(32).toString("base64url");
}

/** A password that can be read aloud: 20 letters and digits (100 bits) in groups of five. */
export function newPassword(): string {
  return (base32(randomBytes(13)).slice(0, 20).match(/.{5}/g) ?? []).join("-");
}

/**
 * The stored form of a random secret: its SHA-256, hexadecimal. That is enough, since 256 random bits cannot be
 * guessed.
 */
export function secretHash(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

function base32(bytes: Uint8Array): string {
  let text = "";
  let value = 0;
  let bits = 0;
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xffff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet[(value >> bits) & 31];
    }
  }
  return bits > 0 ? text + alphabet[(value << (5 - bits)) & 31] : text;
}
