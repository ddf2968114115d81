/** Runs several loops as one: none outlives the others. */
import { anySignal } from "../runtime/any_signal.ts";

/**
 * Starts every loop with one signal. When one fails, the others are aborted; when all have ended, the first failure is
 * thrown. Stopping because of the outer signal is not a failure.
 */
export async function runTogether(
  loops: readonly ((signal: AbortSignal) => Promise<void>)[],
  outer: AbortSignal,
): Promise<void> {
  const stop = new AbortController();
  using either = anySignal(outer, stop.signal);
  const { signal } = either;
  const failures: unknown[] = [];
  await Promise.all(loops.map(async (loop) => {
    try {
      await loop(signal);
    } catch (error) {
      if (signal.aborted && error === signal.reason) return;
      failures.push(error);
      stop.abort(new Error("another loop failed", { cause: error }));
    }
  }));
  if (failures.length > 0) throw failures[0];
}

/**
 * Works until `changed` resolves or the signal is aborted; resolves when the work has stopped. Work that ends earlier
 * is not restarted; if it fails, its failure is thrown.
 */
export async function runUntilChanged(
  work: (signal: AbortSignal) => Promise<void>,
  { changed, signal }: { changed: PromiseWithResolvers<void>; signal: AbortSignal },
): Promise<void> {
  const stop = new AbortController();
  const onAbort = () => changed.resolve();
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  using either = anySignal(signal, stop.signal);
  const working = work(either.signal);
  try {
    await Promise.race([changed.promise, working.then(() => changed.promise)]);
  } finally {
    signal.removeEventListener("abort", onAbort);
    stop.abort();
    await working;
  }
}
