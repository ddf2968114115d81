/** Whether a public key is valid: a point on the curve P-256 (FIPS 186-5), which Web Crypto's import does not check. */
import { Buffer } from "node:buffer";

const prime = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const b = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;

/** `x` and `y` as in a JWK (RFC 7518, section 6.2.1). */
export function isPointOfP256({ x, y }: { x: string; y: string }): boolean {
  const [px, py] = [coordinate(x), coordinate(y)];
  if (px === undefined || py === undefined) return false;
  return (py * py - (px * px * px - 3n * px + b)) % prime === 0n;
}

function coordinate(text: string): bigint | undefined {
  if (!/^[A-Za-z0-9_-]{43}$/.test(text)) return undefined;
  const value = BigInt(`0x${Buffer.from(text, "base64url").toString("hex")}`);
  return value < prime ? value : undefined;
}
