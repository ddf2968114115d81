/**
 * Reports that the agent is alive: asks its worker, whose event loop must answer, and passes the answer on. A hanging
 * agent is silent, so the system's watchdog restarts it.
 */
import type { Clock } from "../../runtime/clock.ts";
import type { ServiceNotifier } from "../../service/service_notifier.ts";

/** Maximum interval between questions, in ms, and so the age of the status that the system shows. */
const askEveryMsMax = 5000;
/** How many times per watchdog interval the agent is asked. */
const askedPerPatience = 4;

/** Asks regularly until disposed. */
export interface Heartbeat extends Disposable {
  /** The worker has answered. */
  answered(status: string): void;
}

/** Starts asking. `ask` sends the question to the worker; there is never more than one unanswered. */
export function startHeartbeat(notifier: ServiceNotifier, options: { ask: () => void; clock: Clock }): Heartbeat {
  const { ask, clock } = options;
  const everyMs = Math.min(askEveryMsMax, (notifier.aliveWithinMs ?? Infinity) / askedPerPatience);
  const stop = new AbortController();
  let waiting = false;
  let shown = "";
  const askAgainAndAgain = async () => {
    while (!stop.signal.aborted) {
      if (!waiting) {
        waiting = true;
        ask();
      }
      await clock.sleep(everyMs, stop.signal).catch(() => {});
    }
  };
  void askAgainAndAgain();
  return {
    answered(status) {
      waiting = false;
      notifier.alive();
      if (status !== shown) notifier.status(status);
      shown = status;
    },
    [Symbol.dispose]: () => stop.abort(),
  };
}
