/** What an unsuccessful answer of the hub means. Pure. */
import { HubError } from "../agent/ports.ts";
import { OAuthError } from "../protocol/linking.ts";
import { Problem, problemCode, type UnlinkReason, unlinkReasons } from "../protocol/problem.ts";
import { sentence } from "../runtime/error_text.ts";
import { looksLikeHtml, parseJson } from "./answer_body.ts";
import { retryAfterMs } from "./retry_after.ts";

/** An answer whose body has been read. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** An OAuth error, for callers that act on its code. */
export class OAuthRefusal extends Error {
  override readonly name = "OAuthRefusal";
  readonly code: string;
  readonly hubError: HubError;
  constructor(code: string, hubError: HubError) {
    super(hubError.message);
    this.code = code;
    this.hubError = hubError;
  }
}

/** The error for a 3xx, 4xx or 5xx answer. */
export function errorOfAnswer(answer: Answer, context: { url: URL; nowMs: number }): HubError {
  const { status } = answer;
  const { host } = context.url;
  const retry = retryAfterMs(answer.headers.get("retry-after"), { nowMs: context.nowMs });
  const problem = parseJson(answer.text, Problem);
  const says = "value" in problem ? `: ${sentence(plain(problem.value.detail ?? problem.value.title))}` : ".";
  if (status >= 300 && status < 400) return redirected(answer, context.url);
  if (status === 511) return notAHub(`${host} answers that a login to the network is needed (511).`);
  if (status === 429 || status >= 500) {
    const why = status === 429 ? "asks for fewer requests" : "has a problem";
    return new HubError(`The hub ${host} ${why} (${status})${says} This is retried.`, {
      kind: "busy",
      status,
      retryAfterMs: retry,
    });
  }
  if (!("value" in problem)) {
    if (status === 413) {
      return new HubError(
        `${host}, or a proxy on the way, does not accept a request of this size (413). Allow requests of 256 KiB there.`,
        { kind: "too-large" },
      );
    }
    return notAHub(`${host} answers ${status} with ${looksLikeHtml(answer.text) ? "a web page" : problem.problem}.`);
  }
  return errorOfProblem(problem.value, { host, retryAfterMs: retry });
}

/** The error for a problem. */
export function errorOfProblem(
  problem: Problem,
  context: { host: string; retryAfterMs?: number | undefined },
): HubError {
  const { retryAfterMs: retry } = context;
  const says = sentence(plain(problem.detail ?? problem.title));
  const message = `The hub ${context.host} refuses (${problem.status}): ${says}`;
  switch (problemCode(problem)) {
    case "unlinked":
      return new HubError(message, { kind: "unlinked", unlinkReason: unlinkReason(problem.reason) });
    case "checksum-mismatch":
      return new HubError(message, { kind: "checksum" });
    case "part-missing":
    case "bad-upload-address":
      return new HubError(message, { kind: "stale" });
    case "too-many-requests":
    case "unavailable":
    case "internal":
    case "not-authenticated":
      return new HubError(message, { kind: "busy", status: problem.status, retryAfterMs: retry });
    default:
      return new HubError(message, { kind: "refused", status: problem.status, retryAfterMs: retry });
  }
}

/** The error of a token, registration or device authorization endpoint. */
export function errorOfOAuth(answer: Answer, context: { url: URL; nowMs: number }): HubError | OAuthRefusal {
  const parsed = parseJson(answer.text, OAuthError);
  if (answer.status === 429 || answer.status >= 500 || answer.status < 400 || !("value" in parsed)) {
    return errorOfAnswer(answer, context);
  }
  const { error: code, error_description: description } = parsed.value;
  const message = `The hub ${context.url.host} refuses (${code.replaceAll(/\p{Cc}/gu, " ")}): ${
    sentence(plain(description ?? "no reason given"))
  }`;
  const kind = code === "invalid_client"
    ? "unknown-installation"
    : code === "unauthorized_client"
    ? "unlinked"
    : code === "temporarily_unavailable" || code === "server_error"
    ? "busy"
    : "refused";
  const reason = /"reason"\s*:\s*"([a-z-]{1,64})"/.exec(answer.text)?.[1];
  return new OAuthRefusal(
    code,
    new HubError(message, {
      kind,
      retryAfterMs: retryAfterMs(answer.headers.get("retry-after"), { nowMs: context.nowMs }),
      ...(kind === "unlinked" ? { unlinkReason: unlinkReason(reason) } : {}),
    }),
  );
}

/** The error of a PUT to an object store or to the hub's own store. */
export function errorOfUpload(answer: Answer, context: { url: URL; nowMs: number }): HubError {
  if ("value" in parseJson(answer.text, Problem)) return errorOfAnswer(answer, context);
  const code = /<Code>([A-Za-z0-9]{1,64})<\/Code>/.exec(answer.text)?.[1];
  const kind = uploadKind(answer, code);
  const retry = retryAfterMs(answer.headers.get("retry-after"), { nowMs: context.nowMs });
  return new HubError(uploadMessage(answer, { kind, code, host: context.url.host }), {
    kind,
    status: answer.status,
    retryAfterMs: retry,
  });
}

function uploadKind({ status }: Answer, code: string | undefined): "checksum" | "busy" | "stale" {
  if (/^(BadDigest|InvalidDigest|XAmzContentSHA256Mismatch|XAmzContentChecksumMismatch)$/.test(code ?? "")) {
    return "checksum";
  }
  return status === 429 || status >= 500 || code === "SlowDown" || code === "RequestTimeout" ? "busy" : "stale";
}

/** What was answered, and what to do if retrying does not help. */
function uploadMessage(
  answer: Answer,
  { kind, code, host }: { kind: "checksum" | "busy" | "stale"; code: string | undefined; host: string },
): string {
  const said = `(${answer.status}${code ? ` ${code}` : ""})`;
  const store = `The object store ${host}`;
  if (answer.status === 413 || code === "EntityTooLarge") {
    return `${store}, or a proxy on the way, does not accept a part of this size ${said}. ` +
      "Smaller ones are tried; if this persists, allow requests of 256 KiB there.";
  }
  if (code === undefined && looksLikeHtml(answer.text)) {
    return `${host} answers a part with a web page ${said}: a proxy or firewall on the way, not the object store. ` +
      `Ask for uploads (PUT) to ${host} to be allowed there.`;
  }
  switch (kind) {
    case "busy":
      return `${store} has a problem ${said}. This is retried.`;
    case "checksum":
      return `${store} received other bytes of a part than were sent ${said}. It is sent again; if this persists, check proxies ` +
        "on the way that inspect or change uploads.";
    case "stale":
      return `${store} refuses a part ${said}. It is sent again to a new address; if this persists, tell the hub's ` +
        "operator: the store's rights or settings are wrong.";
  }
}

/** Something that answers but is not a hub. `what` may contain what it says. */
export function notAHub(what: string): HubError {
  const remedy = "check [hub] url, and whether a proxy or a captive portal answers in its place.";
  return new HubError(`${plain(what)} That is not a hub of injixo Cloud Link: ${remedy}`, { kind: "not-a-hub" });
}

function redirected(answer: Answer, url: URL): HubError {
  const location = answer.headers.get("location");
  const target = location !== null && URL.canParse(location, url) ? new URL(location, url).host : "nowhere";
  if (target === url.host) return notAHub(`${url.host} redirects (${answer.status}).`);
  return notAHub(`${url.host} redirects to ${target} (${answer.status}).`);
}

function unlinkReason(text: string | undefined): UnlinkReason | undefined {
  return unlinkReasons.find((reason) => reason === text);
}

/** What a server says, fit for the log and the console. */
function plain(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what it removes
  return text.replace(/[\x00-\x1f\x7f-\x9f]+/g, " ").trim().slice(0, 500);
}
