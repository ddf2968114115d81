/**
 * Where the agent may connect to: the hub and its object stores, and nothing else.
 *
 * The relay compares exactly; Deno's own permissions (`netPermissions`) are a second line of defence and slightly
 * wider, since they allow `*` only as a whole label: `injixo-*.s3-eu-west-1.amazonaws.com` becomes
 * `*.s3-eu-west-1.amazonaws.com`.
 */
import { parseHostPattern } from "../runtime/host_pattern.ts";

/** Object stores of the real hub, on port 443 (page "Network" of the manual). */
const objectStorePattern = "injixo-*.s3-eu-west-1.amazonaws.com";

/** One allowed destination. Plain data, since it is posted to workers. */
export interface AllowedHost {
  /** Lower case, IPv6 without brackets; `*` stands for one or more characters of one label. */
  readonly host: string;
  readonly port: number;
}

/** A host and port to connect to. */
export interface Destination {
  readonly host: string;
  readonly port: number;
}

/**
 * The hub's own address, the real hub's object stores, and those of `[hub] objectStoreHosts` (`host` or `host:port`,
 * port 443 when absent).
 */
export function allowedHosts(options: { hubUrl: URL; objectStoreHosts: readonly string[] }): AllowedHost[] {
  return [
    destinationOf(options.hubUrl),
    ...[objectStorePattern, ...options.objectStoreHosts].map(parseAllowedHost),
  ];
}

/** Where a URL of `http:` or `https:` connects to. */
export function destinationOf(url: URL): Destination {
  const port = url.port !== "" ? Number(url.port) : url.protocol === "http:" ? 80 : 443;
  return { host: normalHost(url.hostname), port };
}

/** A pattern of `[hub] objectStoreHosts`; throws for one that the configuration refuses. */
export function parseAllowedHost(pattern: string): AllowedHost {
  const parsed = parseHostPattern(pattern);
  if ("problem" in parsed) throw new Error(`Cannot use object store host "${pattern}": it ${parsed.problem}`);
  return { host: normalHost(parsed.host), port: parsed.port };
}

/**
 * Whether `to` is one of `allowed`.
 *
 * @example
 * ```ts
 * import { assert } from "../../tests/assert.ts";
 * const allowed = [parseAllowedHost("injixo-*.s3-eu-west-1.amazonaws.com")];
 * assert(isAllowed({ host: "injixo-eu.s3-eu-west-1.amazonaws.com", port: 443 }, allowed));
 * assert(!isAllowed({ host: "other.s3-eu-west-1.amazonaws.com", port: 443 }, allowed));
 * ```
 */
export function isAllowed(to: Destination, allowed: readonly AllowedHost[]): boolean {
  const host = normalHost(to.host);
  return allowed.some((one) => one.port === to.port && matches(host, one.host));
}

/** Deno's `net` permissions that cover `hosts`. */
export function netPermissions(hosts: readonly Destination[]): string[] {
  const entries = hosts.map(({ host, port }) => {
    if (host.includes(":")) return `[${host}]:${port}`;
    const labels = host.split(".");
    const wild = labels.findLastIndex((label) => label.includes("*"));
    return wild < 0 ? `${host}:${port}` : `*.${labels.slice(wild + 1).join(".")}:${port}`;
  });
  return [...new Set(entries)];
}

/** Lower case, without brackets and the trailing dot, IPv6 in its shortest form. */
export function normalHost(host: string): string {
  const bare = host.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "").toLowerCase();
  if (!bare.includes(":")) return bare;
  return URL.canParse(`http://[${bare}]/`) ? new URL(`http://[${bare}]/`).hostname.slice(1, -1) : bare;
}

function matches(host: string, pattern: string): boolean {
  if (!pattern.includes("*")) return host === pattern;
  const source = pattern.split("*").map((text) => text.replaceAll(".", "\\.")).join("[a-z0-9_-]+");
  return new RegExp(`^${source}$`).test(host);
}
