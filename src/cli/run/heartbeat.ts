/**
 * Reports that the agent is alive: asks its worker, whose event loop must answer, and passes the answer on. A hanging
 * agent is silent, so the system's watchdog restarts it.
 */
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
