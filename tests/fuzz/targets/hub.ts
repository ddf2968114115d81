/**
 * The hub's every endpoint, over HTTP: no 500, no hang; refusals are problem details, OAuth errors or pages with a
 * message; answers are such as `/api/openapi.json` describes; no secret comes back, and nobody gets what is not his.
 */
import * as z from "zod";
import { OAuthError } from "../../../src/protocol/linking.ts";
import { Problem, problemCode } from "../../../src/protocol/problem.ts";
import type { Json } from "../mutate.ts";
import type { Random } from "../random.ts";
import { require, requireMessage, type Target } from "../target.ts";
import {
  consoleRequest,
  type HubInput,
  oauthRequest,
  type Operation,
  operationsOf,
  requestFor,
} from "./hub_endpoints.ts";
import { callers, World } from "./hub_world.ts";

/** An answer takes this long at most, in ms: what waits for news is given up after {@linkcode newsMs}. */
const answerMs = 60_000;
const newsMs = 20;

/** Which endpoints. */
export type Part = "api" | "oauth" | "console";

/** Makes a target with a hub of its own. */
export async function makeTarget(part: Part): Promise<Target> {
  const world = await World.start();
  const description = await (await fetch(`${world.hub.url}/api/openapi.json`)).json();
  const operations = operationsOf(description);
  const isOAuth = ({ path }: Operation) => path.startsWith("/oauth/") || path.startsWith("/.well-known/");
  const own = operations.filter((operation) => isOAuth(operation) === (part === "oauth"));
  const make = (random: Random) =>
    part === "console"
      ? consoleRequest(random)
      : part === "oauth"
      ? oauthRequest(random.pick(own), random)
      : requestFor(random.pick(own), random);
  let sent = 0;
  return {
    form: "json",
    words: [
      ...callers,
      "GET",
      "POST",
      "PUT",
      "DELETE",
      "PATCH",
      "HEAD",
      "OPTIONS",
      "{integration}",
      "{csrf}",
      "%00",
      "../",
    ],
    generate: (random) => JSON.stringify(make(random)),
    async run(text) {
      const input = inputOf(text);
      if (input === undefined) return;
      await world.prepare();
      await tryRequest(input, { world, operations, text, number: sent++ });
    },
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  };
}

interface Trial {
  readonly world: World;
  readonly operations: readonly Operation[];
  readonly text: string;
  readonly number: number;
}

interface Answered {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

async function tryRequest(input: HubInput, trial: Trial): Promise<void> {
  const { world, text } = trial;
  const answered = await send(input, trial);
  const errors = world.takeErrors();
  require(errors.length === 0, () => `The hub logs: ${errors.join("\n")}`);
  if (answered === undefined) return;
  const { status, type, body } = answered;
  require(status < 500 || status === 503, () => `${status}: ${body.slice(0, 500)}`);
  // A refusal may repeat what was sent, also if that was encoded.
  const sent = `${text} ${[...new URLSearchParams(input.query)].flat().join(" ")}`;
  if (status >= 400) requireRefusal(answered, { path: input.path, text: sent });
  if (!isAssignment(input.path)) {
    for (const secret of world.secrets) {
      const own = Object.values(world.headersOf(input.as)).some((value) => value.includes(secret));
      require(own || !body.includes(secret), () => `A secret comes back: ${body.slice(0, 500)}`);
    }
  }
  const operation = trial.operations.find((one) => one.method === input.method && matches(one.path, input.path));
  if (operation === undefined || type.startsWith("text/html")) return;
  requireDescribed(answered, operation);
  const mayPass = operation.security.length === 0 || !["nobody", "wrong"].includes(input.as);
  require(mayPass || status >= 400 || "cookie" in input.headers, () => `${input.as} gets ${status}`);
}

async function send(input: HubInput, { world, number }: Trial): Promise<Answered | undefined> {
  const waits = isAssignment(input.path) || input.path.endsWith("/events");
  const aborter = AbortSignal.timeout(waits ? newsMs : answerMs);
  const query = await named(input.query, world);
  const url = `${world.hub.url}${await named(input.path, world)}${query === "" ? "" : `?${query}`}`;
  // Longer ones no HTTP client sends.
  if (url.length > 8000 || !URL.canParse(url) || new URL(url).origin !== world.hub.url) return undefined;
  const body = await bodyOf(input, world);
  const address = `10.${number >> 16 & 255}.${number >> 8 & 255}.${number & 255}`;
  const headers = new Headers({ "x-forwarded-for": address, ...world.headersOf(input.as), ...input.headers });
  if (input.type !== null) headers.set("content-type", input.type);
  try {
    const response = await fetch(url, { method: input.method, headers, body, redirect: "manual", signal: aborter });
    const type = response.headers.get("content-type") ?? "";
    if (type.startsWith("text/event-stream")) {
      await response.body?.cancel();
      return { status: response.status, type, body: "" };
    }
    return { status: response.status, type, body: await response.text() };
  } catch (error) {
    if (waits && aborter.aborted) return undefined;
    throw error;
  }
}

function isAssignment(path: string): boolean {
  return path.endsWith("/agent/assignment");
}

/** A refusal says what is wrong, in the shape that its reader expects. */
function requireRefusal({ status, type, body }: Answered, { path, text }: { path: string; text: string }): void {
  if (body === "") return; // HEAD
  if (type.startsWith("text/html")) {
    return require(!/\bundefined\b|\[object |TypeError/.test(body) || /undefined|object/.test(text), () => body);
  }
  if (type.startsWith("application/problem+json")) {
    const problem = Problem.safeParse(JSON.parse(body));
    require(problem.success, () => `No problem details: ${body}`);
    require(problem.data.status === status && problemCode(problem.data) !== undefined, () => body);
    requireMessage(problem.data.detail ?? "", text);
    for (const { detail } of problem.data.errors ?? []) requireMessage(detail, text);
    return;
  }
  if (path.startsWith("/oauth/")) {
    const refusal = OAuthError.safeParse(JSON.parse(body));
    require(refusal.success, () => `No error of OAuth: ${body}`);
    return requireMessage(refusal.data.error_description ?? "", text);
  }
  require(type.startsWith("application/json"), () => `${status} with ${type}: ${body.slice(0, 300)}`);
}

const schemas = new WeakMap<object, z.ZodType>();

/** The status is described, and so is the body. */
function requireDescribed({ status, type, body }: Answered, { method, path, responses }: Operation): void {
  const described = responses[status] as { content?: Record<string, { schema: object }> } | undefined;
  require(described !== undefined, () => `${method} ${path} answers ${status}, which is not described: ${body}`);
  const schema = described.content?.["application/json"]?.schema;
  if (schema === undefined || !type.startsWith("application/json") || body === "") return;
  let checked = schemas.get(schema);
  if (checked === undefined) schemas.set(schema, checked = z.fromJSONSchema(schema as never));
  const result = checked.safeParse(JSON.parse(body));
  require(result.success, () => `${method} ${path} answers what is not described: ${result.error?.message} ${body}`);
}

function matches(template: string, path: string): boolean {
  const parts = path.split("/");
  const wanted = template.split("/");
  return parts.length === wanted.length &&
    wanted.every((part, index) => part.startsWith("{") ? /^[\w{}-]+$/.test(parts[index] ?? "") : part === parts[index]);
}

async function named(text: string, world: World): Promise<string> {
  const assertion = text.includes("{assertion}") ? await world.assertion() : "";
  return text.replaceAll(/\{(\w+)\}/g, (whole, name) => name === "assertion" ? assertion : world.names[name] ?? whole);
}

async function bodyOf({ method, body, type }: HubInput, world: World): Promise<string | null> {
  if (body === null || method === "GET" || method === "HEAD") return null;
  if (typeof body === "string") return await named(body, world);
  if (type?.startsWith("application/x-www-form-urlencoded") !== true || typeof body !== "object") {
    return await named(JSON.stringify(body), world);
  }
  const fields = await Promise.all(
    Object.entries(body).map(async ([name, value]) => [name, await named(fieldText(value), world)]),
  );
  return new URLSearchParams(fields).toString();
}

/** Never `[object Object]`: in a page, that can then only be the hub's own doing. */
function fieldText(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** What an HTTP client can send. */
function inputOf(text: string): HubInput | undefined {
  let value: Partial<Record<keyof HubInput, Json>>;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const method = String(value.method).toUpperCase();
  const path = String(value.path ?? "");
  if (!/^[A-Z]{1,12}$/.test(method) || /^(CONNECT|TRACE|TRACK)$/.test(method) || !path.startsWith("/")) {
    return undefined;
  }
  const headers = Object.entries(typeof value.headers === "object" ? value.headers ?? {} : {})
    .map(([name, text]) => [name.toLowerCase(), String(text)] as const)
    .filter(([name, text]) => /^[a-z0-9-]+$/.test(name) && /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text))
    .filter(([name]) => !/^(host|content-length|transfer-encoding|connection|upgrade|expect|te|trailer)$/.test(name));
  const type = typeof value.type === "string" && /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(value.type)
    ? value.type
    : null;
  return {
    as: callers.find((caller) => caller === value.as) ?? "nobody",
    method,
    path,
    query: String(value.query ?? "").toWellFormed(),
    headers: Object.fromEntries(headers),
    type,
    body: value.body ?? null,
  };
}
