/**
 * The relay: accepts connections on loopback from whoever has this process's token, and connects them to an allowed
 * host, directly or through the proxy. It sees only TLS, never the content; it alone knows why a connection failed, and
 * reports that.
 */
import { anySignal } from "../runtime/any_signal.ts";
import { systemClock } from "../runtime/clock.ts";
import { acceptConnections } from "./accept_connections.ts";
import type { AllowedHost } from "./allowed_hosts.ts";
import type { ConnectionFailure, OsError } from "./connection_failure.ts";
import type { Proxy } from "./proxy.ts";
import { RelayClients } from "./relay_clients.ts";

/**
 * Limits on time and number. Connecting through a proxy must fail before the request's own timeout of 30 s, so that the
 * reason is known.
 */
export interface RelayLimits {
  /** @default 12 s */
  readonly connectTimeoutMs: number;
  /** How long a proxy may take to answer. @default 15 s */
  readonly proxyTimeoutMs: number;
  /** How long a client may take to present the token and its request. @default 5 s */
  readonly handshakeTimeoutMs: number;
  /** How many clients may not have done so yet; beyond that, the slowest is dropped. @default 32 */
  readonly newcomersMax: number;
  /** A tunnel without a byte in either direction is closed after this. @default 5 min */
  readonly idleTimeoutMs: number;
  /** @default 64 */
  readonly tunnelsMax: number;
}

/** The default limits. */
export const defaultRelayLimits: RelayLimits = {
  connectTimeoutMs: 12_000,
  proxyTimeoutMs: 15_000,
  handshakeTimeoutMs: 5_000,
  newcomersMax: 32,
  idleTimeoutMs: 5 * 60_000,
  tunnelsMax: 64,
};

/** The relay's configuration. Plain data. */
export interface RelayOptions {
  readonly allowed: readonly AllowedHost[];
  readonly proxy: Proxy | undefined;
  readonly token: string;
  readonly limits: RelayLimits;
}

/** Whom to notify of what, and when to end. */
export interface ServeOptions extends RelayOptions {
  /** A connection could not be made, or broke. */
  readonly report: (failure: ConnectionFailure) => void;
  /** Connections of clients cannot be accepted; `null`: they can again. */
  readonly reportTrouble: (trouble: OsError | null) => void;
  readonly signal: AbortSignal;
}

/** Serves until `signal` aborts, then closes every tunnel. Rejects if `listener` was closed by somebody else. */
export async function serveRelay(listener: Deno.TcpListener, options: ServeOptions): Promise<void> {
  const failed = new AbortController();
  using ending = anySignal(options.signal, failed.signal);
  const { signal } = ending;
  const clients = new RelayClients({ ...options, signal });
  const running = new Set<Promise<void>>();
  const stop = () => listener.close();
  options.signal.addEventListener("abort", stop, { once: true });
  try {
    await acceptConnections(listener, {
      clock: systemClock,
      onTrouble: options.reportTrouble,
      onConnection(conn) {
        const served = clients.serve(conn)
          .catch(() => {/* The client is gone, or was not ours: nobody to tell. */})
          .finally(() => running.delete(served));
        running.add(served);
      },
      signal,
    });
  } catch (error) {
    options.signal.removeEventListener("abort", stop);
    failed.abort(error);
    throw error;
  } finally {
    await Promise.all(running);
  }
}
