/**
 * Secrets of integrations (passwords, connection strings), encrypted at rest by AES-256-GCM with the hub's own key. The
 * key is a separate file in the data folder, mode 0600, so that a copy of the database alone reveals nothing.
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { join } from "node:path";
import { realFileSystem } from "../../durable/real_file_system.ts";

const algorithm = "aes-256-gcm";
const keyBytes = 32;
/** NIST SP 800-38D, section 8.2: 96 bits, random. */
const nonceBytes = 12;
const tagBytes = 16;
/** Prefix of what `seal` writes, so that another format can follow. */
const format = "1.";

/** Encrypts and decrypts short texts. */
export interface SecretBox {
  /** `context` is bound to the text: only the same one opens it. */
  seal(text: string, context: string): string;
  /** `undefined` if it was sealed with another key or context, or altered. */
  open(sealed: string, context: string): string | undefined;
}

/** The box for a key of 32 bytes. */
function secretBox(key: Uint8Array): SecretBox {
  return {
    seal(text, context) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv(algorithm, key, nonce);
      cipher.setAAD(new TextEncoder().encode(context));
      const parts = [nonce, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()];
      return format + concat(parts).toBase64({ alphabet: "base64url", omitPadding: true });
    },
    open(sealed, context) {
      if (!sealed.startsWith(format)) return undefined;
      try {
        const bytes = Uint8Array.fromBase64(sealed.slice(format.length), { alphabet: "base64url" });
        const decipher = createDecipheriv(algorithm, key, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes });
        decipher.setAAD(new TextEncoder().encode(context));
        decipher.setAuthTag(bytes.subarray(-tagBytes));
        const text = decipher.update(bytes.subarray(nonceBytes, -tagBytes));
        return new TextDecoder().decode(concat([text, decipher.final()]));
      } catch {
        return undefined;
      }
    },
  };
}

/** The box for the key in a data folder; the first call creates the key. */
export async function openSecretBox(folder: string): Promise<SecretBox> {
  const file = join(folder, "settings.key");
  const known = await readKey(file);
  if (known !== undefined) return secretBox(known);
  const temporary = `${file}.${crypto.randomUUID()}`;
  {
    using handle = await Deno.open(temporary, { write: true, createNew: true, mode: 0o600 });
    const text = new TextEncoder().encode(`${randomBytes(keyBytes).toString("base64url")}\n`);
    for (let written = 0; written < text.length;) written += await handle.write(text.subarray(written));
    await handle.sync();
  }
  try {
    // Fails if another process created the key meanwhile: use that one.
    await Deno.link(temporary, file);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  } finally {
    await Deno.remove(temporary);
  }
  // Otherwise a power cut may lose the name, and with the key everything sealed with it.
  await realFileSystem.syncFolder(folder);
  const made = await readKey(file);
  if (made === undefined) throw new Error(`Cannot read the key in "${file}": it vanished. Start the hub again`);
  return secretBox(made);
}

async function readKey(file: string): Promise<Uint8Array | undefined> {
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const key = Uint8Array.fromBase64(text.trim(), { alphabet: "base64url" });
  if (key.length !== keyBytes) {
    throw new Error(`Cannot use the key in "${file}": it has ${key.length} bytes, not ${keyBytes}. Restore the file`);
  }
  return key;
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((bytes, part) => bytes + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}
