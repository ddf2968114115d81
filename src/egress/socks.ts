/**
 * The relay's side of SOCKS5 (RFC 1928) with user name and password (RFC 1929): the password is the process's token,
 * the user name is the purpose of the connection. Not HTTP CONNECT, because then Deno's client also sends its proxy
 * credentials to the origin.
 */
import { timingSafeEqual } from "node:crypto";
import { normalHost } from "./allowed_hosts.ts";
import { type ByteStream, writeAll } from "./byte_stream.ts";
import type { FailureCause } from "./connection_failure.ts";

/** What a client asks for, after presenting the right token. */
export interface SocksRequest {
  readonly purpose: string;
  readonly host: string;
  readonly port: number;
}

const succeeded = 0x00;
const generalFailure = 0x01;
const notAllowed = 0x02;
const hostUnreachable = 0x04;
const connectionRefused = 0x05;
const commandNotSupported = 0x07;
const addressTypeNotSupported = 0x08;

/**
 * Reads greeting, credentials and request. `undefined` for a client that does not speak SOCKS5, has another token, or
 * asks for anything but a connection: it has been told so, and the connection can be closed.
 */
export async function readSocksRequest(stream: ByteStream, token: string): Promise<SocksRequest | undefined> {
  const [version, methodCount] = await readExactly(stream, 2);
  if (version !== 5) return undefined;
  const methods = await readExactly(stream, methodCount ?? 0);
  if (!methods.includes(0x02)) {
    await writeAll(stream, Uint8Array.of(5, 0xff));
    return undefined;
  }
  await writeAll(stream, Uint8Array.of(5, 0x02));
  const [authVersion, userLength] = await readExactly(stream, 2);
  const purpose = new TextDecoder().decode(await readExactly(stream, userLength ?? 0));
  const [passwordLength] = await readExactly(stream, 1);
  const password = await readExactly(stream, passwordLength ?? 0);
  if (authVersion !== 1 || !sameSecret(password, new TextEncoder().encode(token))) {
    await writeAll(stream, Uint8Array.of(1, 1));
    return undefined;
  }
  await writeAll(stream, Uint8Array.of(1, 0));
  const [, command, , addressType] = await readExactly(stream, 4);
  const host = await readAddress(stream, addressType);
  const [high = 0, low = 0] = await readExactly(stream, 2);
  if (host === undefined || command !== 1) {
    await writeAll(stream, reply(host === undefined ? addressTypeNotSupported : commandNotSupported));
    return undefined;
  }
  return { purpose: /^[\w-]{1,32}$/.test(purpose) ? purpose : "unnamed", host, port: high * 256 + low };
}

/** Tells the client that it is connected. */
export function acceptSocks(stream: ByteStream): Promise<void> {
  return writeAll(stream, reply(succeeded));
}

/** Tells the client that it is not. */
export function refuseSocks(stream: ByteStream, cause: FailureCause): Promise<void> {
  return writeAll(stream, reply(replyCode(cause)));
}

function replyCode(cause: FailureCause): number {
  if (cause.stage === "forbidden") return notAllowed;
  if (cause.stage === "dns" || cause.stage === "tcp-timeout") return hostUnreachable;
  if (cause.stage === "tcp" && cause.os.code === "ECONNREFUSED") return connectionRefused;
  return generalFailure;
}

function reply(code: number): Uint8Array {
  return Uint8Array.of(5, code, 0, 1, 0, 0, 0, 0, 0, 0);
}

async function readAddress(stream: ByteStream, type: number | undefined): Promise<string | undefined> {
  if (type === 1) return (await readExactly(stream, 4)).join(".");
  if (type === 4) {
    const bytes = await readExactly(stream, 16);
    const groups = Array.from(
      { length: 8 },
      (_, i) => ((bytes[2 * i] ?? 0) * 256 + (bytes[2 * i + 1] ?? 0)).toString(16),
    );
    return normalHost(groups.join(":"));
  }
  if (type !== 3) return undefined;
  const [length] = await readExactly(stream, 1);
  return normalHost(new TextDecoder("latin1").decode(await readExactly(stream, length ?? 0)));
}

/** Reads exactly `bytes`; rejects if the stream ends before. */
async function readExactly(stream: ByteStream, bytes: number): Promise<Uint8Array> {
  const buffer = new Uint8Array(bytes);
  let length = 0;
  while (length < bytes) {
    const read = await stream.read(buffer.subarray(length));
    if (read === null) throw new Error("the client closed the connection");
    length += read;
  }
  return buffer;
}

function sameSecret(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}
