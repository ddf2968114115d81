/**
 * A MySQL server that answers every statement with the request for a file of the client (LOAD DATA LOCAL INFILE, packet
 * 0xFB), as a hub could make an agent connect to.
 */

export interface HostileMysql extends AsyncDisposable {
  readonly port: number;
  /** How many statements were answered so. */
  readonly asked: number;
  /** What the client sent of the file. */
  readonly received: string;
}

const ok = [0, 0, 0, 2, 0, 0, 0];
const command = { quit: 1, query: 3, prepare: 22 } as const;
const localInfile = 0xfb;

/** Starts one on a free loopback port; it lets everyone in. */
export function startHostileMysql({ file }: { file: string }): HostileMysql {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const seen = { asked: 0, received: "" };
  const open = new Set<Deno.Conn>();
  const sessions: Promise<void>[] = [];
  const serving = (async () => {
    for await (const connection of listener) {
      open.add(connection);
      sessions.push(
        serve(connection, { file, seen }).catch(() => {}).finally(() => {
          if (open.delete(connection)) connection.close();
        }),
      );
    }
  })();
  return {
    port: listener.addr.port,
    get asked() {
      return seen.asked;
    },
    get received() {
      return seen.received;
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
      for (const connection of open) if (open.delete(connection)) connection.close();
      await Promise.all(sessions);
    },
  };
}

async function serve(
  connection: Deno.Conn,
  { file, seen }: { file: string; seen: { asked: number; received: string } },
): Promise<void> {
  const packets = readPackets(connection);
  const next = async () => {
    const { done, value } = await packets.next();
    if (done) throw new Error("the client has gone");
    return value;
  };
  const send = (sequence: number, ...body: (readonly number[] | string)[]) => {
    const bytes = body.flatMap((part) => typeof part === "string" ? [...new TextEncoder().encode(part)] : part);
    return connection.write(new Uint8Array([bytes.length & 255, bytes.length >> 8, 0, sequence, ...bytes]));
  };
  const zeros = Array.from({ length: 10 }, () => 0);
  await send(
    0,
    [10],
    "5.7.30-log\0",
    [1, 0, 0, 0],
    "abcdefgh",
    [0, 0xff, 0xf7, 33, 2, 0, 0x0f, 0x80, 21],
    zeros,
    "ijklmnopqrst\0mysql_native_password\0",
  );
  await send((await next()).sequence + 1, ok);
  for (;;) {
    const { body } = await next();
    if (body[0] === command.quit) return;
    if (body[0] !== command.query && body[0] !== command.prepare) {
      await send(1, ok);
      continue;
    }
    seen.asked++;
    await send(1, [localInfile], file);
    for (;;) {
      const sent = await next();
      seen.received += new TextDecoder().decode(sent.body);
      if (sent.body.length > 0) continue;
      await send(sent.sequence + 1, ok);
      break;
    }
  }
}

async function* readPackets(connection: Deno.Conn): AsyncGenerator<{ sequence: number; body: Uint8Array }> {
  let buffered = new Uint8Array();
  const chunk = new Uint8Array(65536);
  for (;;) {
    const [low = 0, middle = 0, high = 0, sequence = 0] = buffered;
    const length = low | middle << 8 | high << 16;
    if (buffered.length >= 4 + length && buffered.length >= 4) {
      yield { sequence, body: buffered.slice(4, 4 + length) };
      buffered = buffered.slice(4 + length);
      continue;
    }
    const read = await connection.read(chunk);
    if (read === null) return;
    const joined = new Uint8Array(buffered.length + read);
    joined.set(buffered);
    joined.set(chunk.subarray(0, read), buffered.length);
    buffered = joined;
  }
}
