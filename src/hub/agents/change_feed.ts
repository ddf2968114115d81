/** Wakes those waiting for a change; in memory, since everyone who makes or awaits changes is in this process. */
import type { Changes } from "../services.ts";

/** Publishes changes. Disposing wakes everybody, and ends all further waiting. */
export class ChangeFeed implements Changes, Disposable {
  readonly #waiting = new Map<string, Set<() => void>>();
  #closed = false;

  /** Wakes those waiting for `topic`; call it once the change is committed. */
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
