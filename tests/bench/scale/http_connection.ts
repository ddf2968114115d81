/** HTTP/1.1 over one kept connection, next to nothing around it, so that thousands of them fit beside what is measured. */

/** What came back. */
export interface Answer {
  readonly status: number;
  /** The head as it came, for the few who look for a field. */
  readonly head: string;
  readonly body: string;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const readBytes = 4096;
const headEnd = "\r\n\r\n";

/** One request at a time; those that come meanwhile wait in line. Connects when it has to. */
export class HttpConnection implements Disposable {
  readonly #host: string;
  readonly #port: number;
  #connection: Deno.TcpConn | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(url: URL) {
    this.#host = url.hostname;
    this.#port = Number(url.port);
  }

  /** `headers` are whole lines. A connection that the hub closed meanwhile is made anew, once. */
  request(method: string, path: string, options: { headers: string; body?: string }): Promise<Answer> {
    const answer = this.#last.then(() => this.#exchange(method, path, options));
    this.#last = answer.catch(() => {});
    return answer;
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#connection?.close();
    this.#connection = undefined;
  }

  async #exchange(method: string, path: string, options: { headers: string; body?: string }): Promise<Answer> {
    const { headers, body = "" } = options;
    const length = body === "" && method === "GET" ? "" : `Content-Length: ${encoder.encode(body).length}\r\n`;
    const bytes = encoder.encode(
      `${method} ${path} HTTP/1.1\r\nHost: ${this.#host}:${this.#port}\r\n${headers}${length}\r\n${body}`,
    );
    const isNew = this.#connection === undefined;
    try {
      return await this.#send(bytes);
    } catch (error) {
      this.#connection?.close();
      this.#connection = undefined;
      if (isNew || this.#closed) throw error;
      return await this.#send(bytes);
    }
  }

  async #send(bytes: Uint8Array): Promise<Answer> {
    const connection = this.#connection ??= await this.#connect();
    for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
    return await this.#read(connection);
  }

  async #connect(): Promise<Deno.TcpConn> {
    const connection = await Deno.connect({ hostname: this.#host, port: this.#port });
    connection.setNoDelay(true);
    return connection;
  }

  async #read(connection: Deno.TcpConn): Promise<Answer> {
    const buffer = new Uint8Array(readBytes);
    let text = "";
    for (;;) {
      const count = await connection.read(buffer);
      if (count === null) throw new Error("the hub closed the connection");
      text += decoder.decode(buffer.subarray(0, count));
      const at = text.indexOf(headEnd);
      if (at < 0) continue;
      const head = text.slice(0, at);
      const body = text.slice(at + headEnd.length);
      // What the hub answers is ASCII, but for names that the bench does not use.
      if (body.length < Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0)) continue;
      return { status: Number(head.slice(9, 12)), head, body };
    }
  }
}
