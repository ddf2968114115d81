/** What a failed TLS handshake means, which only the text of fetch's message tells. Pure. */
import type { Destination } from "./allowed_hosts.ts";
import { type Explanation, shownDestination } from "./connection_errors.ts";
import type { PeerCertificate } from "./peer_certificate.ts";

interface KnownTlsError {
  readonly pattern: RegExp;
  readonly problem: string | ((seen: { message: string; certificate: PeerCertificate }) => string);
  readonly remedy: string | ((message: string) => string);
}

const caRemedy =
  "That is what TLS inspection looks like: a proxy or firewall of the company shows a certificate of its " +
  "own. Get its certificate authority (PEM) from those who run it, put it into a file and name the file in " +
  "[hub] caFile, or add it to the system's certificates; then restart the service.";
const setClock = "Set this machine's date and time, preferably by NTP.";
/** A clock before this was never set, in s since the epoch: 1 January 2026, when this program did not exist yet. */
const clockSecondsMin = 1_767_225_600;

const knownTlsErrors: readonly KnownTlsError[] = [
  {
    pattern: /UnknownIssuer/,
    problem: ({ certificate: { issuer } }) =>
      `its certificate is signed by ${issuer === undefined ? "" : `${issuer}, `}an authority that is not known here`,
    remedy: caRemedy,
  },
  {
    pattern: /CaUsedAsEndEntity/,
    problem: ({ certificate: { issuer } }) =>
      `its certificate is self-signed${issuer === undefined ? "" : `, by ${issuer}`}`,
    remedy:
      "It is an authority's certificate (CA:TRUE) and cannot be a server's, not even with [hub] caFile: issue a " +
      "certificate for the server with it, or make a self-signed one with basicConstraints=CA:FALSE.",
  },
  {
    pattern: /certificate not valid yet|NotValidYet/,
    problem: ({ message }) => `its certificate is not valid yet${shownTimes(message)}`,
    remedy: clockRemedy,
  },
  {
    pattern: /certificate expired|CertExpired|: Expired/,
    problem: ({ message }) => `its certificate has expired${shownTimes(message)}`,
    remedy: clockRemedy,
  },
  {
    pattern: /Revoked/,
    problem: "its certificate was revoked",
    remedy: "Tell those who run it.",
  },
  {
    pattern: /BadSignature/,
    problem: ({ certificate: { issuer } }) =>
      `its certificate is signed with a different key from that of the authority known here by the same name` +
      (issuer === undefined ? "" : `, ${issuer}`),
    remedy: `The authority's certificate here may be out of date. ${caRemedy}`,
  },
  {
    pattern: /BadEncoding|UnhandledCriticalExtension|InvalidPurpose|invalid peer certificate/,
    problem: "its certificate is not valid",
    remedy: "Tell those who run it; if TLS is inspected on the way, the inspecting proxy issues bad certificates.",
  },
  {
    pattern: /ProtocolVersion|peer is incompatible|HandshakeFailure|no (?:shared )?cipher|InsufficientSecurity/i,
    problem: ({ certificate: { oldVersion } }) =>
      oldVersion === undefined
        ? "the two sides have no version or cipher of TLS in common (TLS 1.2 or newer is needed)"
        : `it supports ${oldVersion} at most, and TLS 1.2 or newer is needed`,
    remedy: "Enable TLS 1.2 or newer on the other side, or in the proxy that inspects TLS.",
  },
  {
    pattern: /received corrupt message|InvalidContentType|InvalidMessage/,
    problem: "it does not speak TLS",
    remedy: "Check the port, and whether a proxy or captive portal answers in its place.",
  },
  {
    pattern: /received fatal alert: (\w+)/,
    problem: "the other side ended the TLS handshake",
    remedy: "Check the address, and whether a proxy in between inspects TLS.",
  },
  {
    // After the handshake, the same text describes any connection that was cut.
    pattern: /tls handshake eof|client error \(Connect\).*(?:without sending TLS close_notify|UnexpectedEof)/i,
    problem: "the connection was closed during the TLS handshake",
    remedy: "Check any firewall, proxy and TLS inspection on the way: one of them probably blocks this host name.",
  },
];

/** Whether it helps to know the host's certificate. */
export function wantsCertificate(error: unknown): boolean {
  return error instanceof Error &&
    /UnknownIssuer|CaUsedAsEndEntity|BadSignature|ProtocolVersion|peer is incompatible|HandshakeFailure/
      .test(
        error.message,
      );
}

/** Explains fetch's error; `undefined` if it is not about TLS. */
export function explainTlsError(
  message: string,
  options: { to: Destination; certificate?: PeerCertificate | undefined },
): Explanation | undefined {
  const start = `Cannot make a secure connection to ${shownDestination(options.to)}:`;
  const wrongName = /certificate not valid for name "([^"]*)"(.*)/.exec(message);
  if (wrongName !== null || /NotValidForName/.test(message)) {
    const names = [...(wrongName?.[2] ?? "").matchAll(/DnsName\("([^"]{1,253})"\)|IpAddress\(([^)]{1,64})\)/g)]
      .map((match) => match[1] ?? match[2]).slice(0, 5);
    return {
      problem: `${start} its certificate is for ${names.length > 0 ? names.join(", ") : "another name"}.`,
      remedy: "Check the address; a proxy or captive portal may answer in its place.",
    };
  }
  const known = knownTlsErrors.find(({ pattern }) => pattern.test(message));
  if (known === undefined) return undefined;
  const { certificate = {} } = options;
  const problem = typeof known.problem === "string" ? known.problem : known.problem({ message, certificate });
  return {
    problem: `${start} ${problem}${detail(message)}.`,
    remedy: typeof known.remedy === "string" ? known.remedy : known.remedy(message),
  };
}

/** The two relevant times, which rustls gives in seconds since the epoch. */
function times(message: string): { clock: number; limit: number } | undefined {
  const found = /verification time (\d+) \(UNIX\), but certificate is not valid (?:after|before) (\d+)/.exec(message);
  return found === null ? undefined : { clock: Number(found[1]), limit: Number(found[2]) };
}

function shownTimes(message: string): string {
  const known = times(message);
  if (known === undefined) return "";
  const word = /not valid after/.test(message) ? "until" : "from";
  return `: it is valid ${word} ${shownTime(known.limit)}, and this machine's clock says ${shownTime(known.clock)}`;
}

function shownTime(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? "?" : `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/** Hoisted, because the table above needs it. */
function clockRemedy(message: string): string {
  const { clock = clockSecondsMin } = times(message) ?? {};
  if (clock < clockSecondsMin) return `That clock is wrong. ${setClock}`;
  return `If that date and time are right, the certificate must be renewed by those who run it; otherwise: ${setClock}`;
}

/** The library's own text, for those who search for it. */
function detail(message: string): string {
  const words = /(invalid peer certificate: [^,(:]{1,120}|received fatal alert: \w+|tls handshake eof)/.exec(message)
    ?.[1];
  return words === undefined ? "" : ` (${words.trim()})`;
}
