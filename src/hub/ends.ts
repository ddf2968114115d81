/** An AbortSignal that several things can end; disposing it leaves no timer and no listener behind. */

/** Nobody asks why: an error of its own for each of thousands of held requests costs more than the request. */
const ended = new DOMException("It has ended.", "AbortError");

/**
 * Many that one signal ends, with one listener on it: adding a listener to a signal takes as long as it has listeners.
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

  /** Calls `end` when the signal aborts, at once when it has. */
  add(end: () => void): void {
    if (this.#signal.aborted) end();
    else this.#ends.add(end);
  }

  delete(end: () => void): void {
    this.#ends.delete(end);
  }
}

/** Aborts with any of `signals`, with the group's, after `afterMs`, or when disposed. */
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
