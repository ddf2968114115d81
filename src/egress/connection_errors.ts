/** What a failed connection means, in words, with the remedy. Pure. */
import type { Destination } from "./allowed_hosts.ts";
import type { ConnectionFailure, FailureCause } from "./connection_failure.ts";
import { remedyOf, shownOsError } from "./os_errors.ts";

/** What happened and what to do about it, each in one or two sentences. */
export interface Explanation {
  readonly problem: string;
  readonly remedy: string;
}

/** `host:port`, IPv6 in brackets. */
export function shownDestination(to: Destination): string {
  return `${to.host.includes(":") ? `[${to.host}]` : to.host}:${to.port}`;
}

/** An {@linkcode Explanation} as one line. */
export function oneLine(explanation: Explanation): string {
  return `${explanation.problem} ${explanation.remedy}`;
}

/** Explains a failure reported by the relay. */
export function explainFailure(failure: ConnectionFailure): Explanation {
  const to = shownDestination(failure);
  const { cause, proxy } = failure;
  const name = (proxy ?? failure).host;
  const dialled = proxy === undefined ? to : `the proxy ${shownDestination(proxy)}`;
  const via = proxy === undefined ? to : `${to} through ${dialled}`;
  switch (cause.stage) {
    case "forbidden":
      return {
        problem: `Cannot connect to ${to}: it is neither the hub nor one of its object stores.`,
        remedy: `If it is the hub's object store, add "${failure.host}" to [hub] objectStoreHosts.`,
      };
    case "limit":
      return {
        problem: `Cannot connect to ${to}: ${cause.tunnelsMax} connections are open.`,
        remedy: "It is retried when one has closed.",
      };
    case "dns":
      return {
        problem: `Cannot connect to ${via}: the name "${name}" cannot be resolved (${cause.os.text}).`,
        remedy: proxy !== undefined
          ? "Check the host in https_proxy and this machine's DNS server."
          : "Check the address and this machine's DNS server; where only a proxy has access to the internet, set https_proxy.",
      };
    case "tcp":
      return {
        problem: `Cannot connect to ${via}: ${shownOsError(cause.os)}.`,
        remedy: remedyOf(cause.os, dialled) + (proxy !== undefined ? " Its address is in https_proxy." : ""),
      };
    case "tcp-timeout":
      return {
        problem: `Cannot connect to ${via}: it did not answer within ${seconds(cause.timeoutMs)}.`,
        remedy: proxy !== undefined
          ? "Check the address in https_proxy, and that a firewall lets this machine connect to the proxy."
          : `Check that a firewall lets this machine connect to ${to}, or set https_proxy.`,
      };
    case "broken":
      return {
        problem: `The connection to ${via} broke: ${shownOsError(cause.os)}.`,
        remedy: remedyOf(cause.os, dialled),
      };
    default:
      return explainProxy(cause, { to, via });
  }
}

type ProxyCause = Extract<FailureCause, { stage: `proxy-${string}` }>;

function explainProxy(cause: ProxyCause, { to, via }: { to: string; via: string }): Explanation {
  const start = `Cannot connect to ${via}:`;
  switch (cause.stage) {
    case "proxy-closed":
      return {
        problem: `${start} it closed the connection without an answer.`,
        remedy: "Check that https_proxy names an HTTP proxy and its port, and look in the proxy's log.",
      };
    case "proxy-timeout":
      return {
        problem: `${start} it did not answer within ${seconds(cause.timeoutMs)}.`,
        remedy: `Check that the proxy can connect to ${to}, and look in its log.`,
      };
    case "proxy-not-http":
      return {
        problem: `${start} its answer is not that of an HTTP proxy.`,
        remedy: "Check that https_proxy names an HTTP proxy and its port (not a SOCKS proxy, nor a proxy's TLS port).",
      };
    case "proxy-page":
      return {
        problem: `${start} it answers with a web page instead of connecting.`,
        remedy:
          "It may want a login or a consent on that page, which a service cannot give: open it in a browser on this " +
          `machine, or ask for ${to} to be allowed without. Check that https_proxy names an HTTP proxy and its port.`,
      };
    case "proxy-refused":
      // tinyproxy answers a wrong password with 401.
      return cause.status === 407 || cause.status === 401 ? explainLogin(start, cause) : {
        problem: `${start} it refused with "${cause.statusLine}".`,
        remedy: remedyOfStatus(cause.status, to),
      };
  }
}

function explainLogin(start: string, cause: Extract<ProxyCause, { stage: "proxy-refused" }>): Explanation {
  const offers = cause.schemes.join(", ") || "no scheme";
  if (cause.schemes.length > 0 && !cause.schemes.some((scheme) => scheme.toLowerCase() === "basic")) {
    return {
      problem: `${start} it requires a login by ${offers} ("${cause.statusLine}"), which is not supported; Basic is.`,
      remedy: "Ask for Basic to be allowed on the proxy, or for an exception from the login for this machine.",
    };
  }
  return cause.withCredentials
    ? {
      problem: `${start} it does not accept the user and password ("${cause.statusLine}").`,
      remedy:
        "Correct them in https_proxy, with special characters written as %XX (@ is %40), and restart the service.",
    }
    : {
      problem: `${start} it requires a user and a password ("${cause.statusLine}").`,
      remedy: "Set them in https_proxy (http://user:password@host:port), and restart the service.",
    };
}

function remedyOfStatus(status: number, to: string): string {
  if (status === 403 || status === 405 || status === 400) {
    return `Ask for connections (CONNECT) to ${to} to be allowed on the proxy.`;
  }
  if (status === 429) return "The proxy limits connections: this is retried later.";
  if (status >= 500) return `Check that the proxy can resolve and reach ${to}, and look in its log.`;
  return "Check that https_proxy names an HTTP proxy that allows CONNECT, and look in the proxy's log.";
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
