/** A server that records what it is sent. */
import type { ServerCertificate } from "./certificates.ts";

export interface Origin extends AsyncDisposable {
  readonly port: number;
  /** Every header of every request, as `name: value`. */
  readonly headers: string[];
}

export function startOrigin(
  certificate?: ServerCertificate,
  handler: (request: Request) => Response | Promise<Response> = answerOk,
): Origin {
  const headers: string[] = [];
  const serve = (request: Request) => {
    for (const [name, value] of request.headers) headers.push(`${name}: ${value}`);
    return handler(request);
  };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {}, ...certificate }, serve);
  return { port: server.addr.port, headers, [Symbol.asyncDispose]: () => server.shutdown() };
}

async function answerOk(request: Request): Promise<Response> {
  const bytes = await request.bytes();
  return new Response(`took ${bytes.length} bytes`);
}
