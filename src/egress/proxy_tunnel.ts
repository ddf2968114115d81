/** Asks an HTTP proxy, over a connection to it, for a tunnel (RFC 9110, section 9.3.6). */
import type { Destination } from "./allowed_hosts.ts";
import { type ByteStream, writeAll } from "./byte_stream.ts";
import { DialError } from "./dial.ts";
import type { FailureCause } from "./connection_failure.ts";
import type { Proxy } from "./proxy.ts";

/** Longest head of a proxy's answer, in bytes. */
const headBytesMax = 16 * 1024;

/**
 * Opens the tunnel. Resolves with what the proxy sent after its answer, which belongs to the tunnel; throws {@linkcode
 * DialError}, or the read error if the stream is closed meanwhile.
 */
export async function openTunnel(stream: ByteStream, to: Destination, proxy: Proxy): Promise<Uint8Array> {
  const target = `${to.host.includes(":") ? `[${to.host}]` : to.host}:${to.port}`;
  const authorization = proxy.credentials === undefined
    ? ""
    : `Proxy-Authorization: ${basic(proxy.credentials.user, proxy.credentials.password)}\r\n`;
  const head = `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${authorization}\r\n`;
  try {
    await writeAll(stream, new TextEncoder().encode(head));
  } catch (error) {
    throw new DialError({ stage: "proxy-closed" }, error);
  }
  const answer = await readHead(stream);
  const refusal = refusalOf(answer.head, proxy);
  if (refusal !== undefined) throw new DialError(refusal);
  return answer.rest;
}

function basic(user: string, password: string): string {
  return `Basic ${new TextEncoder().encode(`${user}:${password}`).toBase64()}`;
}

async function readHead(stream: ByteStream): Promise<{ head: string; rest: Uint8Array }> {
  const buffer = new Uint8Array(headBytesMax);
  let text = "";
  let length = 0;
  while (length < buffer.length) {
    const read = await stream.read(buffer.subarray(length)).catch((error) => {
      throw new DialError({ stage: "proxy-closed" }, error);
    });
    if (read === null) throw new DialError({ stage: length > 0 ? "proxy-not-http" : "proxy-closed" });
    // Each byte is examined once, however small the pieces are.
    text += new TextDecoder("latin1").decode(buffer.subarray(length, length + read));
    const from = Math.max(0, length - 3);
    length += read;
    if (length >= 5 && !text.startsWith("HTTP/")) throw new DialError({ stage: "proxy-not-http" });
    const end = text.indexOf("\r\n\r\n", from);
    if (end >= 0) return { head: text.slice(0, end), rest: buffer.slice(end + 4, length) };
  }
  throw new DialError({ stage: "proxy-not-http" });
}

/** The meaning of a proxy's answer that is not a success. */
function refusalOf(head: string, proxy: Proxy): FailureCause | undefined {
  const [statusLine = "", ...lines] = head.split("\r\n");
  const status = Number(/^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(statusLine)?.[1]);
  if (Number.isNaN(status)) return { stage: "proxy-not-http" };
  if (status >= 200 && status < 300) return isPage(lines) ? { stage: "proxy-page" } : undefined;
  const schemes = lines.filter((line) => /^proxy-authenticate:/i.test(line))
    .flatMap((line) => line.slice(line.indexOf(":") + 1).match(/(?:^|,)\s*[A-Za-z][\w-]*(?=\s|,|$)/g) ?? [])
    .map((scheme) => scheme.replace(/^[,\s]+/, ""));
  return {
    stage: "proxy-refused",
    status,
    // deno-lint-ignore no-control-regex -- a proxy's words go to the log and the console
    statusLine: statusLine.replace(/[\x00-\x1f\x7f-\x9f]/g, "?").slice(0, 200),
    schemes: [...new Set(schemes)].slice(0, 8),
    withCredentials: proxy.credentials !== undefined,
  };
}

/** A tunnel has no content (RFC 9110, section 9.3.6): this is a login page, say, and no tunnel. */
function isPage(fields: readonly string[]): boolean {
  return fields.some((field) => /^content-type:\s*text\/html/i.test(field)) &&
    fields.some((field) => /^(content-length:\s*[1-9]|transfer-encoding:)/i.test(field));
}
