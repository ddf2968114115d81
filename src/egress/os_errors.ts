/** Operating system errors of connections: numbers, names, texts, and what to do. */
import type { OsError } from "./connection_failure.ts";

interface KnownError {
  /** Name on Linux. */
  readonly code: string;
  readonly linux: number;
  /** Winsock number; its name is `WSA` followed by the code. */
  readonly windows: number;
  readonly words: string;
  readonly remedy: Remedy;
}

/** What an administrator should check; the texts are in {@linkcode remedyOf}. */
type Remedy = "listening" | "firewall" | "route" | "network-down" | "cut" | "local-limit" | "local-rights";

const knownErrors: readonly KnownError[] = [
  { code: "ECONNREFUSED", linux: 111, windows: 10061, words: "connection refused", remedy: "listening" },
  { code: "ETIMEDOUT", linux: 110, windows: 10060, words: "connection timed out", remedy: "firewall" },
  { code: "ECONNRESET", linux: 104, windows: 10054, words: "connection reset by the other side", remedy: "cut" },
  { code: "ECONNABORTED", linux: 103, windows: 10053, words: "connection aborted", remedy: "cut" },
  { code: "EPIPE", linux: 32, windows: 10058, words: "connection closed by the other side", remedy: "cut" },
  { code: "EHOSTUNREACH", linux: 113, windows: 10065, words: "no route to the host", remedy: "route" },
  { code: "EHOSTDOWN", linux: 112, windows: 10064, words: "the host is down", remedy: "route" },
  { code: "ENETUNREACH", linux: 101, windows: 10051, words: "the network is unreachable", remedy: "route" },
  { code: "ENETDOWN", linux: 100, windows: 10050, words: "the network is down", remedy: "network-down" },
  { code: "ENETRESET", linux: 102, windows: 10052, words: "connection dropped by the network", remedy: "cut" },
  { code: "EADDRNOTAVAIL", linux: 99, windows: 10049, words: "the address is not available", remedy: "local-limit" },
  { code: "EADDRINUSE", linux: 98, windows: 10048, words: "no local port is free", remedy: "local-limit" },
  { code: "ENOBUFS", linux: 105, windows: 10055, words: "no buffer space left", remedy: "local-limit" },
  { code: "EMFILE", linux: 24, windows: 10024, words: "too many open files", remedy: "local-limit" },
  { code: "ENFILE", linux: 23, windows: 10024, words: "too many open files in the system", remedy: "local-limit" },
  { code: "EACCES", linux: 13, windows: 10013, words: "not permitted by this machine", remedy: "local-rights" },
  { code: "EPERM", linux: 1, windows: 10013, words: "not permitted by this machine", remedy: "local-rights" },
  { code: "EAFNOSUPPORT", linux: 97, windows: 10047, words: "no IPv6 or IPv4 on this machine", remedy: "route" },
];

/** An error in the form shown to people, e.g. `connection refused (ECONNREFUSED, os error 111)`. */
export function shownOsError(os: OsError): string {
  const known = knownOsError(os);
  if (known === undefined) return os.code === undefined ? os.text : `${os.text} (${os.code})`;
  const number = os.number ?? known.linux;
  const isWindows = number === known.windows && number !== known.linux;
  return `${known.words} (${isWindows ? "WSA" : ""}${known.code}, os error ${number})`;
}

/** What to do about an error on the way to `peer`, in one or two sentences. */
export function remedyOf(os: OsError, peer: string): string {
  switch (knownOsError(os)?.remedy) {
    case "listening":
      return `Check that the address and the port are right, that ${peer} runs, and that no firewall rejects it.`;
    case "firewall":
      return `Check that a firewall lets this machine connect to ${peer}, or set https_proxy.`;
    case "route":
      return `Check this machine's network settings (address, gateway, VPN) and the firewall on the way to ${peer}.`;
    case "network-down":
      return "Check this machine's network connection.";
    case "cut":
      return `Something on the way to ${peer} cut the connection: check firewall, proxy and TLS inspection.`;
    case "local-limit":
      return "This machine has run out of ports or open files: check its limits, or restart it.";
    case "local-rights":
      return `Check the firewall or security software of this machine: it forbids connections to ${peer}.`;
    case undefined:
      return `Check that this machine can connect to ${peer}.`;
  }
}

function knownOsError(os: OsError): KnownError | undefined {
  return knownErrors.find((known) => known.code === os.code || `WSA${known.code}` === os.code) ??
    knownErrors.find((known) => os.number === known.windows || os.number === known.linux);
}
