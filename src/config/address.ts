/** Addresses in the configuration: the hub's URL, and patterns of hosts that data may be sent to. */
import { isHostName } from "../runtime/host_name.ts";
import { parseHostPattern } from "../runtime/host_pattern.ts";
import type { Kind } from "./value.ts";

/**
 * The hub's address: `https:`, or `http:` for this machine itself; no path, no user, no password.
 *
 * The result is an origin: `https://www.injixo.com/`.
 */
export function hubUrl(options: { fallback: string }): Kind<URL> {
  const expected = 'an address such as "https://www.injixo.com"';
  return {
    fallback: options.fallback,
    expected,
    secret: false,
    parse(value) {
      if (typeof value !== "string" || !URL.canParse(value)) return { problem: `must be ${expected}` };
      const url = new URL(value);
      if (url.protocol !== "https:" && url.protocol !== "http:") return { problem: "must begin with https://" };
      if (url.username !== "" || url.password !== "") {
        return { problem: `must not have a user or password in it. Use "${url.protocol}//${url.host}"` };
      }
      if (!isHostName(url.hostname)) {
        return { problem: `must be ${expected}: "${url.hostname}" is not the name of a host` };
      }
      if (url.port === "0") return { problem: "must have a port from 1 to 65535" };
      if (url.pathname !== "/" || url.search !== "" || url.hash !== "") {
        return { problem: `must end after the host. Use "${url.origin}"` };
      }
      if (url.protocol === "http:" && !isLoopback(url.hostname)) {
        return {
          problem:
            `http: is not encrypted, and is allowed for this machine only (localhost). Use "https://${url.host}"`,
        };
      }
      return { value: url };
    },
  };
}

/**
 * Whether a URL's host name is this machine itself.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(["127.0.0.1", "[::1]", "localhost", "127.example.com"].map(isLoopback), [true, true, true, false]);
 * ```
 */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname);
}

/** What is wrong with a host pattern; `undefined` if nothing. */
export function hostPatternProblem(pattern: string): string | undefined {
  const parsed = parseHostPattern(pattern);
  return "problem" in parsed ? parsed.problem : undefined;
}
