/** The far end of a tunnel: the destination itself, or the proxy with a tunnel to it. */
import { isAllowed } from "./allowed_hosts.ts";
import type { ByteStream } from "./byte_stream.ts";
import { dial, DialError } from "./dial.ts";
import { goesByProxy } from "./proxy.ts";
import { openTunnel } from "./proxy_tunnel.ts";
import type { RelayOptions } from "./relay.ts";
import type { SocksRequest } from "./socks.ts";
import { within } from "./within.ts";

/** A connection to it. */
export interface Remote extends Disposable {
  readonly stream: ByteStream;
  /** Bytes that arrived before the tunnel was joined. */
  readonly first: Uint8Array;
}

/** Connects to a client's destination. Throws {@linkcode DialError}, or the signal's reason. */
export async function openRemote(
  request: SocksRequest,
  options: Pick<RelayOptions, "allowed" | "proxy" | "limits"> & { signal: AbortSignal },
): Promise<Remote> {
  const { proxy, limits, signal } = options;
  if (!isAllowed(request, options.allowed)) throw new DialError({ stage: "forbidden" });
  const dialOptions = { timeoutMs: limits.connectTimeoutMs, signal };
  if (proxy === undefined || !goesByProxy(request, proxy)) {
    const stream = await dial(request, dialOptions);
    return { stream, first: new Uint8Array(), [Symbol.dispose]: () => stream.close() };
  }
  const stream = await dial(proxy, dialOptions);
  const close = () => stream.close();
  signal.addEventListener("abort", close, { once: true });
  let timedOut = false;
  try {
    const first = await within(() => openTunnel(stream, request, proxy), {
      ms: limits.proxyTimeoutMs,
      onTimeout() {
        timedOut = true;
        close();
      },
    });
    return { stream, first, [Symbol.dispose]: close };
  } catch (error) {
    close();
    signal.throwIfAborted();
    if (!timedOut) throw error;
    throw new DialError({ stage: "proxy-timeout", timeoutMs: limits.proxyTimeoutMs });
  } finally {
    signal.removeEventListener("abort", close);
  }
}
