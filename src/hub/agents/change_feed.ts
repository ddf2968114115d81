/** Wakes those who wait for a change: in memory, since all who make changes and all who wait are in this process. */
import type { Changes } from "../services.ts";

/** Hands out changes. Disposing wakes everybody, and from then on nobody waits. */
export class ChangeFeed implements Changes, Disposable {
  readonly #waiting = new Map<string, Set<() => void>>();
  #closed = false;

  /** Wakes those who wait for `topic`: to be called once what changed is committed. */
  wake(topic: string): void {
    const waiting = this.#waiting.get(topic);
    if (waiting === undefined) return;
    this.#waiting.delete(topic);
    for (const resolve of waiting) resolve();
  }

  next(topic: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted || this.#closed) return resolve();
      const done = () => {
        signal.removeEventListener("abort", done);
        const waiting = this.#waiting.get(topic);
        waiting?.delete(done);
        if (waiting?.size === 0) this.#waiting.delete(topic);
        resolve();
      };
      signal.addEventListener("abort", done, { once: true });
      const waiting = this.#waiting.get(topic) ?? new Set();
      waiting.add(done);
      this.#waiting.set(topic, waiting);
    });
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    for (const topic of [...this.#waiting.keys()]) this.wake(topic);
  }
}
