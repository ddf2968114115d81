/** The proxy's variables, and what a proxy answers to CONNECT. */
import type { ByteStream } from "../../../src/egress/byte_stream.ts";
import { explainFailure, oneLine } from "../../../src/egress/connection_errors.ts";
import { DialError } from "../../../src/egress/dial.ts";
import {
  goesByProxy,
  type Proxy,
  ProxyAddressError,
  proxyFromEnvironment,
  shownProxy,
} from "../../../src/egress/proxy.ts";
import { openTunnel } from "../../../src/egress/proxy_tunnel.ts";
import { parseEnvironmentFile } from "../../../src/service/proxy_variables.ts";
import type { Random } from "../random.ts";
import { require, requireMessage, requireSecret, type Target } from "../target.ts";

const secret = "Zq7-secret-Zq7";
const destination = { host: "hub.example", port: 443 };

const addresses: readonly string[] = [
  "http://proxy.example:8080",
  `http://user:${secret}@proxy.example:8080/`,
  `user:${secret}@[::1]:3128`,
  `http://us%40er:${secret}%2`,
  "socks5://proxy:1080",
  "proxy",
  ":0",
  "http://@:99999",
];
const exceptions: readonly string[] = [
  "*",
  "localhost,.example.com",
  "10.0.0.0/8 192.168.0.0/16",
  "[::1]:443",
  "fe80::/10",
  "hub.example:443",
  "*.example",
  "1.2.3.4/33",
];
const answers: readonly string[] = [
  "HTTP/1.1 200 Connection established\r\n\r\n",
  "HTTP/1.0 407 Proxy Authentication Required\r\nProxy-Authenticate: NTLM, Negotiate\r\n\r\n",
  'HTTP/1.1 407 x\r\nProxy-Authenticate: Basic realm="x"\r\n\r\n<html>',
  "HTTP/1.1 403 Forbidden\r\n\r\n",
  "HTTP/1.1 502 \x1b[31mBad\r\n\r\n",
  "SSH-2.0-OpenSSH\r\n",
  "\x05\xff",
];

interface Input {
  readonly proxy: string;
  readonly exceptions: string;
  readonly host: string;
  readonly answer: string;
  readonly pieces: number;
}

/** Makes the target. */
export function makeTarget(): Promise<Target> {
  const words = [...addresses, ...exceptions, ...answers, "\r\n", "%", "@", "https_proxy="];
  return Promise.resolve({ form: "json", words, generate, run, [Symbol.asyncDispose]: () => Promise.resolve() });
}

function generate(random: Random): string {
  const input: Input = {
    proxy: random.pick(addresses),
    exceptions: random.many(3, () => random.pick(exceptions)).join(random.pick([",", " ", ", "])),
    host: random.pick(["hub.example", "10.1.2.3", "::1", "fe80::1%eth0", "1.2.3.4", "localhost", "x.example.com", ""]),
    answer: random.pick(answers),
    pieces: random.below(20),
  };
  return JSON.stringify(input);
}

async function run(text: string): Promise<void> {
  const input = inputOf(text);
  for (
    const variables of [{ https_proxy: input.proxy, no_proxy: input.exceptions }, parseEnvironmentFile(input.proxy)]
  ) {
    const proxy = requireProxy(variables, text);
    if (proxy === undefined) continue;
    const password = proxy.credentials?.password ?? "";
    const secrets = password.length > 12 && text.split(password).length === 2 ? [password] : [];
    requireSecret(shownProxy(proxy), secrets);
    require(proxy.port >= 1 && proxy.port <= 65535, () => `Port ${proxy.port}`);
    require(!goesByProxy({ host: "127.0.0.1", port: 1 }, proxy), () => "Loopback goes by the proxy");
    goesByProxy({ host: input.host, port: 443 }, proxy);
    await requireTunnel(input, proxy, { text, secrets });
  }
}

function requireProxy(variables: { https_proxy?: string; no_proxy?: string }, text: string): Proxy | undefined {
  try {
    const proxy = proxyFromEnvironment(variables);
    if (proxy === undefined) return undefined;
    const again = proxyFromEnvironment({ https_proxy: addressOf(proxy) });
    require(
      again?.host === proxy.host && again.port === proxy.port &&
        again.credentials?.password === proxy.credentials?.password.toWellFormed(),
      () => `${addressOf(proxy)} is another proxy than ${JSON.stringify(proxy)}`,
    );
    return proxy;
  } catch (error) {
    if (!(error instanceof ProxyAddressError)) throw error;
    requireMessage(error.message, text);
    requireSecret(error.message, [secret]);
    return undefined;
  }
}

function addressOf({ host, port, credentials }: Proxy): string {
  const login = credentials === undefined
    ? ""
    : `${encodeURIComponent(credentials.user.toWellFormed())}:${
      encodeURIComponent(credentials.password.toWellFormed())
    }@`;
  return `http://${login}${host.includes(":") ? `[${host}]` : host}:${port}`;
}

async function requireTunnel(
  input: Input,
  proxy: Proxy,
  { text, secrets }: { text: string; secrets: readonly string[] },
): Promise<void> {
  try {
    await openTunnel(streamOf(input), destination, proxy);
  } catch (error) {
    if (!(error instanceof DialError)) throw error;
    const message = oneLine(explainFailure({ ...destination, purpose: "fuzz", proxy, cause: error.failure }));
    requireMessage(message, text);
    requireSecret(message, secrets);
    // deno-lint-ignore no-control-regex -- what a proxy says goes to the log
    require(!/[\x00-\x1f\x7f]/.test(message), () => `Not one line: ${JSON.stringify(message)}`);
  }
}

/** A connection on which the answer comes in pieces of that length. */
function streamOf({ answer, pieces }: Input): ByteStream {
  const bytes = Uint8Array.from(answer, (character) => character.charCodeAt(0) & 0xff);
  let at = 0;
  return {
    read(into) {
      if (at >= bytes.length) return Promise.resolve(null);
      const piece = bytes.subarray(at, at + Math.min(into.length, Math.max(1, pieces)));
      into.set(piece);
      at += piece.length;
      return Promise.resolve(piece.length);
    },
    write: (piece) => Promise.resolve(piece.length),
    closeWrite: () => Promise.resolve(),
    close() {},
  };
}

function inputOf(text: string): Input {
  const fallback = { proxy: text, exceptions: text, host: text, answer: text, pieces: 1 };
  try {
    const value = JSON.parse(text);
    if (typeof value !== "object" || value === null) return fallback;
    return {
      proxy: String(value.proxy ?? ""),
      exceptions: String(value.exceptions ?? ""),
      host: String(value.host ?? ""),
      answer: String(value.answer ?? ""),
      pieces: Number(value.pieces) | 0,
    };
  } catch {
    return fallback;
  }
}
