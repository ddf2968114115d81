/** The command `hub`. It returns the exit code and prints through `out`. */
import type { Hono } from "hono";
import { resolve } from "node:path";
import { type HubOptions, startHub } from "../hub/hub.ts";
import type { HubServices } from "../hub/services.ts";
import { unreadableReason } from "../runtime/error_text.ts";
import { untilAborted } from "../runtime/until_aborted.ts";
import { defaultListen } from "./command_line.ts";
import { givenName } from "./given_name.ts";

/** Takes one line for standard output. */
export type Out = (line: string) => void;

/** Default data folder of the hub, relative to the working folder. */
export const defaultDataDirectory = "hub-data";

/** The options of the command line, as texts; they are checked here, with messages that name the option. */
export interface RunHubOptions {
  /** @default "hub-data" */
  readonly dataDirectory?: string | undefined;
  /** `HOST:PORT`, `[IPv6]:PORT` or `PORT`; port 0 is any free one. @default "127.0.0.1:8080" */
  readonly listen?: string | undefined;
  /** Where browsers and agents reach the hub, e.g. `https://hub.example`. @default the address it listens on */
  readonly publicUrl?: string | undefined;
  /** PEM files; both or none. */
  readonly tlsCertFile?: string | undefined;
  readonly tlsKeyFile?: string | undefined;
  /** Listen beyond this machine without TLS. */
  readonly allowInsecureListen?: boolean | undefined;
  /** Trust `X-Forwarded-For`: only behind a proxy that sets it. */
  readonly trustProxy?: boolean | undefined;
  /** Name of the account. @default the existing name, else "My account" */
  readonly account?: string | undefined;
  /** Print JSON lines. */
  readonly json?: boolean | undefined;
  /** Makes the console's pages. */
  readonly pages?: ((services: HubServices) => Hono) | undefined;
}

/** Serves until the signal aborts. Prints `Hub ready at URL` once it does; the exit code is 0, or 1 if it cannot. */
export async function runHub(
  options: RunHubOptions,
  { signal, out }: { signal: AbortSignal; out: Out },
): Promise<number> {
  await using hub = await startHub(await hubOptions(options));
  const { madeAdministrator } = hub;
  const url = hub.publicUrl.origin;
  if (options.json === true) {
    if (madeAdministrator !== undefined) out(JSON.stringify({ event: "administrator", ...madeAdministrator }));
    out(JSON.stringify({ event: "ready", url, port: hub.port }));
  } else {
    if (madeAdministrator !== undefined) {
      out(`First start: log in as "${madeAdministrator.name}" with the password ${madeAdministrator.password}`);
      const data = resolve(options.dataDirectory ?? defaultDataDirectory);
      out(
        `It is shown only now. To set another one: injixo-cloud-link hub user passwd ${madeAdministrator.name} --data "${data}"`,
      );
    }
    out(`Hub ready at ${url}`);
  }
  await untilAborted(signal);
  return 0;
}

/** The options of `startHub`; throws for an unusable address or file. */
async function hubOptions(options: RunHubOptions): Promise<HubOptions> {
  const { hostname, port } = parseListen(options.listen ?? defaultListen);
  const { tlsCertFile, tlsKeyFile } = options;
  if ((tlsCertFile === undefined) !== (tlsKeyFile === undefined)) {
    throw new Error("Cannot use TLS: give both --tls-cert and --tls-key");
  }
  return {
    dataDirectory: options.dataDirectory ?? defaultDataDirectory,
    listen: {
      hostname,
      port,
      allowInsecure: options.allowInsecureListen,
      tls: tlsCertFile === undefined || tlsKeyFile === undefined ? undefined : {
        certificate: await readPem(tlsCertFile, "--tls-cert"),
        key: await readPem(tlsKeyFile, "--tls-key"),
      },
    },
    publicUrl: options.publicUrl === undefined ? undefined : parsePublicUrl(options.publicUrl),
    trustProxy: options.trustProxy ?? false,
    accountName: options.account === undefined ? undefined : givenName(options.account, { act: "name the account" }),
    ...(options.pages === undefined ? {} : { pages: options.pages }),
  };
}

async function readPem(path: string, option: string): Promise<string> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    const reason = unreadableReason(error);
    throw new Error(`Cannot read "${path}" (${option}): ${reason}. Name a PEM file that this user may read`, {
      cause: error,
    });
  }
  if (!text.includes("-----BEGIN ")) {
    throw new Error(`Cannot use "${path}" (${option}): it has nothing in PEM format. Export it as PEM (Base64)`);
  }
  return text;
}

/**
 * Host and port of `--listen`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(parseListen("[::1]:0"), { hostname: "::1", port: 0 });
 * ```
 */
export function parseListen(listen: string): { hostname: string; port: number } {
  const match = /^(?:(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]+)):)?(\d{1,5})$/.exec(listen);
  const port = Number(match?.[3]);
  if (match === null || port > 65535) {
    throw new Error(`Cannot listen on "${listen}": write HOST:PORT, e.g. ${defaultListen} or [::1]:8080`);
  }
  return { hostname: match[1] ?? match[2] ?? "127.0.0.1", port };
}

function parsePublicUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.pathname !== "/" || url.search + url.hash !== "") {
    throw new Error(`Cannot use "${text}" as --public-url: write scheme and host only, e.g. https://hub.example`);
  }
  return url;
}
