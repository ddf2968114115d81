/** One TCP connection as the relay sees it. `Deno.TcpConn` is one; a socket of node:net becomes one here. */
import type { Socket } from "node:net";
import { Buffer } from "node:buffer";

/** Bytes in both directions, each of which ends independently. */
export interface ByteStream {
  /** Reads into `into`; `null` at the end. */
  read(into: Uint8Array): Promise<number | null>;
  /** Writes some of `bytes`, and returns how many. */
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  /** May be called more than once; pending calls of `read` and `write` then reject or end. */
  close(): void;
}

/** Writes all of `bytes`. */
export async function writeAll(stream: ByteStream, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.length) written += await stream.write(bytes.subarray(written));
}

/**
 * `stream`, reading ahead up to `bytes`, so that its end shows before anybody reads: `onEnd` is called if it ends or
 * breaks without a byte.
 */
export function readAhead(stream: ByteStream, { bytes, onEnd }: { bytes: number; onEnd: () => void }): ByteStream {
  const buffer = new Uint8Array(bytes);
  let reading: Promise<number | null> | undefined = stream.read(buffer);
  let rest = buffer.subarray(0, 0);
  reading.then((read) => read === null && onEnd(), onEnd);
  return {
    ...stream,
    async read(into) {
      if (reading !== undefined) {
        const read = await reading;
        reading = undefined;
        if (read === null) return null;
        rest = buffer.subarray(0, read);
      }
      if (rest.length === 0) return await stream.read(into);
      const read = Math.min(rest.length, into.length);
      into.set(rest.subarray(0, read));
      rest = rest.subarray(read);
      return read;
    },
  };
}

/**
 * A connection of Deno. On close, pending calls of `read` and `write` are ended here, since Deno does not: in 2.8 a
 * pending read keeps waiting, and in all versions so does a write whose bytes nobody takes. Deno keeps the descriptor
 * until that ends, which nothing here can change; the other side learns of the end at once.
 */
export function denoStream(conn: Deno.TcpConn): ByteStream {
  conn.setNoDelay(true);
  conn.setKeepAlive(true);
  let endRead = () => {};
  let endWrite = () => {};
  let closed = false;
  return {
    read(into) {
      if (closed) return Promise.resolve(null);
      return new Promise((resolve, reject) => {
        endRead = () => resolve(null);
        conn.read(into).then(resolve, reject);
      });
    },
    write(bytes) {
      if (closed) return Promise.reject(closedHere());
      return new Promise((resolve, reject) => {
        endWrite = () => reject(closedHere());
        conn.write(bytes).then(resolve, reject);
      });
    },
    closeWrite: () => conn.closeWrite(),
    close() {
      if (closed) return;
      closed = true;
      // Not awaited: it queues behind a pending write. Without it the other side would not learn of the end.
      conn.closeWrite().catch(() => {/* The other side has ended it. */});
      conn.close();
      endRead();
      endWrite();
    },
  };
}

/** A connected socket of node:net. */
export function nodeStream(socket: Socket): ByteStream {
  socket.setNoDelay(true);
  socket.setKeepAlive(true);
  let failure: Error | undefined;
  let ended = false;
  let wake = () => {};
  let endWrite = () => {};
  const woken = () => wake();
  socket.on("readable", woken).on("end", () => {
    ended = true;
    wake();
  }).on("close", () => {
    ended = true;
    wake();
  }).on("error", (error) => {
    failure = error;
    wake();
  });
  return {
    async read(into) {
      while (true) {
        const waiting = socket.readableLength;
        const chunk: Buffer | null = waiting === 0 ? null : socket.read(Math.min(waiting, into.length));
        if (chunk !== null) {
          into.set(chunk);
          return chunk.length;
        }
        if (failure !== undefined) throw failure;
        if (ended) return null;
        socket.read(0);
        await new Promise<void>((resolve) => wake = resolve);
      }
    },
    write(bytes) {
      return new Promise((resolve, reject) => {
        endWrite = () => reject(closedHere());
        socket.write(Buffer.from(bytes), (error) => error ? reject(error) : resolve(bytes.length));
      });
    },
    closeWrite() {
      return new Promise((resolve) => {
        if (socket.destroyed) resolve();
        else socket.end(() => resolve());
      });
    },
    close() {
      socket.destroy();
      endWrite();
    },
  };
}

function closedHere(): Error {
  return new Error("the connection was closed");
}
