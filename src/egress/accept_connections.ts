/**
 * The loop around `accept`. It survives errors of single connections: any process on this machine can connect and reset
 * before the connection is accepted, which `accept` reports as an error, and file descriptors may run out.
 */
import type { Clock } from "../runtime/clock.ts";
import { type OsError, osErrorOf } from "./connection_failure.ts";
import { remedyOf } from "./os_errors.ts";

/** The system lacks what a connection needs: the next try would fail as well. */
const lacking: ReadonlySet<string | undefined> = new Set(["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]);
/** After this many failures in a row, single connections are no longer to blame. */
const failuresMax = 64;
/** Pause between two tries in that case, in ms. */
const pauseMs = 100;
/** After this long without a failure it works again, in ms. */
const calmMs = 5_000;

/** Where connections go, and whom to notify if there are none. */
export interface AcceptOptions {
  readonly clock: Clock;
  /** Must not throw. */
  readonly onConnection: (conn: Deno.TcpConn) => void;
  /** Connections cannot be accepted, and why; `null`: they can again. Called once each. */
  readonly onTrouble: (trouble: OsError | null) => void;
  readonly signal: AbortSignal;
}

/**
 * Accepts connections until the signal is aborted; the caller must then close the listener. Rejects if it was closed
 * earlier.
 */
export async function acceptConnections(
  listener: Pick<Deno.TcpListener, "accept">,
  { clock, onConnection, onTrouble, signal }: AcceptOptions,
): Promise<void> {
  let failures = 0;
  let failedAtMs = -Infinity;
  let troubled = false;
  while (!signal.aborted) {
    try {
      onConnection(await listener.accept());
      failures = 0;
      if (troubled && clock.monotonicMs() - failedAtMs >= calmMs) {
        troubled = false;
        onTrouble(null);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Deno.errors.BadResource) throw error;
      failures++;
      const os = osErrorOf(error);
      if (failures < failuresMax && !lacking.has(os.code)) continue;
      failedAtMs = clock.monotonicMs();
      if (!troubled) onTrouble(os);
      troubled = true;
      await clock.sleep(pauseMs, signal).catch(() => {/* Aborted: the loop ends. */});
    }
  }
}

/** What helps when connections cannot be accepted, in one or two sentences. */
export function remedyOfTrouble(trouble: OsError): string {
  return lacking.has(trouble.code)
    ? `${remedyOf(trouble, "the relay")} It recovers by itself.`
    : "Look for a program on this machine that connects to it and hangs up, again and again. It recovers by itself.";
}
