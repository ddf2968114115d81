/** An AbortSignal that several things can abort; disposing it leaves no timer and no listener behind. */

/**
 * Nobody reads the reason: creating an error for each of thousands of held requests would cost more than the request.
 */
const ended = new DOMException("It has ended.", "AbortError");

/**
 * Many waits ended by one signal through a single listener: adding a listener takes time proportional to those already
 * there.
 */
export class EndGroup {
  readonly #signal: AbortSignal;
  readonly #ends = new Set<() => void>();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", () => {
      for (const end of [...this.#ends]) end();
    }, { once: true });
  }

  /** Calls `end` when the signal aborts, or at once if it already has. */
  add(end: () => void): void {
    if (this.#signal.aborted) end();
    else this.#ends.add(end);
  }

  delete(end: () => void): void {
    this.#ends.delete(end);
  }
}

/** Aborts with any of `signals`, with the group, after `afterMs`, or when disposed. */
export function ends(
  signals: readonly AbortSignal[],
  options: { afterMs?: number; group?: EndGroup } = {},
): Disposable & { readonly signal: AbortSignal } {
  const { afterMs, group } = options;
  const controller = new AbortController();
  const end = () => controller.abort(ended);
  for (const signal of signals) {
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  }
  group?.add(end);
  const timer = afterMs === undefined ? undefined : setTimeout(end, afterMs);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      clearTimeout(timer);
      for (const signal of signals) signal.removeEventListener("abort", end);
      group?.delete(end);
      end();
    },
  };
}
