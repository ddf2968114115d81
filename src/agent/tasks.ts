/** Running several loops as one: none outlives the others. */

/**
 * Starts every loop with one signal. When one fails, the others are aborted; when all have ended, the first failure is
 * thrown. An end by the outer signal is no failure.
 */
export async function runTogether(
  loops: readonly ((signal: AbortSignal) => Promise<void>)[],
  outer: AbortSignal,
): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([outer, stop.signal]);
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

/** Resolves when the signal is aborted. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
