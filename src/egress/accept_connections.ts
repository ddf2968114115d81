/**
 * The loop around `accept`. It outlives what happens to single connections: any process of this machine can make one and
 * reset it before it is taken, which `accept` reports as an error, and open files run out.
 */
import type { Clock } from "../runtime/clock.ts";
import { type OsError, osErrorOf } from "./connection_failure.ts";
import { remedyOf } from "./os_errors.ts";

/** The system lacks what a connection needs: the next try would fail as well. */
const lacking: ReadonlySet<string | undefined> = new Set(["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]);
/** So many failures in a row are no longer taken for those of single connections. */
const failuresMax = 64;
/** Between two tries then, in ms. */
const pauseMs = 100;
/** Without a failure for so long it works again, in ms. */
const calmMs = 5_000;

/** Where connections go, and who is told when there are none. */
export interface AcceptOptions {
  readonly clock: Clock;
  /** Must not throw. */
  readonly onConnection: (conn: Deno.TcpConn) => void;
  /** Connections cannot be taken, and why; `null`: they can again. Told once each. */
  readonly onTrouble: (trouble: OsError | null) => void;
  readonly signal: AbortSignal;
}

/** Takes connections until the signal is aborted, by whom the listener must be closed. Rejects when it was closed before. */
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

/** What helps when connections cannot be taken, as one sentence or two. */
export function remedyOfTrouble(trouble: OsError): string {
  return lacking.has(trouble.code)
    ? `${remedyOf(trouble, "the relay")} It goes on by itself.`
    : "Look for a program on this machine that connects to it and hangs up, again and again. It goes on by itself.";
}
