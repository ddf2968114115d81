/** Names of hosts, as `URL` has them. Pure. */

/**
 * Whether what `URL` takes as a host can be one: it also takes names with commas, or with nothing between two dots.
 *
 * @param hostname of a `URL`: in lower case and in ASCII, IPv6 in brackets.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * const can = (url: string) => isHostName(new URL(url).hostname);
 * assertEquals([can("http://[::1]"), can("http://hüb.example."), can("http://hub,example")], [true, true, false]);
 * ```
 */
export function isHostName(hostname: string): boolean {
  return hostname.startsWith("[") || /^[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?$/.test(hostname);
}
