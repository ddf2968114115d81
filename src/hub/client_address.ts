/** Where a request came from. `app.ts` decides once, by the connection or (behind a proxy) by the header it vouches for. */
import type { Context } from "hono";

const variable = "clientAddress";

/** Remembers the address for this request. */
export function setClientAddress(context: Context, address: string): void {
  context.set(variable, address);
}

/** The address of this request; `unknown` where nothing tells. */
export function clientAddress(context: Context): string {
  return context.get(variable) ?? "unknown";
}
