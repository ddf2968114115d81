/** A relay with a transport through it, as the agent has them. */
import { ConnectionReports } from "../../src/egress/connection_reports.ts";
import { EgressTransport } from "../../src/egress/egress_client.ts";
import { parseAllowedHost } from "../../src/egress/allowed_hosts.ts";
import type { Proxy } from "../../src/egress/proxy.ts";
import type { RelayLimits } from "../../src/egress/relay.ts";
import { type Relay, startRelay } from "../../src/egress/start_relay.ts";

export interface Relayed extends AsyncDisposable {
  readonly relay: Relay;
  readonly transport: EgressTransport;
  /** Fetches and returns the body, or rejects with what is said about the failure. */
  get(url: string): Promise<string>;
  /** What is said about the failure of a fetch. */
  failure(url: string): Promise<string>;
}

export async function relayed(options: {
  allowed: readonly string[];
  proxy?: Proxy;
  caCerts?: readonly string[];
  limits?: Partial<RelayLimits>;
}): Promise<Relayed> {
  const allowed = options.allowed.map(parseAllowedHost);
  const relay = await startRelay({ allowed, proxy: options.proxy, limits: options.limits ?? {} });
  const reports = new ConnectionReports(relay.reports(), { nowMs: () => performance.now() });
  const transport = new EgressTransport({
    port: relay.port,
    token: relay.token,
    purpose: "api",
    caCerts: options.caCerts ?? [],
    reports,
  });
  const get = async (address: string) => {
    const url = new URL(address);
    const sinceMs = performance.now();
    const { signal } = new AbortController();
    try {
      const answer = await transport.fetch(url, { signal });
      return await answer.text();
    } catch (error) {
      throw new Error((await transport.explain(error, { url, sinceMs, signal })).message, { cause: error });
    }
  };
  return {
    relay,
    transport,
    get,
    failure: (url) => get(url).then((body) => `no failure: ${body}`, (error) => error.message),
    async [Symbol.asyncDispose]() {
      transport[Symbol.dispose]();
      reports[Symbol.dispose]();
      await relay.close();
    },
  };
}
