/**
 * Says for the agent that it is alive: asks its worker, whose event loop must answer, and passes the answer on. An agent
 * that hangs is silent, and the system's watchdog starts it again.
 */
import type { ServiceNotifier } from "../../service/service_notifier.ts";

/** The status that the system shows is older than this by a little at most, in ms. */
const askEveryMsMax = 5000;
/** The agent is asked this many times in the time that the watchdog gives. */
const askedPerPatience = 4;

/** Asks from time to time, until disposed. */
export interface Heartbeat extends Disposable {
  /** The worker has answered. */
  answered(status: string): void;
}

/** Begins to ask. `ask` puts the question to the worker, which is never asked twice at once. */
export function startHeartbeat(notifier: ServiceNotifier, options: { ask: () => void }): Heartbeat {
  const { ask } = options;
  const patienceMs = notifier.aliveWithinMs ?? Infinity;
  let waiting = false;
  let shown = "";
  const askUnlessAsked = () => {
    if (waiting) return;
    waiting = true;
    ask();
  };
  askUnlessAsked();
  const timer = setInterval(askUnlessAsked, Math.min(askEveryMsMax, patienceMs / askedPerPatience));
  return {
    answered(status) {
      waiting = false;
      notifier.alive();
      if (status !== shown) notifier.status(status);
      shown = status;
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}
