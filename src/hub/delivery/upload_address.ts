/**
 * Signed addresses of the hub's own object store: the key, the size, the hash and the expiry time of one PUT, under an
 * HMAC.
 */
import { Buffer } from "node:buffer";
import { createHmac, timingSafeEqual } from "node:crypto";
import * as z from "zod";
import { partBytesMax, Sha256 } from "../../protocol/delivery.ts";

/** Where uploads go. */
export const uploadPath = "/api/v1/uploads";

/** What an address allows. */
export interface Upload {
  readonly key: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly expiresAtMs: number;
}

const Query = z.object({
  key: z.string().regex(/^[a-z0-9-]+(\/[a-z0-9-]+){2,3}$/).max(512),
  bytes: z.coerce.number().int().positive().max(partBytesMax),
  sha256: Sha256,
  expires: z.coerce.number().int().positive(),
  signature: z.string().max(64),
});

/** The address for `upload`. */
export function signUpload(upload: Upload, options: { origin: string; secret: Uint8Array }): string {
  const url = new URL(uploadPath, options.origin);
  url.searchParams.set("key", upload.key);
  url.searchParams.set("bytes", String(upload.bytes));
  url.searchParams.set("sha256", upload.sha256);
  url.searchParams.set("expires", String(upload.expiresAtMs));
  url.searchParams.set("signature", signature(upload, options.secret).toString("base64url"));
  return url.href;
}

/** What the address of a request allows; `undefined` if it is forged, altered or expired. */
export function verifyUpload(
  query: Readonly<Record<string, string>>,
  options: { secret: Uint8Array; nowMs: number },
): Upload | undefined {
  const parsed = Query.safeParse(query);
  if (!parsed.success) return undefined;
  const { key, bytes, sha256, expires } = parsed.data;
  const upload = { key, bytes, sha256, expiresAtMs: expires };
  const given = new Uint8Array(Buffer.from(parsed.data.signature, "base64url"));
  const expected = new Uint8Array(signature(upload, options.secret));
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  return expires > options.nowMs ? upload : undefined;
}

function signature(upload: Upload, secret: Uint8Array): Buffer {
  const text = ["PUT", upload.key, upload.bytes, upload.sha256, upload.expiresAtMs].join("\n");
  return createHmac("sha256", secret).update(text).digest();
}
