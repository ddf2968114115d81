/**
 * The beginning of a TLS handshake (RFC 5246, section 7.4), enough to see which certificate a server shows. Pure.
 *
 * fetch refuses a certificate without saying whose it is. When the client offers at most TLS 1.2, a server sends its
 * certificate unencrypted: so it can be read without trusting it or sending anything over that connection.
 */

/** What a server has sent so far. */
export interface ServerFlight {
  /** The version chosen by the server, e.g. 0x0303 for TLS 1.2; absent until it has answered. */
  readonly version?: number;
  /** Its own certificate, DER. */
  readonly certificate?: Uint8Array<ArrayBuffer>;
  /** Nothing else of interest will follow. */
  readonly complete: boolean;
}

/** How much of a handshake is read, in bytes. */
export const flightBytesMax = 128 * 1024;

const contentType = { alert: 21, handshake: 22 } as const;
const handshakeType = { clientHello: 1, serverHello: 2, certificate: 11, serverHelloDone: 14 } as const;
const extension = { serverName: 0, groups: 10, pointFormats: 11, signatures: 13, extendedMasterSecret: 23 } as const;

/** TLS 1.2, which includes everything older. */
const offeredVersion = 0x0303;
/** ECDHE and RSA with AES or ChaCha20, the newest first; then those of TLS 1.0 servers. */
const cipherSuites = [
  ...[0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc023, 0xc027, 0xc009, 0xc013, 0xc00a, 0xc014],
  ...[0x009e, 0x0033, 0x0039, 0x009c, 0x009d, 0x003c, 0x003d, 0x002f, 0x0035, 0x000a],
];
const groups = [0x001d, 0x0017, 0x0018, 0x0019];
const signatures = [0x0403, 0x0503, 0x0603, 0x0807, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201];

/** A client's first message, as a record. `random` has 32 bytes; a `host` that is an IP address is not sent. */
export function clientHello(host: string, random: Uint8Array): Uint8Array<ArrayBuffer> {
  const isName = !host.includes(":") && !/^\d{1,3}(\.\d{1,3}){3}$/.test(host);
  const name = new TextEncoder().encode(host);
  const extensions = [
    ...(isName ? [[...u16(extension.serverName), ...long(long([0, ...long([...name])]))]] : []),
    [...u16(extension.groups), ...long(long(groups.flatMap(u16)))],
    [...u16(extension.pointFormats), ...long([1, 0])],
    [...u16(extension.signatures), ...long(long(signatures.flatMap(u16)))],
    [...u16(extension.extendedMasterSecret), ...long([])],
  ];
  const body = [
    ...u16(offeredVersion),
    ...random,
    0, // no session to resume
    ...long(cipherSuites.flatMap(u16)),
    ...[1, 0], // no compression
    ...long(extensions.flat()),
  ];
  const message = [handshakeType.clientHello, 0, ...long(body)];
  return Uint8Array.of(contentType.handshake, ...u16(0x0301), ...long(message));
}

/** Reads what a server has sent so far, from its first byte; `undefined` if that is not TLS. */
export function readServerFlight(bytes: Uint8Array<ArrayBuffer>): ServerFlight | undefined {
  const records = readRecords(bytes);
  if (records === undefined) return undefined;
  let flight: ServerFlight = { complete: records.ended };
  const { messages } = records;
  for (let at = 0; at + 4 <= messages.length;) {
    const [type = 0, high = 0, middle = 0, low = 0] = messages.subarray(at, at + 4);
    const body = messages.subarray(at + 4, at + 4 + high * 65_536 + middle * 256 + low);
    if (body.length < high * 65_536 + middle * 256 + low) break;
    at += 4 + body.length;
    if (type === handshakeType.serverHello) flight = { ...flight, version: (body[0] ?? 0) * 256 + (body[1] ?? 0) };
    if (type === handshakeType.certificate) {
      // the length of the list, the length of the first certificate, the certificate
      const length = (body[3] ?? 0) * 65_536 + (body[4] ?? 0) * 256 + (body[5] ?? 0);
      if (length === 0 || body.length < 6 + length) return { ...flight, complete: true };
      return { ...flight, certificate: body.slice(6, 6 + length), complete: true };
    }
    if (type === handshakeType.serverHelloDone) flight = { ...flight, complete: true };
  }
  return flight;
}

/** The handshake messages in all records, joined; `ended` by an alert or anything that is not part of a handshake. */
function readRecords(bytes: Uint8Array): { messages: Uint8Array<ArrayBuffer>; ended: boolean } | undefined {
  const parts: number[] = [];
  for (let at = 0; at < bytes.length;) {
    const [type, major, , high = 0, low = 0] = bytes.subarray(at, at + 5);
    if (type === undefined || type < 20 || type > 23 || (major !== undefined && major !== 3)) {
      return at === 0 ? undefined : { messages: Uint8Array.from(parts), ended: true };
    }
    if (type !== contentType.handshake) return { messages: Uint8Array.from(parts), ended: true };
    const end = at + 5 + high * 256 + low;
    if (bytes.length < end) break;
    for (const byte of bytes.subarray(at + 5, end)) parts.push(byte);
    at = end;
  }
  return { messages: Uint8Array.from(parts), ended: false };
}

function u16(value: number): number[] {
  return [value >> 8, value & 255];
}

/** Bytes prefixed with their length in two bytes. */
function long(bytes: readonly number[]): number[] {
  return [...u16(bytes.length), ...bytes];
}
