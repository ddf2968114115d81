/** The access token of the link: fetched once for everyone who needs it, and renewed before it expires. */
import type { TokenResponse } from "../protocol/linking.ts";
import type { Clock } from "../runtime/clock.ts";

/** How long before its expiry a token is renewed, but not before half of its lifetime, in ms. */
const renewBeforeMs = 60_000;
/** No token is used for longer, in ms. */
const lifetimeMsMax = 24 * 60 * 60_000;

interface Cached {
  readonly token: string;
  readonly renewAtMs: number;
}

/** Caches one token. */
export class AccessTokens {
  readonly #clock: Clock;
  readonly #request: (signal: AbortSignal) => Promise<TokenResponse>;
  #cached: Cached | undefined;
  #running: { readonly promise: Promise<string>; readonly aborter: AbortController; users: number } | undefined;

  constructor(options: { clock: Clock; request: (signal: AbortSignal) => Promise<TokenResponse> }) {
    this.#clock = options.clock;
    this.#request = options.request;
  }

  /** The token; concurrent callers share one request, which is aborted when the last of them is gone. */
  async get(signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    if (this.#cached !== undefined && this.#clock.monotonicMs() < this.#cached.renewAtMs) return this.#cached.token;
    const running = this.#running ??= this.#start();
    running.users++;
    const aborted = Promise.withResolvers<never>();
    const onAbort = () => aborted.reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await Promise.race([running.promise, aborted.promise]);
    } finally {
      signal.removeEventListener("abort", onAbort);
      if (--running.users === 0 && this.#running === running) {
        this.#running = undefined;
        running.aborter.abort(signal.reason);
        await running.promise.catch(() => {});
      }
    }
  }

  /** Stores a token obtained in another way: with the PIN. */
  put(response: TokenResponse): string {
    const lifetimeMs = Math.min(response.expires_in * 1000, lifetimeMsMax);
    const renewAtMs = this.#clock.monotonicMs() + Math.max(lifetimeMs / 2, lifetimeMs - renewBeforeMs);
    this.#cached = { token: response.access_token, renewAtMs };
    return response.access_token;
  }

  /** Forgets `token`, which the hub has refused; `undefined` forgets any. */
  drop(token: string | undefined): void {
    if (token === undefined || this.#cached?.token === token) this.#cached = undefined;
  }

  #start(): { promise: Promise<string>; aborter: AbortController; users: number } {
    const aborter = new AbortController();
    const promise = this.#request(aborter.signal).then((response) => this.put(response));
    promise.catch(() => {/* Every waiter gets the error. */}).finally(() => {
      if (this.#running?.promise === promise) this.#running = undefined;
    });
    return { promise, aborter, users: 0 };
  }
}
