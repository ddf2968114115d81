/** A client of the relay that is not fetch: it sees the bytes. */

/** Reads exactly so many bytes. */
export async function readBytes(conn: Deno.Conn, bytes: number): Promise<Uint8Array> {
  const buffer = new Uint8Array(bytes);
  for (let length = 0; length < bytes;) {
    const read = await conn.read(buffer.subarray(length));
    if (read === null) throw new Error("closed");
    length += read;
  }
  return buffer;
}

/** A tunnel, opened without fetch. */
export async function socksConnect(
  relay: { port: number; token: string },
  to: { host: string; port: number },
): Promise<Deno.TcpConn> {
  const conn = await socksRequest(relay, to);
  try {
    const [, reply] = await readBytes(conn, 10);
    if (reply !== 0) throw new Error(`SOCKS reply ${reply}`);
    return conn;
  } catch (error) {
    conn.close();
    throw error;
  }
}

/** A tunnel that was asked for; the answer has not been read. */
export async function socksRequest(
  relay: { port: number; token: string },
  to: { host: string; port: number },
): Promise<Deno.TcpConn> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: relay.port });
  try {
    const text = (value: string) => {
      const bytes = new TextEncoder().encode(value);
      return [bytes.length, ...bytes];
    };
    await conn.write(Uint8Array.of(5, 1, 2));
    await readBytes(conn, 2);
    await conn.write(Uint8Array.of(1, ...text("api"), ...text(relay.token)));
    await readBytes(conn, 2);
    await conn.write(Uint8Array.of(5, 1, 0, 3, ...text(to.host), to.port >> 8, to.port & 255));
    return conn;
  } catch (error) {
    conn.close();
    throw error;
  }
}
