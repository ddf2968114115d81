/** Transports without a relay, for tests of the client alone. */
import type { Transport, Transports } from "../../src/cloud/transport.ts";

export interface DirectTransports extends Transports, Disposable {}

export function directTransports(): DirectTransports {
  const client = Deno.createHttpClient({ http2: false });
  const transport: Transport = {
    fetch: (url, init) => fetch(url, { ...init, client }),
    explain: (error) =>
      Promise.resolve({ message: `Cannot connect: ${error}`, sent: !/\(Connect\)/.test(String(error)) }),
  };
  return { api: transport, poll: transport, delivery: transport, [Symbol.dispose]: () => client.close() };
}
