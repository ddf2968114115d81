/** What a failed TLS handshake means: fetch says it in its message only. Pure. */
import type { Explanation } from "./connection_errors.ts";

interface KnownTlsError {
  readonly pattern: RegExp;
  readonly problem: string;
  readonly remedy: string;
}

const caRemedy =
  "The company's proxy or firewall may inspect TLS: put its certificate authority (PEM) into a file and " +
  "name the file in [hub] caFile, or add it to the system's certificates.";
const clockRemedy = "If this machine's date and time are right, the certificate must be renewed; else correct them.";

const knownTlsErrors: readonly KnownTlsError[] = [
  {
    pattern: /UnknownIssuer/,
    problem: "its certificate is signed by an authority that is not known here",
    remedy: caRemedy,
  },
  {
    pattern: /CaUsedAsEndEntity|SelfSigned/,
    problem: "its certificate is self-signed",
    remedy: caRemedy,
  },
  {
    pattern: /certificate not valid yet|NotValidYet/,
    problem: "its certificate is not valid yet",
    remedy: clockRemedy,
  },
  {
    pattern: /certificate expired|CertExpired|: Expired/,
    problem: "its certificate has expired",
    remedy: clockRemedy,
  },
  {
    pattern: /Revoked/,
    problem: "its certificate was revoked",
    remedy: "Tell those who run it.",
  },
  {
    pattern: /BadSignature/,
    problem: "its certificate is signed with another key than that of the authority of this name that is known here",
    remedy: `The authority's certificate here may be out of date. ${caRemedy}`,
  },
  {
    pattern: /BadEncoding|UnhandledCriticalExtension|InvalidPurpose|invalid peer certificate/,
    problem: "its certificate is not valid",
    remedy: "Tell those who run it; if TLS is inspected on the way, the inspecting proxy makes bad certificates.",
  },
  {
    pattern: /ProtocolVersion|peer is incompatible|HandshakeFailure|no (?:shared )?cipher|InsufficientSecurity/i,
    problem: "there is no version or cipher of TLS that both sides know (TLS 1.2 or newer is needed)",
    remedy: "Switch TLS 1.2 or newer on, at the other side or in the proxy that inspects TLS.",
  },
  {
    pattern: /received corrupt message|InvalidContentType|InvalidMessage/,
    problem: "it does not speak TLS",
    remedy: "Check the port, and whether a proxy or captive portal answers in its place.",
  },
  {
    pattern: /received fatal alert: (\w+)/,
    problem: "the other side ended the TLS handshake",
    remedy: "Check the address, and whether a proxy that inspects TLS stands between.",
  },
  {
    pattern: /tls handshake eof|peer closed connection without sending TLS close_notify|UnexpectedEof/i,
    problem: "the connection was closed during the TLS handshake",
    remedy: "Check firewall, proxy and TLS inspection on the way: they cut it by the host's name.",
  },
];

/** Explains fetch's error, or `undefined` when it is not of TLS. */
export function explainTlsError(message: string, to: string): Explanation | undefined {
  const start = `Cannot make a secure connection to ${to}:`;
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
  return { problem: `${start} ${known.problem}${detail(message)}.`, remedy: known.remedy };
}

/** The library's own words, for those who search for them. */
function detail(message: string): string {
  const words = /(invalid peer certificate: [^,(]{1,120}|received fatal alert: \w+|tls handshake eof)/.exec(message)
    ?.[1];
  return words === undefined ? "" : ` (${words.trim()})`;
}
