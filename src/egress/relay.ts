/**
 * The relay: takes connections on loopback from whoever has this process's token, and connects them to an allowed host,
 * directly or through the proxy. It sees TLS only, never what is in it; what it knows and nobody else does is why a
 * connection failed, which it reports.
 */
import { anySignal } from "../runtime/any_signal.ts";
import { systemClock } from "../runtime/clock.ts";
import { acceptConnections } from "./accept_connections.ts";
import { type AllowedHost, isAllowed } from "./allowed_hosts.ts";
import { type ByteStream, denoStream, writeAll } from "./byte_stream.ts";
import { type ConnectionFailure, type FailureCause, type OsError, osErrorOf } from "./connection_failure.ts";
import { dial, DialError } from "./dial.ts";
import { goesByProxy, type Proxy } from "./proxy.ts";
import { openTunnel } from "./proxy_tunnel.ts";
import { acceptSocks, readSocksRequest, refuseSocks, type SocksRequest } from "./socks.ts";
import { joinStreams } from "./tunnel.ts";

/**
 * Times and counts that bound the relay. Connecting by proxy must fail before the request's own timeout of 30 s does, so
 * that the reason is known.
 */
export interface RelayLimits {
  /** @default 12 s */
  readonly connectTimeoutMs: number;
  /** How long a proxy may take to answer. @default 15 s */
  readonly proxyTimeoutMs: number;
  /** How long a client may take to say what it wants. @default 5 s */
  readonly handshakeTimeoutMs: number;
  /** A tunnel without a byte in either direction is closed after this. @default 5 min */
  readonly idleTimeoutMs: number;
  /** @default 64 */
  readonly tunnelsMax: number;
}

/** The limits unless said otherwise. */
export const defaultRelayLimits: RelayLimits = {
  connectTimeoutMs: 12_000,
  proxyTimeoutMs: 15_000,
  handshakeTimeoutMs: 5_000,
  idleTimeoutMs: 5 * 60_000,
  tunnelsMax: 64,
};

/** What the relay is told at its start. Plain data. */
export interface RelayOptions {
  readonly allowed: readonly AllowedHost[];
  readonly proxy: Proxy | undefined;
  readonly token: string;
  readonly limits: RelayLimits;
}

/** Who is told what, and when to end. */
export interface ServeOptions extends RelayOptions {
  readonly report: (failure: ConnectionFailure) => void;
  /** Connections of clients cannot be taken; `null`: they can again. */
  readonly reportTrouble: (trouble: OsError | null) => void;
  readonly signal: AbortSignal;
}

/** Serves until `signal` aborts, then closes every tunnel. Rejects when `listener` was closed by somebody else. */
export async function serveRelay(listener: Deno.TcpListener, options: ServeOptions): Promise<void> {
  const clients = new Set<Promise<void>>();
  const failed = new AbortController();
  using ending = anySignal(options.signal, failed.signal);
  const { signal } = ending;
  const stop = () => listener.close();
  options.signal.addEventListener("abort", stop, { once: true });
  try {
    await acceptConnections(listener, {
      clock: systemClock,
      onTrouble: options.reportTrouble,
      onConnection(conn) {
        const served = serveConnection(conn, { ...options, signal, full: clients.size >= options.limits.tunnelsMax })
          .catch(() => {/* The client is gone, or was no client of ours: nobody to tell. */})
          .finally(() => clients.delete(served));
        clients.add(served);
      },
      signal,
    });
  } catch (error) {
    options.signal.removeEventListener("abort", stop);
    failed.abort(error);
    throw error;
  } finally {
    await Promise.all(clients);
  }
}

type ClientOptions = ServeOptions & { full: boolean };

async function serveConnection(conn: Deno.TcpConn, options: ClientOptions): Promise<void> {
  const client = denoStream(conn);
  try {
    await serveClient(client, options);
  } finally {
    client.close();
  }
}

async function serveClient(client: ByteStream, options: ClientOptions): Promise<void> {
  const aborter = new AbortController();
  const onAbort = () => aborter.abort(options.signal.reason);
  options.signal.addEventListener("abort", onAbort, { once: true });
  aborter.signal.addEventListener("abort", () => client.close(), { once: true });
  try {
    const request = await within(
      options.limits.handshakeTimeoutMs,
      () => client.close(),
      () => readSocksRequest(client, options.token),
    );
    if (request === undefined) return;
    const byProxy = options.proxy !== undefined && goesByProxy(request, options.proxy);
    const report = (cause: FailureCause) =>
      options.report({ purpose: request.purpose, host: request.host, port: request.port, byProxy, cause });
    const opened = await open(request, { ...options, signal: aborter.signal }).catch((error) => {
      if (error instanceof DialError) return error.failure;
      throw error;
    });
    if ("stage" in opened) {
      report(opened);
      return await refuseSocks(client, opened);
    }
    using remote = opened;
    aborter.signal.addEventListener("abort", () => remote.stream.close(), { once: true });
    await acceptSocks(client);
    if (remote.first.length > 0) await writeAll(client, remote.first);
    const broken = await joinStreams(client, remote.stream, options.limits);
    if (broken !== undefined && !options.signal.aborted) {
      report({ stage: "broken", peer: remote.peer, os: osErrorOf(broken) });
    }
  } finally {
    options.signal.removeEventListener("abort", onAbort);
  }
}

interface Remote extends Disposable {
  readonly stream: ByteStream;
  /** What came before the tunnel was joined. */
  readonly first: Uint8Array;
  readonly peer: string;
}

/** Connects to what a client asks for. Throws {@linkcode DialError}. */
async function open(request: SocksRequest, options: ClientOptions): Promise<Remote> {
  const { proxy, limits, signal } = options;
  if (!isAllowed(request, options.allowed)) throw new DialError({ stage: "forbidden" });
  if (options.full) throw new DialError({ stage: "limit", tunnelsMax: limits.tunnelsMax });
  const dialOptions = { timeoutMs: limits.connectTimeoutMs, signal };
  if (proxy === undefined || !goesByProxy(request, proxy)) {
    const stream = await dial(request, dialOptions);
    return { stream, first: new Uint8Array(), peer: request.host, [Symbol.dispose]: () => stream.close() };
  }
  const stream = await dial(proxy, dialOptions);
  let timedOut = false;
  try {
    const first = await within(limits.proxyTimeoutMs, () => {
      timedOut = true;
      stream.close();
    }, () => openTunnel(stream, request, proxy));
    return { stream, first, peer: proxy.host, [Symbol.dispose]: () => stream.close() };
  } catch (error) {
    stream.close();
    if (!timedOut) throw error;
    throw new DialError({ stage: "proxy-timeout", peer: proxy.host, timeoutMs: limits.proxyTimeoutMs });
  }
}

/** Runs `act`, and `onTimeout`, which must end it, when it takes longer than `ms`. */
async function within<T>(ms: number, onTimeout: () => void, act: () => Promise<T>): Promise<T> {
  const timer = setTimeout(onTimeout, ms);
  try {
    return await act();
  } finally {
    clearTimeout(timer);
  }
}
