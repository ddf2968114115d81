/**
 * The clients of the relay. Any process on this machine can connect: those that have not presented the token yet have
 * separate limits, and take no slots from those that have.
 */
import { anySignal } from "../runtime/any_signal.ts";
import { type ByteStream, denoStream, readAhead, writeAll } from "./byte_stream.ts";
import { type FailureCause, osErrorOf } from "./connection_failure.ts";
import { DialError } from "./dial.ts";
import { openRemote, type Remote } from "./open_remote.ts";
import { goesByProxy } from "./proxy.ts";
import type { ServeOptions } from "./relay.ts";
import { acceptSocks, readSocksRequest, refuseSocks, type SocksRequest } from "./socks.ts";
import { joinStreams } from "./tunnel.ts";
import { within } from "./within.ts";

/** How much a client may send before it is told that it is connected, in bytes. */
const firstBytesMax = 4 * 1024;

/** All clients of one relay. */
export class RelayClients {
  readonly #options: ServeOptions;
  /** Those that have not sent their request yet, oldest first. */
  readonly #newcomers = new Set<ByteStream>();
  #tunnels = 0;

  constructor(options: ServeOptions) {
    this.#options = options;
  }

  /** Serves one client until it or its tunnel has ended. Rejects if the client is gone, or was not ours. */
  async serve(conn: Deno.TcpConn): Promise<void> {
    const client = denoStream(conn);
    const { signal } = this.#options;
    const close = () => client.close();
    signal.addEventListener("abort", close, { once: true });
    try {
      signal.throwIfAborted();
      const request = await this.#requestOf(client);
      if (request === undefined) return;
      this.#tunnels++;
      try {
        await this.#connect(client, request);
      } finally {
        this.#tunnels--;
      }
    } finally {
      signal.removeEventListener("abort", close);
      client.close();
    }
  }

  async #requestOf(client: ByteStream): Promise<SocksRequest | undefined> {
    const { limits, token } = this.#options;
    const [oldest] = this.#newcomers;
    if (oldest !== undefined && this.#newcomers.size >= limits.newcomersMax) {
      this.#newcomers.delete(oldest);
      oldest.close();
    }
    this.#newcomers.add(client);
    try {
      return await within(() => readSocksRequest(client, token), {
        ms: limits.handshakeTimeoutMs,
        onTimeout: () => client.close(),
      });
    } finally {
      this.#newcomers.delete(client);
    }
  }

  async #connect(stream: ByteStream, request: SocksRequest): Promise<void> {
    const { limits, proxy, report, signal } = this.#options;
    const left = new AbortController();
    const client = readAhead(stream, {
      bytes: firstBytesMax,
      onEnd: () => left.abort(new Error("the client has left")),
    });
    const through = proxy !== undefined && goesByProxy(request, proxy)
      ? { proxy: { host: proxy.host, port: proxy.port } }
      : {};
    const tell = (cause: FailureCause) =>
      report({ purpose: request.purpose, host: request.host, port: request.port, ...through, cause });
    const opened = await this.#open(request, left.signal).catch((error) => {
      if (error instanceof DialError) return error.failure;
      throw error;
    });
    if ("stage" in opened) {
      tell(opened);
      return await refuseSocks(client, opened);
    }
    using remote = opened;
    const close = () => remote.stream.close();
    signal.addEventListener("abort", close, { once: true });
    try {
      await acceptSocks(client);
      if (remote.first.length > 0) await writeAll(client, remote.first);
      const broken = await joinStreams(client, remote.stream, limits);
      if (broken !== undefined && !signal.aborted) tell({ stage: "broken", os: osErrorOf(broken) });
    } finally {
      signal.removeEventListener("abort", close);
    }
  }

  /** Until the client leaves: then nobody is waiting for it. */
  async #open(request: SocksRequest, left: AbortSignal): Promise<Remote> {
    const { tunnelsMax } = this.#options.limits;
    if (this.#tunnels > tunnelsMax) throw new DialError({ stage: "limit", tunnelsMax });
    using ended = anySignal(this.#options.signal, left);
    return await openRemote(request, { ...this.#options, signal: ended.signal });
  }
}
