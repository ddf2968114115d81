/** What the hub's client needs of the network: one transport for each purpose, with connections of its own. */

/** Sends requests. */
export interface Transport {
  /** As `fetch`: rejects when no answer comes, and with the signal's reason when that aborts. */
  fetch(url: URL, init: RequestInit): Promise<Response>;
  /** Why `fetch`, or reading its body, rejected. `sinceMs` is when the request was started, by the monotonic clock. */
  explain(error: unknown, options: { url: URL; sinceMs: number; signal: AbortSignal }): Promise<FetchFailure>;
}

/** Why there is no answer. */
export interface FetchFailure {
  /** One line for people, with the remedy. */
  readonly message: string;
  /** The request was sent: something cut the connection afterwards. */
  readonly sent: boolean;
}

/** The long poll and the parts must not hold up the rest, nor each other. */
export interface Transports {
  readonly api: Transport;
  readonly poll: Transport;
  readonly delivery: Transport;
}
