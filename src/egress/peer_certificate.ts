/**
 * Which certificate a host presents, and who signed it: for the message when it was refused. Nothing is trusted, and
 * nothing but a greeting is sent, through the relay like everything else.
 */
import { Buffer } from "node:buffer";
import { X509Certificate } from "node:crypto";
import type { Destination } from "./allowed_hosts.ts";
import { type ByteStream, denoStream, writeAll } from "./byte_stream.ts";
import { connectSocks } from "./socks_client.ts";
import type { RelayAddress } from "./start_relay.ts";
import { clientHello, flightBytesMax, readServerFlight, type ServerFlight } from "./tls_hello.ts";

/** What a host presents before encryption starts. */
export interface PeerCertificate {
  /** Who signed the certificate, e.g. `"Example Inspecting CA" (Example Ltd)`; absent if it presents none. */
  readonly issuer?: string;
  /** The newest TLS version it supports, if that is below TLS 1.2, e.g. `TLS 1.1`. */
  readonly oldVersion?: string;
}

/** Time limit for looking, in ms: the message may be a little late, but not much. */
const lookTimeoutMs = 5_000;
/** Maximum number of reads for a greeting, which is parsed from the start after each. */
const readsMax = 256;
/** Longest name of an issuer, in characters: it comes from a stranger. */
const nameCharactersMax = 100;

/** Looks; `undefined` if nothing could be seen. Rejects only with the signal's reason. */
export async function lookAtCertificate(
  to: Destination,
  options: { relay: RelayAddress; signal: AbortSignal },
): Promise<PeerCertificate | undefined> {
  const { relay, signal } = options;
  signal.throwIfAborted();
  let stream: ByteStream | undefined;
  let over = false;
  const giveUp = () => {
    over = true;
    stream?.close();
  };
  const timer = setTimeout(giveUp, lookTimeoutMs);
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    stream = denoStream(await Deno.connect({ hostname: "127.0.0.1", port: relay.port }));
    if (over) return undefined;
    await connectSocks(stream, { purpose: "certificate", token: relay.token, ...to });
    await writeAll(stream, clientHello(to.host, crypto.getRandomValues(new Uint8Array(32))));
    return shown(await readFlight(stream));
  } catch {
    signal.throwIfAborted();
    return undefined; // the failure being explained has a message anyway
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", giveUp);
    stream?.close();
  }
}

async function readFlight(stream: ByteStream): Promise<ServerFlight | undefined> {
  const buffer = new Uint8Array(flightBytesMax);
  let length = 0;
  for (let reads = 0; reads < readsMax && length < buffer.length; reads++) {
    const read = await stream.read(buffer.subarray(length));
    length += read ?? 0;
    const flight = readServerFlight(buffer.subarray(0, length));
    if (read === null || flight === undefined || flight.complete) return flight;
  }
  return undefined;
}

function shown(flight: ServerFlight | undefined): PeerCertificate | undefined {
  if (flight === undefined) return undefined;
  const issuer = flight.certificate && shownName(new X509Certificate(Buffer.from(flight.certificate)).issuer);
  const old = flight.version !== undefined && flight.version < 0x0303
    ? { 0x0302: "TLS 1.1", 0x0301: "TLS 1.0" }[flight.version] ?? "SSL 3"
    : undefined;
  return { ...(issuer ? { issuer } : {}), ...(old ? { oldVersion: old } : {}) };
}

/** An X.509 name, which has one attribute per line, in the form shown to people. */
function shownName(name: string): string | undefined {
  const attribute = (key: string) => {
    const value = name.split("\n").find((line) => line.startsWith(`${key}=`))?.slice(key.length + 1);
    // deno-lint-ignore no-control-regex -- a stranger's words go to the log and the console
    return value?.replace(/[\x00-\x1f\x7f-\x9f"]/g, "?").slice(0, nameCharactersMax);
  };
  const [common, unit, organisation] = [attribute("CN"), attribute("OU"), attribute("O")];
  const main = common ?? unit ?? organisation;
  if (main === undefined) return undefined;
  return organisation === undefined || organisation === main ? `"${main}"` : `"${main}" (${organisation})`;
}
