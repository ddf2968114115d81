/**
 * Several reasons to stop as one signal.
 *
 * Not with `AbortSignal.any`: up to Deno 2.8 its signals may be garbage-collected while someone waits on them, if
 * nothing but their sources could wake the waiter, who then waits for ever.
 */

/** Follows its sources until disposed; after that it is detached from them and no longer changes. */
export interface AnySignal extends Disposable {
  /** Aborted as soon as one of the sources is, with its reason. */
  readonly signal: AbortSignal;
}

/**
 * A signal that is aborted as soon as one of `sources` is, with its reason.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * const outer = new AbortController();
 * const stop = new AbortController();
 * using either = anySignal(outer.signal, stop.signal);
 * stop.abort("enough");
 * assertEquals([either.signal.aborted, either.signal.reason], [true, "enough"]);
 * ```
 */
export function anySignal(...sources: readonly AbortSignal[]): AnySignal {
  const either = new AbortController();
  const letGo = () => {
    for (const source of sources) source.removeEventListener("abort", onAbort);
  };
  const onAbort = (event: Event) => follow(event.target);
  const follow = (source: unknown) => {
    letGo();
    either.abort(source instanceof AbortSignal ? source.reason : undefined);
  };
  const aborted = sources.find((source) => source.aborted);
  if (aborted) either.abort(aborted.reason);
  else for (const source of sources) source.addEventListener("abort", onAbort);
  return { signal: either.signal, [Symbol.dispose]: letGo };
}
