/**
 * Whatever a hub answers to whatever the agent asks: the agent's client gives what its port promises, or a `HubError`
 * with a message for people. Nothing secret gets into it.
 */
import { HubError } from "../../../src/agent/ports.ts";
import { type Cloud, createCloud } from "../../../src/cloud/cloud.ts";
import type { Transport } from "../../../src/cloud/transport.ts";
import { diagnoseFetchFailure, isOfConnecting } from "../../../src/egress/fetch_failure.ts";
import { oneLine } from "../../../src/egress/connection_errors.ts";
import { destinationOf } from "../../../src/egress/allowed_hosts.ts";
import { Assignment } from "../../../src/protocol/assignment.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { memoryIdentities } from "../../cloud/memory_identities.ts";
import type { Json } from "../mutate.ts";
import type { Random } from "../random.ts";
import { BrokenPropertyError, require, requireMessage, requireSecret, type Target } from "../target.ts";
import { assignments, batch, link, metadata, part } from "./hub_samples.ts";

const hubUrl = new URL("https://hub.example/");
const token = "Zq7-token-Zq7";
const deviceCode = "Zq7-device-Zq7";
const never = new AbortController().signal;

/** What is asked, and a good answer to it. */
const asked: Readonly<Record<string, { readonly answers: readonly Json[]; ask(cloud: Cloud): Promise<unknown> }>> = {
  poll: { answers: assignments, ask: (cloud) => cloud.assignment.poll('"1"', never) },
  answer: { answers: [null], ask: (cloud) => cloud.assignment.answer("r1", { ok: true, message: "x" }, never) },
  report: {
    answers: [null],
    ask: (cloud) =>
      cloud.assignment.report({ version: "1", waiting: { batches: 0, bytes: 0 }, problem: null } as never, never),
  },
  declare: {
    answers: [
      { state: "received", receipt: { batch: batch.id, receivedAt: "2026-01-01T00:00:00Z" } },
      { state: "wanted", parts: [part] },
    ],
    ask: (cloud) => cloud.delivery.declare(batch, never),
  },
  addresses: {
    answers: [{
      addresses: [{
        url: "https://store.example/k?X-Amz-Signature=1",
        headers: { "x-amz-y": "1" },
        expiresAt: "2026-01-01T00:00:00Z",
      }],
    }],
    ask: (cloud) => cloud.delivery.addresses(batch.id, [part], never),
  },
  complete: {
    answers: [{ batch: batch.id, receivedAt: "2026-01-01T00:00:00Z" }],
    ask: (cloud) => cloud.delivery.complete(batch.id, { parts: [part] }, never),
  },
  missing: { answers: [{ missing: [batch.id] }], ask: (cloud) => cloud.delivery.missing([batch.id], never) },
  pin: {
    answers: [{
      "device_code": "d".repeat(16),
      "user_code": "424242",
      "verification_uri": "https://hub.example/account/integrations",
      "expires_in": 300,
      interval: 5,
    }],
    ask: (cloud) => cloud.linking.requestPin(never),
  },
  pollPin: {
    answers: [{ "access_token": token, "token_type": "Bearer", "expires_in": 600, link }, { error: "slow_down" }],
    ask: (cloud) => cloud.linking.pollPin(deviceCode, never),
  },
  giveUp: { answers: [null], ask: (cloud) => cloud.linking.giveUp(link, never) },
  link: {
    answers: [{ "access_token": token, "token_type": "Bearer", "expires_in": 600, link }],
    ask: (cloud) => cloud.linking.giveUp(link, never),
  },
  metadata: { answers: [metadata(hubUrl.origin)], ask: (cloud) => cloud.linking.requestPin(never) },
  put: {
    answers: [null],
    ask: (cloud) =>
      cloud.delivery.put({ url: "https://store.example/k", headers: {}, expiresAt: "" }, new Uint8Array(1), never),
  },
};

const problems: readonly Json[] = [
  { type: "/problems/unlinked", title: "Unlinked", status: 403, reason: "moved" },
  { type: "/problems/checksum-mismatch", title: "x", status: 400, detail: `no\x1b[31m ${"y".repeat(600)}` },
  { type: "/problems/part-missing", title: "x", status: 409 },
  { type: "/problems/not-authenticated", title: "x", status: 401 },
  { type: "/problems/invalid-request", title: "x", status: 400, errors: [{ field: "a", detail: "b" }] },
  { error: "authorization_pending" },
  { error: "invalid_client", error_description: "no such key" },
  { error: "unauthorized_client", reason: "moved" },
  { error: "expired_token" },
  "<Error><Code>SlowDown</Code></Error>",
  "<!doctype html><title>Welcome</title>",
  "",
];

const headers: readonly Readonly<Record<string, string>>[] = [
  {},
  { etag: '"1"' },
  { "retry-after": "120" },
  { "retry-after": "Thu, 01 Jan 1970 00:00:05 GMT" },
  { date: "Thu, 01 Jan 2099 00:00:05 GMT" },
  { date: "Sat, 12 Sep 275760 00:00:00 GMT" },
  { location: "https://portal.example/login" },
];

const statuses: readonly number[] = [
  200,
  200,
  200,
  201,
  202,
  204,
  302,
  304,
  400,
  401,
  403,
  404,
  409,
  413,
  429,
  500,
  503,
  511,
  599,
];

interface Input {
  readonly ask: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Json;
}

/** Makes the target. */
export async function makeTarget(): Promise<Target> {
  const answering = answeringTransport();
  const identities = memoryIdentities();
  const make = () => {
    const transports = { api: answering.transport, poll: answering.transport, delivery: answering.transport };
    const info = { hostName: "acd", version: "1", system: "linux", name: "x" };
    return createCloud({ hubUrl, transports, clock: systemClock, identities, info });
  };
  const shared = make();
  await shared.linking.requestPin(never);
  const privateKey = String(identities.load()?.privateKey.d);
  return {
    form: "json",
    words: [...Object.keys(asked), "https://hub.example", "javascript:x", "slow_down", token, '"1"', "Bearer"],
    generate,
    run: (text) => run(text, { answering, make, shared, secrets: [token, deviceCode, privateKey] }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function generate(random: Random): string {
  const ask = random.pick(Object.keys(asked));
  const good = random.pick(asked[ask]?.answers ?? []);
  const input: Input = {
    ask,
    status: random.pick(statuses),
    headers: random.pick(headers),
    body: random.oneIn(2) ? good : random.pick(problems),
  };
  return JSON.stringify(input);
}

async function run(
  text: string,
  { answering, make, shared, secrets }: {
    answering: Answering;
    make: () => Cloud;
    shared: Cloud;
    secrets: readonly string[];
  },
): Promise<void> {
  const input = inputOf(text);
  answering.next = input;
  const cloud = ["metadata", "link"].includes(input.ask) || "date" in input.headers ? make() : shared;
  try {
    const result = await (asked[input.ask] ?? asked["poll"])?.ask(cloud);
    if (input.ask === "poll" && result !== undefined) {
      require(Assignment.safeParse((result as { assignment: unknown }).assignment).success, () => "Not an assignment");
    }
  } catch (error) {
    if (error instanceof BrokenPropertyError || !(error instanceof HubError)) throw error;
    requireMessage(error.message, text);
    // What the hub itself puts into its words is its own.
    requireSecret(error.message, secrets.filter((secret) => !text.includes(secret)));
    // deno-lint-ignore no-control-regex -- it goes to the log and the console
    require(!/[\x00-\x1f\x7f-\x9f]/.test(error.message), () => `Not one line: ${JSON.stringify(error.message)}`);
    require(error.message.length < 2000, () => `A message of ${error.message.length} characters`);
    const { retryAfterMs = 0 } = error;
    require(retryAfterMs >= 0 && retryAfterMs <= 3_600_000, () => `It is to wait ${retryAfterMs} ms`);
  }
}

interface Answering {
  next: Input | undefined;
  readonly transport: Transport;
}

/** Answers what is asked for with `next`, and all that comes before it as a good hub does. */
function answeringTransport(): Answering {
  const answering: Answering = {
    next: undefined,
    transport: {
      // deno-lint-ignore require-await -- what is thrown is a rejection, as fetch's is
      async fetch(url, init) {
        new Request(url, init);
        const { next } = answering;
        if (next !== undefined && pathsOf(next.ask).test(url.pathname)) return responseOf(next);
        return goodAnswer(url);
      },
      explain: (error, { url }) =>
        Promise.resolve({
          message: oneLine(diagnoseFetchFailure(error, { to: destinationOf(url), failure: undefined })),
          sent: !isOfConnecting(error),
        }),
    },
  };
  return answering;
}

/** Which requests get the answer. */
function pathsOf(ask: string): RegExp {
  if (ask === "metadata") return /^\/\.well-known\//;
  if (ask === "pin") return /^\/oauth\/(device_authorization|register)$/;
  if (ask === "pollPin" || ask === "link") return /^\/oauth\/token$/;
  return /^\/(api\/|k$)/;
}

function responseOf({ status, headers, body }: Input): Response {
  const text = typeof body === "string" ? body : body === null ? "" : JSON.stringify(body);
  const empty = status === 204 || status === 205 || status === 304 || status < 200;
  return new Response(empty ? null : text, { status, headers });
}

function goodAnswer({ origin, pathname }: URL): Response {
  if (pathname.startsWith("/.well-known/")) return Response.json(metadata(origin));
  if (pathname === "/oauth/register") return Response.json({ "client_id": "client" }, { status: 201 });
  const what = pathname === "/oauth/token" ? "link" : "pin";
  return Response.json(asked[what]?.answers[0]);
}

function inputOf(text: string): Input {
  const none: Input = { ask: "poll", status: 200, headers: {}, body: text };
  let value: Partial<Record<keyof Input, Json>>;
  try {
    const parsed = JSON.parse(text);
    if (typeof parsed !== "object" || parsed === null) return none;
    value = parsed;
  } catch {
    return none;
  }
  const status = Number(value.status) | 0;
  const given = Object.entries(typeof value.headers === "object" ? value.headers ?? {} : {});
  // What no HTTP client lets through.
  const usable = given.map(([name, text]) => [name, String(text)] as const)
    .filter(([name, text]) => /^[A-Za-z0-9-]+$/.test(name) && /^[\x20-\x7e]*$/.test(text));
  return {
    ask: String(value.ask),
    status: status >= 200 && status <= 599 ? status : 200,
    headers: Object.fromEntries(usable),
    body: value.body ?? null,
  };
}
