/**
 * The proxy configured by the environment: `https_proxy`, `no_proxy` and their upper-case forms (lower case wins, as
 * with curl). Pure: the values are parameters.
 *
 * `no_proxy` is a list of `*`, host, domain (with or without a leading dot or `*.`; its subdomains count), `host:port`,
 * IP address or CIDR, separated by commas or spaces. An IP rule applies to destinations given as an IP address: names
 * are not resolved for it. Loopback never goes through a proxy.
 */
import { isHostName } from "../runtime/host_name.ts";
import { type Destination, normalHost } from "./allowed_hosts.ts";

/** The environment variables that count. */
const proxyVariables = ["https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"] as const;
/** Their values, if set. */
export type ProxyEnvironment = { readonly [name in (typeof proxyVariables)[number]]?: string | undefined };

/**
 * A proxy that supports HTTP/1.1 CONNECT. Plain data, since it is posted to the relay. Contains a password: never log
 * it.
 */
export interface Proxy {
  readonly host: string;
  readonly port: number;
  readonly credentials?: { readonly user: string; readonly password: string };
  /** The variable it comes from. */
  readonly variable: string;
  /** What bypasses it: the rules of `no_proxy`, and loopback. */
  readonly exceptions: readonly string[];
}

/** The address in `https_proxy` is not usable. The message never contains the password. */
export class ProxyAddressError extends Error {
  override readonly name = "ProxyAddressError";
}

/** The proxy's port if its address has none (page "Network" of the manual). */
const defaultProxyPort = 80;

/** Loopback never goes through a proxy. */
const loopbackRules = ["localhost", "127.0.0.0/8", "::1/128"];

/** The proxy to use, or `undefined` for none. Throws {@linkcode ProxyAddressError}. */
export function proxyFromEnvironment(environment: ProxyEnvironment): Proxy | undefined {
  const variable = (["https_proxy", "HTTPS_PROXY"] as const).find((name) => environment[name]?.trim());
  if (variable === undefined) return undefined;
  const exceptions = (environment.no_proxy?.trim() || environment.NO_PROXY || "").split(/[\s,]+/)
    .filter((rule) => rule !== "");
  return {
    ...parseProxyAddress(environment[variable]?.trim() ?? "", variable),
    variable,
    exceptions: [...loopbackRules, ...exceptions],
  };
}

/** The proxy's address for display: without the password. */
export function shownProxy(proxy: Proxy): string {
  const user = proxy.credentials === undefined
    ? ""
    : `${encodeURIComponent(proxy.credentials.user.toWellFormed())}:***@`;
  return `http://${user}${proxy.host.includes(":") ? `[${proxy.host}]` : proxy.host}:${proxy.port}`;
}

/** Whether a connection to `to` goes through `proxy`. */
export function goesByProxy(to: Destination, proxy: Proxy): boolean {
  return !proxy.exceptions.some((rule) => isException(to, rule));
}

function parseProxyAddress(text: string, variable: string): Pick<Proxy, "host" | "port" | "credentials"> {
  const fail = (state: string): never => {
    throw new ProxyAddressError(
      `Cannot use the proxy in ${variable}: ${state}. ` +
        `Set it like http://user:password@proxy.example:8080, with special characters in the password as %XX.`,
    );
  };
  const match = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(?:(.*)@)?([^@/?#]*)([/?#].*)?$/is.exec(text);
  const scheme = match?.[1]?.toLowerCase() ?? "http";
  const host = match?.[3] ?? "";
  if (scheme !== "http") fail(`"${scheme}://" is not supported, only "http://"`);
  if (/[/?#]/.test(match?.[2] ?? "")) fail("its user or password has a /, ? or # that is not written as %XX");
  const parts = /^(\[[0-9a-f:.]+\]|[^:\s\p{Cc}\p{Cs}\[\]]+)(?::(\d{0,5}))?$/iu.exec(host);
  const name = URL.parse(`http://${parts?.[1] ?? ""}/`)?.hostname ?? "";
  if (!isHostName(name)) fail("it has no valid host");
  const port = parts?.[2] ? Number(parts[2]) : defaultProxyPort;
  if (port < 1 || port > 65535) fail(`${port} is no port`);
  const address = { host: normalHost(name), port };
  const userInfo = match?.[2];
  if (userInfo === undefined) return address;
  const colon = userInfo.indexOf(":");
  try {
    const user = decodeURIComponent(colon < 0 ? userInfo : userInfo.slice(0, colon));
    const password = decodeURIComponent(colon < 0 ? "" : userInfo.slice(colon + 1));
    return { ...address, credentials: { user, password } };
  } catch {
    return fail("its user or password has a % that is not followed by two hexadecimal digits (write it as %25)");
  }
}

function isException(to: Destination, rule: string): boolean {
  if (rule === "*") return true;
  const cidr = /^(.+)\/(\d{1,3})$/.exec(rule);
  if (cidr?.[1] !== undefined) return inNetwork(normalHost(to.host), normalHost(cidr[1]), Number(cidr[2]));
  const withPort = /^(\[.+\]|[^:]+):(\d{1,5})$/.exec(rule);
  if (withPort !== null && Number(withPort[2]) !== to.port) return false;
  const name = normalHost((withPort?.[1] ?? rule).replace(/^\*?\./, ""));
  const host = normalHost(to.host);
  return host === name || (name !== "" && host.endsWith(`.${name}`) && addressBits(host) === undefined);
}

function inNetwork(host: string, network: string, prefixBits: number): boolean {
  const left = addressBits(host);
  const right = addressBits(network);
  return left !== undefined && right !== undefined && left.length === right.length && prefixBits <= left.length &&
    left.slice(0, prefixBits) === right.slice(0, prefixBits);
}

/** An IP address as a string of its 32 or 128 bits; `undefined` for a name. */
function addressBits(host: string): string | undefined {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(host)) return bits(host.split(".").map(Number), 8);
  if (!host.includes(":")) return undefined;
  const [head = "", tail] = host.split("::");
  const groups = (text: string) => text === "" ? [] : text.split(":").map((group) => parseInt(group, 16));
  const left = groups(head);
  const right = groups(tail ?? "");
  const gap = new Array<number>(Math.max(0, 8 - left.length - right.length)).fill(0);
  return bits([...left, ...gap, ...right], 16);
}

function bits(numbers: readonly number[], each: number): string {
  return numbers.map((number) => number.toString(2).padStart(each, "0")).join("");
}
