/** `Retry-After` (RFC 9110, section 10.2.3). */

/** Longest wait on a server's word, in ms. */
const retryAfterMsMax = 60 * 60_000;

/**
 * How long to wait, in ms; `undefined` if the header is absent or invalid.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(retryAfterMs("120", { nowMs: 0 }), 120_000);
 * assertEquals(retryAfterMs("Thu, 01 Jan 1970 00:00:05 GMT", { nowMs: 2000 }), 3000);
 * ```
 *
 * @param options.nowMs The server's time, for the form that is a date.
 */
export function retryAfterMs(header: string | null, options: { nowMs: number }): number | undefined {
  const text = header?.trim() ?? "";
  const ms = /^\d{1,9}$/.test(text)
    ? Number(text) * 1000
    : /^[A-Za-z]{3,9},? /.test(text)
    ? Date.parse(text) - options.nowMs
    : NaN;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), retryAfterMsMax);
}
