/** A time limit for anything that takes a signal. */
import type { Clock } from "./clock.ts";

/** The abort reason when time is up. */
export class DeadlineError extends Error {
  /** The class's name. */
  override readonly name = "DeadlineError";

  /** `ms`: how long the time was. */
  constructor(ms: number) {
    super(`no answer within ${Math.round(ms / 1000)} s`);
  }
}

/** Runs `act` with a signal that aborts with `signal`, or with {@linkcode DeadlineError} after `ms`. */
export async function withDeadline<T>(
  act: (signal: AbortSignal) => Promise<T>,
  options: { clock: Clock; ms: number; signal: AbortSignal },
): Promise<T> {
  options.signal.throwIfAborted();
  const aborter = new AbortController();
  const over = new AbortController();
  const onAbort = () => aborter.abort(options.signal.reason);
  options.signal.addEventListener("abort", onAbort, { once: true });
  const timer = options.clock.sleep(options.ms, over.signal)
    .then(() => aborter.abort(new DeadlineError(options.ms)), () => {});
  try {
    return await act(aborter.signal);
  } finally {
    options.signal.removeEventListener("abort", onAbort);
    over.abort();
    await timer;
  }
}
