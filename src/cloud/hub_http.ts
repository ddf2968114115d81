/** Requests to the hub and its object store: bounded in time and size, every failure a {@linkcode HubError}. */
import type * as z from "zod";
import { HubError } from "../agent/ports.ts";
import type { Clock } from "../runtime/clock.ts";
import { DeadlineError, withDeadline } from "../runtime/deadline.ts";
import { programName, version } from "../runtime/version.ts";
import { BodyTooLargeError, parseJson, readText } from "./answer_body.ts";
import { type Answer, notAHub } from "./hub_answers.ts";
import type { HubClock } from "./hub_clock.ts";
import type { Transport } from "./transport.ts";

/** How long a request may take unless said otherwise, body included, in ms. */
const requestTimeoutMs = 30_000;
/** Largest body of an answer unless said otherwise, in bytes. */
const answerBytesMax = 1024 * 1024;

/** One request. */
export interface HubRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  readonly timeoutMs?: number;
  readonly answerBytesMax?: number;
  /** It is sent a second time, because the connection was cut during the first. */
  readonly onRepeat?: () => void;
}

/** Sends requests. */
export class HubHttp {
  readonly clock: Clock;
  readonly hubClock: HubClock;
  readonly hubUrl: URL;
  /** To be called once an answer is known to come from a hub that is not too busy. */
  readonly onAnswer: () => void;

  constructor(options: { hubUrl: URL; clock: Clock; hubClock: HubClock; onAnswer: () => void }) {
    this.hubUrl = options.hubUrl;
    this.clock = options.clock;
    this.hubClock = options.hubClock;
    this.onAnswer = options.onAnswer;
  }

  /**
   * Any answer counts as success here. Throws {@linkcode HubError} if there is none, or the signal's reason.
   *
   * If a kept-alive connection turns out to be closed, repeatable requests are sent again at once; `onRepeat` is called
   * then, since an unreliable line may be the cause.
   */
  async send(transport: Transport, request: HubRequest, signal: AbortSignal): Promise<Answer> {
    const startedMs = this.clock.monotonicMs();
    try {
      return await this.#sendOnce(transport, request, signal);
    } catch (error) {
      const repeatable = request.method === "GET" || request.method === "PUT";
      if (repeatable && wasStale(error) && this.clock.monotonicMs() - startedMs < staleMsMax) {
        request.onRepeat?.();
        return await this.#sendOnce(transport, request, signal);
      }
      throw error;
    }
  }

  async #sendOnce(transport: Transport, request: HubRequest, signal: AbortSignal): Promise<Answer> {
    const sinceMs = this.clock.monotonicMs();
    const ms = request.timeoutMs ?? requestTimeoutMs;
    try {
      return await withDeadline(async (deadline) => {
        const answer = await transport.fetch(request.url, {
          method: request.method,
          headers: { "user-agent": `${programName}/${version}`, ...request.headers },
          body: request.body ?? null,
          redirect: "manual",
          signal: deadline,
        });
        if (request.url.origin === this.hubUrl.origin) this.hubClock.observe(answer);
        const text = await readText(answer, request.answerBytesMax ?? answerBytesMax);
        return { status: answer.status, headers: answer.headers, text };
      }, { clock: this.clock, ms, signal });
    } catch (error) {
      signal.throwIfAborted();
      const { host } = request.url;
      if (error instanceof BodyTooLargeError) throw notAHub(`${host} answers with ${error.message}.`);
      if (error instanceof DeadlineError) {
        throw new HubError(
          `Cannot reach ${host}: ${error.message}. Check the connection, and any firewall or proxy on the way.`,
          { kind: "unreachable", cause: error },
        );
      }
      const { message, sent } = await transport.explain(error, { url: request.url, sinceMs, signal });
      throw new HubError(message, { kind: "unreachable", sent, cause: error });
    }
  }
}

/** A closed kept-alive connection shows at once; later failures happened on the way, in ms. */
const staleMsMax = 2_000;

function wasStale(error: unknown): boolean {
  const { cause } = error instanceof HubError ? error : {};
  return cause instanceof Error &&
    /connection closed before message completed|\(SendRequest\)|Connection reset|Broken pipe/i.test(cause.message);
}

/** The JSON of a successful answer. Throws {@linkcode HubError} `not-a-hub` when it is not of that shape. */
export function jsonOf<T>(answer: Answer, schema: z.ZodType<T>, options: { url: URL }): T {
  const parsed = parseJson(answer.text, schema);
  if ("value" in parsed) return parsed.value;
  throw notAHub(`${options.url.host} answers ${options.url.pathname} with ${parsed.problem}.`);
}
