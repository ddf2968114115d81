/** Patterns of hosts that data may be sent to. Pure. */

/** `*` stands for one or more characters of one label. */
export interface HostPattern {
  /** As written: in any case, IPv6 in brackets. */
  readonly host: string;
  /** 443 when absent. */
  readonly port: number;
}

/**
 * Parses `host`, `host:port` or `[IPv6]:port`, or says what is wrong with it. `*` may be a part of
 * any label but the last two.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(parseHostPattern("b*.s3.example:9000"), { host: "b*.s3.example", port: 9000 });
 * assertEquals("problem" in parseHostPattern("*.example"), true);
 * ```
 */
export function parseHostPattern(pattern: string): HostPattern | { readonly problem: string } {
  const [, host, portText = "443"] = /^(\[[0-9a-f:.]+\]|[a-z0-9.*_-]+)(?::(\d{1,5}))?$/i.exec(pattern) ?? [];
  const port = Number(portText);
  if (host === undefined || (host.startsWith("[") && !URL.canParse(`http://${host}`))) {
    return { problem: "must be a host name, with a port when it is not 443, and nothing else (no https://, no path)" };
  }
  if (port < 1 || port > 65_535) return { problem: "must have a port from 1 to 65535" };
  if (host.startsWith("[")) return { host, port };
  const labels = host.split(".");
  if (labels.includes("")) return { problem: "has an empty part between dots" };
  if (labels.slice(-2).some((label) => label.includes("*"))) {
    const problem = "would allow too much: * is not allowed in the last two parts of the name, as in " +
      '"injixo-*.s3.example.com"';
    return { problem };
  }
  return { host, port };
}
