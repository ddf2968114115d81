/**
 * Where a request came from. `app.ts` decides once, from the connection or (behind a proxy) from the header the proxy
 * vouches for.
 */
import type { Context } from "hono";

const variable = "clientAddress";

/** Stores the address for this request. */
export function setClientAddress(context: Context, address: string): void {
  context.set(variable, address);
}

/**
 * What limits count as one address: for IPv6 the /64, within which a host picks addresses freely, or the /48, the most
 * a customer gets; an IPv4 address in whichever notation.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../../tests/assert.ts";
 * assertEquals(networkOf("2001:db8:0:1:aaaa::1"), networkOf("2001:db8:0:1::2"));
 * assertEquals(networkOf("::ffff:192.0.2.1"), "192.0.2.1");
 * ```
 */
export function networkOf(address: string, { prefix }: { prefix: 48 | 64 } = { prefix: 64 }): string {
  if (!address.includes(":")) return address;
  const groups = groupsOf(address);
  if (groups === undefined) return address;
  const [high = 0, low = 0] = groups.slice(6);
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (isMapped) return [high >> 8, high & 255, low >> 8, low & 255].join(".");
  return `${groups.slice(0, prefix / 16).map((group) => group.toString(16)).join(":")}::/${prefix}`;
}

/** The eight groups of an IPv6 address; `undefined` if it is not one. */
function groupsOf(address: string): readonly number[] | undefined {
  const url = URL.parse(`http://[${address.split("%")[0]}]`);
  if (url === null) return undefined;
  const [before = "", after] = url.hostname.slice(1, -1).split("::");
  const head = before === "" ? [] : before.split(":");
  const tail = after === undefined || after === "" ? [] : after.split(":");
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => "0");
  return [...head, ...zeros, ...tail].map((group) => parseInt(group, 16));
}

/** The address of this request; `unknown` if it cannot be told. */
export function clientAddress(context: Context): string {
  return context.get(variable) ?? "unknown";
}

/** Whether an address is this machine's own. Behind a proxy on this machine, all are. */
export function isLoopback(address: string): boolean {
  return /^(127\.\d+\.\d+\.\d+|::1|::ffff:127\.\d+\.\d+\.\d+|localhost)$/.test(address);
}
