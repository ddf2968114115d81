/**
 * The HTTP client for everything the agent sends: through the relay, with the system's and the configured certificate
 * authorities (the environment variable DENO_TLS_CA_STORE=mozilla,system must be set before the first client is
 * created).
 */
import { destinationOf } from "./allowed_hosts.ts";
import { oneLine } from "./connection_errors.ts";
import type { ConnectionReports } from "./connection_reports.ts";
import { diagnoseFetchFailure, type Diagnosis, isOfConnecting } from "./fetch_failure.ts";
import { lookAtCertificate } from "./peer_certificate.ts";
import { wantsCertificate } from "./tls_errors.ts";
import type { RelayAddress } from "./start_relay.ts";

/** How many idle connections are kept per host: as many as small batches are sent at the same time. */
const idleConnectionsMax = 8;
/** How long an idle connection is kept, in ms: less than proxies and load balancers usually allow. */
const idleTimeoutMs = 50_000;

/** The purpose of each client; also its name in reports. Each has its own connections. */
export type Purpose = "api" | "poll" | "delivery" | "check";

/** A `Deno.HttpClient` whose connections all go through the relay. The caller closes it. */
export function egressClient(
  options: RelayAddress & { purpose: Purpose; caCerts: readonly string[] },
): Deno.HttpClient {
  return Deno.createHttpClient({
    caCerts: [...options.caCerts],
    proxy: {
      transport: "socks5",
      url: `socks5h://${options.purpose}:${options.token}@127.0.0.1:${options.port}`,
    },
    poolMaxIdlePerHost: idleConnectionsMax,
    poolIdleTimeout: idleTimeoutMs,
    http2: false,
  });
}

/** fetch through the relay, with explanations of failures. */
export class EgressTransport implements Disposable {
  readonly #client: Deno.HttpClient;
  readonly #relay: RelayAddress;
  readonly #purpose: Purpose;
  readonly #reports: ConnectionReports;

  constructor(
    options: RelayAddress & { purpose: Purpose; caCerts: readonly string[]; reports: ConnectionReports },
  ) {
    this.#client = egressClient(options);
    this.#relay = { port: options.port, token: options.token };
    this.#purpose = options.purpose;
    this.#reports = options.reports;
  }

  /** Like fetch, on this client's connections. */
  fetch(url: URL, init: RequestInit): Promise<Response> {
    return fetch(url, { ...init, client: this.#client });
  }

  /**
   * Explains a rejected `fetch`, or a failed read of its body, for people: what failed, the operating system's error,
   * and what to do; and whether the request had been sent. `sinceMs` is when it started (monotonic).
   */
  async explain(
    error: unknown,
    options: { url: URL; sinceMs: number; signal: AbortSignal },
  ): Promise<{ message: string; sent: boolean }> {
    const diagnosis = await this.diagnose(error, options);
    return { message: oneLine(diagnosis), sent: diagnosis.step !== "allowed" && !isOfConnecting(error) };
  }

  /** Like {@linkcode explain}, in separate parts. */
  async diagnose(error: unknown, options: { url: URL; sinceMs: number; signal: AbortSignal }): Promise<Diagnosis> {
    const to = destinationOf(options.url);
    const failure = await this.#reports.find({ purpose: this.#purpose, ...to, sinceMs: options.sinceMs }, error);
    const certificate = wantsCertificate(error)
      ? await lookAtCertificate(to, { relay: this.#relay, signal: options.signal })
      : undefined;
    return diagnoseFetchFailure(error, { to, failure, certificate });
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}
