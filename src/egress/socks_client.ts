/** The client's side of SOCKS5, for connections through the relay without fetch. */
import { type ByteStream, writeAll } from "./byte_stream.ts";

/** Asks for a connection; resolves once it is established. Rejects if the relay refuses it, or closes. */
export async function connectSocks(
  stream: ByteStream,
  to: { purpose: string; token: string; host: string; port: number },
): Promise<void> {
  await writeAll(stream, Uint8Array.of(5, 1, 2));
  await expect(stream, [5, 2]);
  await writeAll(stream, Uint8Array.of(1, ...text(to.purpose), ...text(to.token)));
  await expect(stream, [1, 0]);
  await writeAll(stream, Uint8Array.of(5, 1, 0, 3, ...text(to.host), to.port >> 8, to.port & 255));
  await expect(stream, [5, 0]);
  await read(stream, 8); // an IPv4 address and a port without meaning
}

async function expect(stream: ByteStream, wanted: readonly number[]): Promise<void> {
  const got = await read(stream, wanted.length);
  if (wanted.some((byte, index) => got[index] !== byte)) throw new Error(`The relay answers ${got.join(" ")}`);
}

async function read(stream: ByteStream, bytes: number): Promise<Uint8Array> {
  const buffer = new Uint8Array(bytes);
  for (let length = 0; length < bytes;) {
    const got = await stream.read(buffer.subarray(length));
    if (got === null) throw new Error("The relay closed the connection");
    length += got;
  }
  return buffer;
}

function text(value: string): number[] {
  const bytes = new TextEncoder().encode(value);
  return [bytes.length, ...bytes];
}
