/** Starts the relay in its own worker, with permission only for the allowed hosts and the proxy. */
import { ownModule } from "../runtime/own_module.ts";
import { type AllowedHost, netPermissions } from "./allowed_hosts.ts";
import type { Proxy } from "./proxy.ts";
import { defaultRelayLimits, type RelayLimits } from "./relay.ts";
import type { FromRelay, ToRelay } from "./relay_messages.ts";

/** How to reach a running relay. Plain data. The token is a secret: never log it. */
export interface RelayAddress {
  readonly port: number;
  readonly token: string;
}

/** A running relay. */
export interface Relay extends RelayAddress, AsyncDisposable {
  /** A new port to transfer to whoever creates HTTP clients: it receives every failed connection. */
  reports(): MessagePort;
  /** Resolves when the relay has ended; rejects if it failed. */
  readonly ended: Promise<void>;
  /** Closes every connection and ends the worker. */
  close(): Promise<void>;
}

/** How long the relay may take to end before its worker is terminated. */
const closeTimeoutMs = 500;

/** The `net` permissions for a worker that uses the relay: fetch also requires those for the destination. */
export function relayUserPermissions(relay: RelayAddress, allowed: readonly AllowedHost[]): string[] {
  return [`127.0.0.1:${relay.port}`, ...netPermissions(allowed)];
}

/**
 * The `net` permissions that {@linkcode startRelay} grants to its worker: the caller must have them. Names are without
 * their port, because Deno requires that when all addresses of a name are looked up; the relay compares ports itself.
 */
export function relayPermissions(allowed: readonly AllowedHost[], proxy: Proxy | undefined): string[] {
  const exact = netPermissions(proxy === undefined ? allowed : [...allowed, proxy]);
  const isAddress = (permission: string) => /^(\[|[0-9.]+:)/.test(permission);
  return ["127.0.0.1:0", ...exact.map((entry) => isAddress(entry) ? entry : entry.replace(/:\d+$/, ""))];
}

/** Starts the relay; resolves when it is listening. */
export async function startRelay(options: {
  allowed: readonly AllowedHost[];
  proxy: Proxy | undefined;
  limits?: Partial<RelayLimits>;
}): Promise<Relay> {
  const token = crypto.getRandomValues(new Uint8Array(32)).toBase64({ alphabet: "base64url", omitPadding: true });
  const worker = new Worker(ownModule("src/egress/relay_worker.ts"), {
    type: "module",
    name: "relay",
    deno: { permissions: { net: relayPermissions(options.allowed, options.proxy) } },
  });
  const send = (message: ToRelay, transfer: Transferable[] = []) => worker.postMessage(message, transfer);
  const listening = Promise.withResolvers<number>();
  const ended = Promise.withResolvers<void>();
  const fail = (message: string) => {
    const error = new Error(`Cannot run the relay for outgoing connections: ${message}`);
    listening.reject(error);
    ended.reject(error);
  };
  ended.promise.catch(() => {/* Reported by `listening`, or to users of `ended`. */});
  worker.onerror = (event) => {
    event.preventDefault();
    fail(event.message);
  };
  worker.onmessage = (event: MessageEvent<FromRelay>) => {
    if (event.data.type === "listening") listening.resolve(event.data.port);
    else if (event.data.type === "stopped") ended.resolve();
    else fail(event.data.message);
  };
  send({
    type: "start",
    options: {
      allowed: options.allowed,
      proxy: options.proxy,
      token,
      limits: { ...defaultRelayLimits, ...options.limits },
    },
  });
  const close = async () => {
    send({ type: "stop" });
    const timer = setTimeout(() => ended.resolve(), closeTimeoutMs);
    await ended.promise.catch(() => {});
    clearTimeout(timer);
    worker.terminate();
  };
  try {
    const port = await listening.promise;
    return {
      port,
      token,
      ended: ended.promise,
      close,
      reports() {
        const { port1, port2 } = new MessageChannel();
        send({ type: "reports" }, [port2]);
        return port1;
      },
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    worker.terminate();
    throw error;
  }
}
