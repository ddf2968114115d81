/** The hub's listening socket, with or without TLS; stops within a second, even with connected clients. */
import { getLogger } from "@logtape/logtape";
import type { Hono } from "hono";
import { isLoopback } from "./client_address.ts";

const log = getLogger(["cloud-link", "hub"]);

/** How long running requests may take once the hub stops, in ms. */
const graceMs = 300;
/** How soon to listen again after a failure, in ms. */
const listenAgainMs = 1000;
/** How long connections may take to close after that, in ms. */
const closeMs = 300;

/** Where the hub listens. Passwords and tokens go over it, so plain HTTP is for loopback only. */
export interface ListenOptions {
  readonly hostname: string;
  /** 0: any free port. */
  readonly port: number;
  /** PEM texts. */
  readonly tls?: { readonly certificate: string; readonly key: string } | undefined;
  /** Listen beyond this machine without TLS: only behind a proxy that provides it. @default false */
  readonly allowInsecure?: boolean | undefined;
}

/** An open socket. Requests wait until there is an app to answer them. */
export interface Listening extends AsyncDisposable {
  readonly port: number;
  readonly url: URL;
  answer(app: Hono): void;
}

/** Listens; throws if the address is unavailable, or would be open to others without TLS. */
export function serve(options: ListenOptions, { stop }: { stop: AbortSignal }): Listening {
  const { hostname, port, tls } = options;
  if (tls === undefined && options.allowInsecure !== true && !isLoopback(hostname)) {
    throw new Error(
      `Cannot listen on "${hostname}": others could read passwords and data, since there is no TLS. ` +
        "Give --tls-cert and --tls-key, listen on 127.0.0.1 behind a proxy that has TLS, or say " +
        "--allow-insecure-listen",
    );
  }
  const ready = Promise.withResolvers<Hono>();
  // Answers requests that do not end when the hub stops, e.g. one whose body never arrives.
  const unanswered = new Set<(answer: Response) => void>();
  let app: Hono | undefined;
  const listen = (onPort: number) =>
    Deno.serve({
      hostname,
      port: onPort,
      onListen: () => {},
      onError: (error) => {
        log.error("Cannot answer a request: {error}", { error });
        return new Response(null, { status: 500 });
      },
      ...(tls === undefined ? {} : { cert: tls.certificate, key: tls.key }),
    }, async (request, info) => {
      if (stop.aborted) return stopping();
      const { promise, resolve, reject } = Promise.withResolvers<Response>();
      unanswered.add(resolve);
      try {
        Promise.resolve((app ?? await ready.promise).fetch(request, info)).then(resolve, reject);
        return await promise;
      } finally {
        unanswered.delete(resolve);
      }
    });
  const listener = new Listener(orSayWhy(options, () => listen(port)), listen);
  const scheme = tls === undefined ? "http" : "https";
  const shown = hostname === "0.0.0.0" || hostname === "::" ? "localhost" : hostname;
  let disposed: Promise<void> | undefined;
  return {
    port: listener.port,
    url: new URL(`${scheme}://${shown.includes(":") ? `[${shown}]` : shown}:${listener.port}`),
    answer(answering) {
      app = answering;
      ready.resolve(answering);
    },
    [Symbol.asyncDispose]() {
      disposed ??= shutDown(listener.stop(), { giveUp: () => unanswered.forEach((answer) => answer(stopping())) });
      return disposed;
    },
  };
}

/**
 * Listens again after listening has failed. Deno gives up for good when no file descriptor is left for another
 * connection; the hub would keep running but be unreachable.
 */
class Listener {
  readonly port: number;
  readonly #listen: (port: number) => Deno.HttpServer<Deno.NetAddr>;
  #server: Deno.HttpServer<Deno.NetAddr>;
  #again: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(server: Deno.HttpServer<Deno.NetAddr>, listen: (port: number) => Deno.HttpServer<Deno.NetAddr>) {
    this.port = server.addr.port;
    this.#listen = listen;
    this.#server = server;
    this.#watch();
  }

  /** Stops accepting connections: the caller shuts the server down. */
  stop(): Deno.HttpServer {
    this.#stopped = true;
    clearTimeout(this.#again);
    return this.#server;
  }

  #watch(): void {
    this.#server.finished.catch((error: Error) => {
      if (this.#stopped) return;
      const reason = /os error (24|23)\)/.test(error.message)
        ? "this process may not open more files, and every connection counts as one. Raise the limit, e.g. LimitNOFILE=65536 " +
          "in its systemd unit; an installation takes two to three connections"
        : error.message;
      log.error("Cannot accept more connections: {reason}. This is retried every second.", { reason });
      this.#again = setTimeout(() => this.#listenAgain(), listenAgainMs);
    });
  }

  #listenAgain(): void {
    try {
      this.#server = this.#listen(this.port);
    } catch {
      this.#again = setTimeout(() => this.#listenAgain(), listenAgainMs);
      return;
    }
    log.info("Connections are accepted again.");
    this.#watch();
  }
}

/** Listening fails for reasons that the administrator can fix. */
function orSayWhy<T>({ hostname, port }: ListenOptions, listen: () => T): T {
  try {
    return listen();
  } catch (error) {
    const reason = error instanceof Deno.errors.AddrInUse
      ? "another program listens there. Stop it, or choose another port with --listen"
      : error instanceof Deno.errors.AddrNotAvailable
      ? "this machine has no such address. Choose another with --listen"
      : error instanceof Deno.errors.PermissionDenied
      ? "this user is not allowed to. Choose a port above 1023 with --listen, or give the right to"
      : undefined;
    if (reason === undefined) throw error;
    throw new Error(`Cannot listen on ${hostname}:${port}: ${reason}`, { cause: error });
  }
}

function stopping(): Response {
  return new Response(null, { status: 503, headers: { "Retry-After": "5" } });
}

/**
 * Closes the server within `graceMs` and `closeMs`. (Not by its abort signal: Deno throws if that is aborted after
 * `shutdown` was called.)
 */
async function shutDown(server: Deno.HttpServer, { giveUp }: { giveUp: () => void }): Promise<void> {
  // A server that has failed is already closed.
  const closed = server.shutdown().then(() => server.finished).catch(() => {});
  using grace = delay(graceMs);
  await Promise.race([closed, grace.over]);
  giveUp();
  using close = delay(closeMs);
  if (await Promise.race([closed.then(() => true), close.over.then(() => false)])) return;
  log.warn("Some connections did not close. They end with the process.");
}

function delay(ms: number): Disposable & { readonly over: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  return { over: promise, [Symbol.dispose]: () => clearTimeout(timer) };
}
