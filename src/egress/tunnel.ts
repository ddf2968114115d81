/** The two directions of one tunnel. */
import { type ByteStream, writeAll } from "./byte_stream.ts";

/** How much is read at a time, in bytes. */
const bufferBytes = 128 * 1024;

/** Copies in both directions until both have ended; returns the error of the remote side, if that is why. */
export async function joinStreams(
  client: ByteStream,
  remote: ByteStream,
  { idleTimeoutMs }: { idleTimeoutMs: number },
): Promise<unknown> {
  let lastByteAt = performance.now();
  let broken: unknown;
  const closeBoth = () => {
    client.close();
    remote.close();
  };
  const idle = setInterval(() => {
    if (performance.now() - lastByteAt >= idleTimeoutMs) closeBoth();
  }, Math.max(1, idleTimeoutMs / 4));
  let closed = false;
  const pump = async (from: ByteStream, to: ByteStream) => {
    const buffer = new Uint8Array(bufferBytes);
    while (true) {
      const read = await from.read(buffer).catch((error) => {
        if (from === remote && !closed) broken = error;
        throw error;
      });
      if (read === null) break;
      lastByteAt = performance.now();
      await writeAll(to, buffer.subarray(0, read));
    }
    await to.closeWrite();
  };
  try {
    await Promise.all([pump(client, remote), pump(remote, client)].map((pumped) =>
      pumped.catch(() => {
        closed = true;
        closeBoth();
      })
    ));
  } finally {
    clearInterval(idle);
  }
  return broken;
}
