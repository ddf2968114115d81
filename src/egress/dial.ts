/**
 * Connects to a host by name, trying all of its addresses, IPv6 and IPv4. Names are resolved each time, so that a host
 * may move.
 *
 * `Deno.connect` tries the first address only. If that fails, or has not connected after a moment, the others are tried
 * in parallel through node:net: it connects to an address of our choice under the permission for the name it was
 * resolved from, so that the worker needs permission only for names, not for every address.
 */
import dns from "node:dns";
import net from "node:net";
import { type ByteStream, denoStream, nodeStream } from "./byte_stream.ts";
import { type FailureCause, type OsError, osErrorOf } from "./connection_failure.ts";
import type { Destination } from "./allowed_hosts.ts";

/** How long one address may take before the next is tried in parallel (RFC 8305 calls it Connection Attempt Delay). */
const attemptDelayMs = 1_500;
/** How many addresses of one host are tried. */
const addressesMax = 8;

/** No connection could be made. */
export class DialError extends Error {
  override readonly name = "DialError";
  readonly failure: FailureCause;
  constructor(failure: FailureCause, cause?: unknown) {
    super(`Cannot connect: ${failure.stage}`, { cause });
    this.failure = failure;
  }
}

interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

/** Node's lookup with Deno's extra callback argument: the name whose permission covers the addresses. */
type LookupCallback = (error: Error | null, address: string, family: number, permission: unknown) => void;

/** Connects, or throws {@linkcode DialError}, or the signal's reason. */
export async function dial(
  to: Destination,
  options: { timeoutMs: number; signal: AbortSignal },
): Promise<ByteStream> {
  using attempts = new Attempts(to, options.signal);
  const timeout = new DialError({ stage: "tcp-timeout", timeoutMs: options.timeoutMs });
  const timer = setTimeout(() => attempts.abort(timeout), options.timeoutMs);
  const delay = setTimeout(() => attempts.startOthers(), attemptDelayMs);
  const onAbort = () => attempts.abort(options.signal.reason);
  options.signal.addEventListener("abort", onAbort, { once: true });
  try {
    if (options.signal.aborted) onAbort();
    else attempts.startFirst();
    return await attempts.connected;
  } finally {
    clearTimeout(timer);
    clearTimeout(delay);
    options.signal.removeEventListener("abort", onAbort);
  }
}

/** The attempts to reach one host; the first to connect wins and the others are closed. */
class Attempts implements Disposable {
  readonly connected: Promise<ByteStream>;
  readonly #to: Destination;
  readonly #settle: { resolve: (stream: ByteStream) => void; reject: (reason: unknown) => void };
  readonly #aborter = new AbortController();
  #running = 0;
  #othersStarted = false;
  #settled = false;
  #firstError: OsError | undefined;

  constructor(to: Destination, signal: AbortSignal) {
    this.#to = to;
    const { promise, resolve, reject } = Promise.withResolvers<ByteStream>();
    this.connected = promise;
    this.#settle = { resolve, reject };
    if (signal.aborted) this.#settled = true;
  }

  startFirst(): void {
    const { host: hostname, port } = this.#to;
    this.#run(async () => denoStream(await Deno.connect({ hostname, port, signal: this.#aborter.signal })));
  }

  /** All addresses except those that `Deno.connect` is sure to have tried. */
  startOthers(): void {
    if (this.#othersStarted || this.#settled || net.isIP(this.#to.host) !== 0) return;
    this.#othersStarted = true;
    this.#run(async () => {
      const addresses = await resolveAll(this.#to.host);
      if (addresses.length > 1) { for (const address of addresses) this.#run(() => this.#connectTo(address)); }
      throw new Error("the addresses have attempts of their own");
    }, { silent: true });
  }

  abort(reason: unknown): void {
    this.#settled = true;
    this.#settle.reject(reason);
    this.#aborter.abort(reason);
  }

  [Symbol.dispose](): void {
    this.#settled = true;
    this.#aborter.abort(new Error("another address connected"));
  }

  #run(connect: () => Promise<ByteStream>, options: { silent?: boolean } = {}): void {
    this.#running++;
    connect().then((stream) => {
      if (this.#settled) return stream.close();
      this.#settled = true;
      this.#settle.resolve(stream);
    }, (error) => {
      if (!options.silent) this.#firstError ??= osErrorOf(error);
      this.startOthers();
    }).finally(() => {
      this.#running--;
      if (this.#running > 0 || this.#settled) return;
      this.#settled = true;
      this.#settle.reject(new DialError(failureOf(this.#firstError ?? { text: "no address" })));
    });
  }

  #connectTo(resolved: ResolvedAddress): Promise<ByteStream> {
    const socket = net.connect({
      host: this.#to.host,
      port: this.#to.port,
      allowHalfOpen: true,
      autoSelectFamily: false,
      lookup: (host, _options, callback) => lookupAs(host, resolved, callback as unknown as LookupCallback),
    });
    const onAbort = () => socket.destroy(new Error("aborted"));
    this.#aborter.signal.addEventListener("abort", onAbort, { once: true });
    return new Promise<ByteStream>((resolve, reject) => {
      socket.once("connect", () => {
        socket.removeAllListeners("error");
        resolve(nodeStream(socket));
      });
      socket.once("error", reject);
    }).catch((error) => {
      socket.destroy();
      throw error;
    }).finally(() => this.#aborter.signal.removeEventListener("abort", onAbort));
  }
}

/** Resolves `host` for its permission, but returns an address of our choice. */
function lookupAs(host: string, resolved: ResolvedAddress, callback: LookupCallback): void {
  const withPermission = (error: Error | null, _address: string, _family: number, permission?: unknown) =>
    callback(error, resolved.address, resolved.family, permission);
  dns.lookup(host, { family: 0 }, withPermission);
}

/** All addresses of `host` from the system's resolver. Rejects if there are none. */
function resolveAll(host: string): Promise<ResolvedAddress[]> {
  return new Promise((resolve, reject) => {
    dns.lookup(host, { all: true }, (error, addresses) => {
      if (error !== null) reject(error);
      else resolve(addresses.slice(0, addressesMax));
    });
  });
}

/** Deno's resolver errors have no code; socket errors do. */
function failureOf(os: OsError): FailureCause {
  const isDns = /failed to lookup address information|No such host is known|ENOTFOUND|EAI_/.test(os.text) ||
    (os.number !== undefined && os.number >= 11001 && os.number <= 11004);
  return { stage: isDns ? "dns" : "tcp", os };
}
