/** The hub's API for a linked agent: requests with the access token, problems as `HubError`. */
import type * as z from "zod";
import type { AccessTokens } from "./access_tokens.ts";
import { looksLikeHtml } from "./answer_body.ts";
import { type Answer, errorOfAnswer, notAHub, OAuthRefusal } from "./hub_answers.ts";
import { type HubHttp, type HubRequest, jsonOf } from "./hub_http.ts";
import type { Transport } from "./transport.ts";

/** A request to `/api/v1/agent/…`. */
export interface AgentRequestOptions {
  readonly method: HubRequest["method"];
  readonly path: string;
  readonly transport: Transport;
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  readonly answerBytesMax?: number;
  readonly signal: AbortSignal;
}

/** Sends authorized requests. */
export class AgentApi {
  readonly http: HubHttp;
  readonly #tokens: AccessTokens;

  constructor(options: { http: HubHttp; tokens: AccessTokens }) {
    this.http = options.http;
    this.#tokens = options.tokens;
  }

  /** A success, or 304. If the hub no longer accepts the token, it is renewed once. */
  async send(options: AgentRequestOptions): Promise<Answer> {
    for (let attempt = 1;; attempt++) {
      const token = await this.#token(options.signal);
      const url = new URL(options.path, this.http.hubUrl);
      const answer = await this.http.send(options.transport, requestOf(url, token, options), options.signal);
      if (answer.status < 300 || answer.status === 304) {
        // A captive portal answers everything with 200.
        if (looksLikeHtml(answer.text)) throw notAHub(`${url.host} answers with a web page.`);
        this.http.onAnswer();
        return answer;
      }
      const error = errorOfAnswer(answer, { url, nowMs: this.http.hubClock.now() });
      const wasRefused = answer.status === 401;
      if (wasRefused || error.kind === "unlinked") this.#tokens.drop(token);
      if (!wasRefused || attempt > 1 || error.kind === "unlinked") throw error;
    }
  }

  /** Like {@linkcode send}, but returns the JSON of the answer. */
  async json<T>(schema: z.ZodType<T>, options: AgentRequestOptions): Promise<T> {
    const answer = await this.send(options);
    return jsonOf(answer, schema, { url: new URL(options.path, this.http.hubUrl) });
  }

  #token(signal: AbortSignal): Promise<string> {
    return asHubError(() => this.#tokens.get(signal));
  }
}

function requestOf(url: URL, token: string, options: AgentRequestOptions): HubRequest {
  const { json, timeoutMs, answerBytesMax } = options;
  return {
    method: options.method,
    url,
    headers: {
      accept: "application/json",
      ...(json === undefined ? {} : { "content-type": "application/json" }),
      ...options.headers,
      authorization: `Bearer ${token}`,
    },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(answerBytesMax === undefined ? {} : { answerBytesMax }),
  };
}

/** Turns OAuth errors into what the ports promise. */
export async function asHubError<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw error instanceof OAuthRefusal ? error.hubError : error;
  }
}
