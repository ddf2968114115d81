/** What the hub's client needs from the network: one transport per purpose, each with its own connections. */

/** Sends requests. */
export interface Transport {
  /** Like `fetch`: rejects if no answer comes, and with the signal's reason when it aborts. */
  fetch(url: URL, init: RequestInit): Promise<Response>;
  /** Why `fetch`, or reading its body, rejected. `sinceMs` is when the request started, on the monotonic clock. */
  explain(error: unknown, options: { url: URL; sinceMs: number; signal: AbortSignal }): Promise<FetchFailure>;
}

/** Why there is no answer. */
export interface FetchFailure {
  /** One line for people, with the remedy. */
  readonly message: string;
  /** The request was sent: something cut the connection afterwards. */
  readonly sent: boolean;
}

/** The long poll and the parts must not hold up each other or the rest. */
export interface Transports {
  readonly api: Transport;
  readonly poll: Transport;
  readonly delivery: Transport;
}
