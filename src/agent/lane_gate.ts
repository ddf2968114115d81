/**
 * Lets live data pass first: a part of history waits while live data is being sent. Also holds back parts of both lanes
 * while they would exceed the bandwidth limit.
 */
import type { Clock } from "../runtime/clock.ts";
import type { Lane } from "./ports.ts";
import { TokenBucket } from "./token_bucket.ts";

/** What goes through the gate: one request. */
export interface Passage {
  readonly lane: Lane;
  /** Its body. */
  readonly bytes: number;
}

/** Approximate overhead of a request besides its body, in bytes: its head, TLS, and the answer. */
export const requestHeadBytes = 1500;

/** Shared by all transfers of one uploader. */
export class LaneGate {
  readonly #clock: Clock;
  readonly #bucket: TokenBucket | undefined;
  #live = 0;
  #waiting: (() => void)[] = [];

  /** `bytesPerSecondMax` absent: unlimited. */
  constructor(options: { clock: Clock; bytesPerSecondMax?: number | undefined }) {
    const { clock, bytesPerSecondMax } = options;
    this.#clock = clock;
    if (bytesPerSecondMax !== undefined) this.#bucket = new TokenBucket({ bytesPerSecondMax, clock });
  }

  /** Marks a transfer of this lane as under way until disposed. */
  enter(lane: Lane): Disposable {
    if (lane === "history") return { [Symbol.dispose]() {} };
    this.#live++;
    let inside = true;
    return {
      [Symbol.dispose]: () => {
        if (inside) this.#live--;
        inside = false;
        if (this.#live === 0) { for (const pass of this.#waiting.splice(0)) pass(); }
      },
    };
  }

  /** Resolves when all of these bytes may go; rejects with the signal's reason. */
  async pass({ lane, bytes }: Passage, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    while (true) {
      if (lane === "history" && this.#live > 0) await this.#livePassed(signal);
      const waitMs = this.#bucket?.waitMs ?? 0;
      if (waitMs > 0) await this.#clock.sleep(waitMs, signal);
      else if (lane === "live" || this.#live === 0) break;
    }
    this.#bucket?.spend(bytes + requestHeadBytes);
  }

  #livePassed(signal: AbortSignal): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const onAbort = () => reject(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiting.push(() => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      });
    });
  }
}
