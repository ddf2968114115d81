/**
 * The network findings of `check`, one line for each step on the way to the hub. Everything goes through the relay, so
 * that the result applies to the agent; the relay's report identifies the failed step.
 */
import type { CheckLine } from "../control/check_line.ts";
import { ServerMetadata, serverMetadataPath } from "../protocol/linking.ts";
import type { Clock } from "../runtime/clock.ts";
import { DeadlineError, withDeadline } from "../runtime/deadline.ts";
import { errorText } from "../runtime/error_text.ts";
import { parseJson } from "../runtime/parse_json.ts";
import { destinationOf } from "./allowed_hosts.ts";
import { shownDestination } from "./connection_errors.ts";
import type { EgressTransport } from "./egress_client.ts";
import type { Diagnosis, FailedStep } from "./fetch_failure.ts";
import { goesByProxy, type Proxy, shownProxy } from "./proxy.ts";

/** Longest wait for each answer, in ms. */
const answerTimeoutMs = 20_000;
/** Longest metadata, in characters. */
const metadataLengthMax = 64 * 1024;
/** A larger difference between the clock and the hub's causes a warning, in ms. */
const clockOffsetMsMax = 60_000;

/** What to check, and with what. */
export interface NetworkCheckOptions {
  readonly hubUrl: URL;
  readonly proxy: Proxy | undefined;
  /** With purpose `check`. */
  readonly transport: Pick<EgressTransport, "fetch" | "diagnose">;
  readonly clock: Clock;
  /** Addresses of object stores known from the hub so far. */
  readonly objectStores: readonly URL[];
  /** Proves the link to the hub: resolves with what it is linked to. `undefined`: this installation is not linked. */
  readonly link: ((signal: AbortSignal) => Promise<string>) | undefined;
  readonly signal: AbortSignal;
}

/** Checks step by step; skips what depends on a failed step. */
export async function* checkNetwork(options: NetworkCheckOptions): AsyncGenerator<CheckLine, void, undefined> {
  const { hubUrl, link, signal } = options;
  yield checkProxy(options);
  const reached = await request(new URL(serverMetadataPath, hubUrl), options);
  yield* stepsTo(reached, options);
  if ("failed" in reached) return;
  const hub = hubLine(reached, hubUrl);
  yield hub;
  yield clockLine(reached, options.clock);
  for (const url of options.objectStores) yield await objectStoreLine(url, options);
  if (hub.result === "failed") return;
  yield await linkLine(link, signal);
}

interface Reached {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

function checkProxy({ hubUrl, proxy }: NetworkCheckOptions): CheckLine {
  const name = "Proxy";
  if (proxy === undefined) return { name, result: "ok", detail: "none: https_proxy is not set" };
  const shown = `${shownProxy(proxy)} (from ${proxy.variable})`;
  if (goesByProxy(destinationOf(hubUrl), proxy)) return { name, result: "ok", detail: shown };
  return {
    name,
    result: "ok",
    detail: `${shown}, but not for ${hubUrl.hostname}: no_proxy, or an address of this machine`,
  };
}

/** DNS, TCP and TLS (or the proxy, and TLS), up to the step that failed. */
function* stepsTo(
  reached: Reached | { failed: Diagnosis },
  { hubUrl, proxy }: NetworkCheckOptions,
): Generator<CheckLine> {
  const to = destinationOf(hubUrl);
  const byProxy = proxy !== undefined && goesByProxy(to, proxy);
  const steps: { step: FailedStep; name: string; ok: string }[] = [
    ...(byProxy ? [{ step: "proxy" as const, name: "Tunnel", ok: `the proxy connects to ${shownDestination(to)}` }] : [
      { step: "dns" as const, name: "DNS", ok: `${to.host} is resolved` },
      { step: "tcp" as const, name: "TCP", ok: `${shownDestination(to)} accepts connections` },
    ]),
    hubUrl.protocol === "https:"
      ? { step: "tls", name: "TLS", ok: "the certificate is valid" }
      : { step: "tls", name: "TLS", ok: "not used: the hub is on this machine" },
    ...("failed" in reached ? [{ step: reached.failed.step, name: "Hub", ok: "" }] : []),
  ];
  for (const { step, name, ok } of steps) {
    if ("failed" in reached && reached.failed.step === step) return yield failedLine(name, reached.failed);
    yield { name, result: "ok", detail: ok };
  }
}

function hubLine(reached: Reached, hubUrl: URL): CheckLine {
  const name = "Hub";
  const metadata = reached.status === 200 ? ServerMetadata.safeParse(parseJson(reached.text)) : undefined;
  if (metadata?.success) {
    return { name, result: "ok", detail: `${hubUrl.origin}, version ${metadata.data.cloud_link.version}` };
  }
  const location = reached.headers.get("location");
  return {
    name,
    result: "failed",
    detail: `${hubUrl.origin} answers (${reached.status}${location === null ? "" : `, redirects to ${location}`}), ` +
      "but it is not a hub of injixo Cloud Link",
    remedy: "Check [hub] url, and whether a proxy or a captive portal answers in its place.",
  };
}

function clockLine(reached: Reached, clock: Clock): CheckLine {
  const name = "Clock";
  const hubMs = Date.parse(reached.headers.get("date") ?? "");
  if (Number.isNaN(hubMs)) {
    return {
      name,
      result: "warning",
      detail: "the hub does not send the time",
      remedy: "Check whether a proxy on the way removes the Date header.",
    };
  }
  const offsetMs = clock.now() - hubMs;
  const seconds = Math.round(Math.abs(offsetMs) / 1000);
  if (Math.abs(offsetMs) <= clockOffsetMsMax) {
    return { name, result: "ok", detail: seconds <= 1 ? "as the hub's" : `${seconds} s off the hub's` };
  }
  return {
    name,
    result: "warning",
    detail: `${seconds} s ${offsetMs > 0 ? "ahead of" : "behind"} the hub's`,
    remedy: "Set this machine's date and time, preferably by NTP: certificates and time windows depend on it.",
  };
}

async function objectStoreLine(url: URL, options: NetworkCheckOptions): Promise<CheckLine> {
  const name = "Object store";
  const reached = await request(url, options);
  if ("failed" in reached) return failedLine(name, reached.failed);
  return { name, result: "ok", detail: `${url.host} answers (${reached.status})` }; // 403 without a signature is right
}

async function linkLine(link: NetworkCheckOptions["link"], signal: AbortSignal): Promise<CheckLine> {
  const name = "Link";
  if (link === undefined) {
    return {
      name,
      result: "warning",
      detail: "not linked",
      remedy: "Run the command pin, and enter the PIN in the hub.",
    };
  }
  try {
    return { name, result: "ok", detail: await link(signal) };
  } catch (error) {
    signal.throwIfAborted();
    const detail = errorText(error);
    return { name, result: "failed", detail, remedy: "See the log; if the link has ended, run the command pin." };
  }
}

function failedLine(name: string, { problem, remedy }: Diagnosis): CheckLine {
  return { name, result: "failed", detail: problem, remedy };
}

async function request(url: URL, options: NetworkCheckOptions): Promise<Reached | { failed: Diagnosis }> {
  const { transport, clock, signal } = options;
  const sinceMs = clock.monotonicMs();
  try {
    return await withDeadline(async (deadline) => {
      const answer = await transport.fetch(url, { redirect: "manual", signal: deadline });
      const { status, headers } = answer;
      return { status, headers, text: await readStart(answer) };
    }, { clock, ms: answerTimeoutMs, signal });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof DeadlineError) {
      const problem = `No answer from ${url.host} within ${answerTimeoutMs / 1000} s.`;
      return { failed: { step: "answer", problem, remedy: "Check any firewall or proxy on the way." } };
    }
    return { failed: await transport.diagnose(error, { url, sinceMs, signal }) };
  }
}

async function readStart(answer: Response): Promise<string> {
  let text = "";
  if (answer.body === null) return text;
  for await (const chunk of answer.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.length > metadataLengthMax) break;
  }
  return text;
}
