/** Why a fetch through the relay failed, in one line for people. Pure. */
import { errorText } from "../runtime/error_text.ts";
import type { Destination } from "./allowed_hosts.ts";
import { explainFailure, type Explanation, shownDestination } from "./connection_errors.ts";
import { type ConnectionFailure, osErrorOf } from "./connection_failure.ts";
import { remedyOf, shownOsError } from "./os_errors.ts";
import type { PeerCertificate } from "./peer_certificate.ts";
import { explainTlsError } from "./tls_errors.ts";

/** The step that failed; `answer` comes after all steps of connecting. */
export type FailedStep = "allowed" | "dns" | "tcp" | "proxy" | "tls" | "answer";

/** What failed, and what to do. */
export interface Diagnosis extends Explanation {
  readonly step: FailedStep;
}

/** How fetch reports a connection closed in the middle of a transfer. */
const closedEarly =
  /connection closed before message completed|error reading a body|IncompleteMessage|UnexpectedEof|TLS close_notify/;

/** Combines fetch's error and the relay's report. */
export function diagnoseFetchFailure(
  error: unknown,
  context: {
    to: Destination;
    failure: ConnectionFailure | undefined;
    /** The host's certificate, if someone has looked at it. */
    certificate?: PeerCertificate | undefined;
  },
): Diagnosis {
  const message = errorText(error);
  const to = shownDestination(context.to);
  const tls = explainTlsError(message, context);
  if (tls !== undefined && /invalid peer certificate/.test(message)) return { step: "tls", ...tls };
  if (context.failure !== undefined) return { step: stepOf(context.failure), ...explainFailure(context.failure) };
  if (tls !== undefined) return { step: "tls", ...tls };
  const os = osErrorOf(error);
  if (os.number !== undefined) {
    return { step: "tcp", problem: `Cannot connect to ${to}: ${shownOsError(os)}.`, remedy: remedyOf(os, to) };
  }
  if (closedEarly.test(message)) {
    return {
      step: "answer",
      problem: `The connection to ${to} was closed before the answer was complete.`,
      remedy: "It is tried again; if this persists, check any firewall or proxy on the way.",
    };
  }
  if (/Password auth failure/.test(message)) {
    return {
      step: "allowed",
      problem: `Cannot connect to ${to}: another process answers in place of the agent's own relay.`,
      remedy: "Restart the service.",
    };
  }
  if (error instanceof Deno.errors.NotCapable) {
    return {
      step: "allowed",
      problem: `Cannot connect to ${to}: it is neither the hub nor one of its object stores.`,
      remedy: `If it is the hub's object store, add "${context.to.host}" to [hub] objectStoreHosts.`,
    };
  }
  const said = message.replace(/^error sending request for url \(.*?\): /, "").slice(0, 300);
  return {
    step: "answer",
    problem: `Cannot connect to ${to}: ${said}.`,
    remedy: "Run the command check on this machine to see more.",
  };
}

/** Whether fetch failed before it had a connection, including the TLS handshake. */
export function isOfConnecting(error: unknown): boolean {
  return error instanceof Error && /client error \(Connect\)/.test(error.message);
}

function stepOf(failure: ConnectionFailure): FailedStep {
  const { stage } = failure.cause;
  if (stage === "forbidden" || stage === "limit") return "allowed";
  if (stage === "broken") return "answer";
  if (failure.proxy !== undefined) return "proxy";
  return stage === "dns" ? "dns" : "tcp";
}
