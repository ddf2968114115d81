/** A limit in time on what takes no signal. */

/** Runs `act`, and `onTimeout`, which must end it, when it takes longer than `ms`. */
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
