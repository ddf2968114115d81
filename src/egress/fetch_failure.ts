/** Why a fetch through the relay failed, in one line for people. Pure. */
import type { Destination } from "./allowed_hosts.ts";
import { explainFailure, type Explanation, oneLine, shownDestination } from "./connection_errors.ts";
import { type ConnectionFailure, osErrorOf } from "./connection_failure.ts";
import { remedyOf, shownOsError } from "./os_errors.ts";
import { explainTlsError } from "./tls_errors.ts";

/** Joins what fetch says and what the relay reported. */
export function explainFetchFailure(
  error: unknown,
  context: { to: Destination; failure: ConnectionFailure | undefined },
): string {
  return oneLine(explain(error, context));
}

function explain(error: unknown, context: { to: Destination; failure: ConnectionFailure | undefined }): Explanation {
  const message = error instanceof Error ? error.message : String(error);
  const to = shownDestination(context.to);
  if (/invalid peer certificate/.test(message)) return explainTlsError(message, to) ?? unknown(to, message);
  if (context.failure !== undefined) return explainFailure(context.failure);
  const tls = explainTlsError(message, to);
  if (tls !== undefined) return tls;
  const os = osErrorOf(error);
  if (os.number !== undefined) {
    return { problem: `Cannot connect to ${to}: ${shownOsError(os)}.`, remedy: remedyOf(os, to) };
  }
  if (/connection closed before message completed|error reading a body|IncompleteMessage|UnexpectedEof/.test(message)) {
    return {
      problem: `The connection to ${to} was closed before the answer was complete.`,
      remedy: "It is tried again; if it stays so, check firewall and proxy on the way.",
    };
  }
  if (/Password auth failure/.test(message)) {
    return {
      problem: `Cannot connect to ${to}: another process answers in place of the agent's own relay.`,
      remedy: "Restart the service.",
    };
  }
  if (error instanceof Deno.errors.NotCapable) {
    return {
      problem: `Cannot connect to ${to}: it is neither the hub nor one of its object stores.`,
      remedy: `If it is the hub's object store, add "${context.to.host}" to [hub] objectStoreHosts.`,
    };
  }
  return unknown(to, message);
}

function unknown(to: string, message: string): Explanation {
  return {
    problem: `Cannot connect to ${to}: ${
      message.replace(/^error sending request for url \(.*?\): /, "").slice(0, 300)
    }.`,
    remedy: "Run the command check on this machine to see more.",
  };
}
