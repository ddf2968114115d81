/** Watches over the agent's worker until it ends: by itself, on request, or because the relay has failed. */
import type { Relay } from "../../egress/start_relay.ts";
import { systemClock } from "../../runtime/clock.ts";
import type { ServiceNotifier } from "../../service/service_notifier.ts";
import type { FromAgent, ToAgent } from "./agent_messages.ts";
import { type Heartbeat, startHeartbeat } from "./heartbeat.ts";

/** How long the agent may take to end once asked, in ms; its data is durable at any time. */
const stopTimeoutMs = 900;

/** The agent's worker, as seen by its supervisor. */
export interface AgentWorker extends Disposable {
  send(message: ToAgent, transfer?: Transferable[]): void;
  /** Its next message, or the error that ended it. */
  readonly messages: AsyncIterator<FromAgent>;
}

/** What the supervisor watches and whom it notifies. */
export interface SuperviseOptions {
  readonly relay: Pick<Relay, "ended">;
  readonly notifier: ServiceNotifier;
  /** The agent's loops are running. */
  readonly onRunning: () => Promise<void>;
  /** The agent ended by itself, and why. */
  readonly onFailure: (reason: string) => void;
  readonly signal: AbortSignal;
}

/** Resolves with the exit code when the agent has ended; rejects if it had to end because the relay failed. */
export async function supervise(agent: AgentWorker, options: SuperviseOptions): Promise<number> {
  const { relay, notifier, signal } = options;
  const late = Promise.withResolvers<"late">();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = (because?: string) => {
    if (timer !== undefined) return;
    notifier.stopping();
    agent.send(because === undefined ? { type: "stop" } : { type: "stop", because });
    timer = setTimeout(() => late.resolve("late"), stopTimeoutMs);
  };
  const onAbort = () => stop();
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  let relayFailure = undefined as Error | undefined;
  relay.ended.catch((error: Error) => {
    relayFailure = error;
    // The agent writes the log, so it reports the reason.
    stop(error.message);
  });
  try {
    const exitCode = await untilEnded(agent, { ...options, late: late.promise });
    if (relayFailure !== undefined) throw relayFailure;
    return exitCode;
  } finally {
    signal.removeEventListener("abort", onAbort);
    clearTimeout(timer);
  }
}

async function untilEnded(
  agent: AgentWorker,
  { notifier, onRunning, onFailure, late }: SuperviseOptions & { late: Promise<"late"> },
): Promise<number> {
  let heartbeat: Heartbeat | undefined;
  try {
    while (true) {
      const message = await Promise.race([agent.messages.next(), late]);
      if (message === "late" || message.done) return 0;
      switch (message.value.type) {
        case "running":
          await onRunning();
          notifier.ready();
          heartbeat = startHeartbeat(notifier, { ask: () => agent.send({ type: "ping" }), clock: systemClock });
          break;
        case "alive":
          heartbeat?.answered(message.value.status);
          break;
        case "stopped":
          return 0;
        case "failed":
          onFailure(message.value.message);
          return message.value.exitCode;
      }
    }
  } finally {
    heartbeat?.[Symbol.dispose]();
  }
}
