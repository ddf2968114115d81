/**
 * Lets live data pass first: a part of history waits while live data is being sent. And holds parts of both lanes back
 * as long as they would be more than so many bytes a second.
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

/** What a request takes of the line besides its body, about, in bytes: its head, TLS, and the answer. */
export const requestHeadBytes = 1500;

/** Shared by all transfers of one uploader. */
export class LaneGate {
  readonly #clock: Clock;
  readonly #bucket: TokenBucket | undefined;
  #live = 0;
  #waiting: (() => void)[] = [];

  /** `bytesPerSecondMax` absent: as fast as the line goes. */
  constructor(options: { clock: Clock; bytesPerSecondMax?: number | undefined }) {
    const { clock, bytesPerSecondMax } = options;
    this.#clock = clock;
    if (bytesPerSecondMax !== undefined) this.#bucket = new TokenBucket({ bytesPerSecondMax, clock });
  }

  /** From here until disposed a transfer of this lane is under way. */
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

  /** Resolves when these bytes may go, all of them; rejects with the signal's reason. */
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
