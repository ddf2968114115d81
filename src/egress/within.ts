/** A time limit for anything that takes no signal. */

/** Runs `act`; if it takes longer than `ms`, calls `onTimeout`, which must end it. */
export async function within<T>(
  act: () => Promise<T>,
  { ms, onTimeout }: { ms: number; onTimeout: () => void },
): Promise<T> {
  const timer = setTimeout(onTimeout, ms);
  try {
    return await act();
  } finally {
    clearTimeout(timer);
  }
}
