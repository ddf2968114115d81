/**
 * Lets live data pass first: a part of history waits while live data is being sent. This is where a limit in bytes per
 * second or a time of day would hold parts back.
 */
import type { Lane } from "./ports.ts";

/** Shared by all transfers of one uploader. */
export class LaneGate {
  #live = 0;
  #waiting: (() => void)[] = [];

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

  /** Resolves when a part of this lane may go; rejects with the signal's reason. */
  async pass(lane: Lane, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    while (lane === "history" && this.#live > 0) {
      await new Promise<void>((resolve, reject) => {
        const onAbort = () => reject(signal.reason);
        signal.addEventListener("abort", onAbort, { once: true });
        this.#waiting.push(() => {
          signal.removeEventListener("abort", onAbort);
          resolve();
        });
      });
    }
  }
}
