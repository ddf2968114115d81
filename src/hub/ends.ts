/** An AbortSignal that several things can end; disposing it leaves no timer and no listener behind. */

/** Nobody asks why: an error of its own for each of thousands of held requests costs more than the request. */
const ended = new DOMException("It has ended.", "AbortError");

/** Aborts with any of `signals`, after `ms`, or when disposed. */
export function ends(
  signals: readonly AbortSignal[],
  options: { afterMs?: number } = {},
): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const end = () => controller.abort(ended);
  for (const signal of signals) {
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  }
  const timer = options.afterMs === undefined ? undefined : setTimeout(end, options.afterMs);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      clearTimeout(timer);
      for (const signal of signals) signal.removeEventListener("abort", end);
      end();
    },
  };
}
