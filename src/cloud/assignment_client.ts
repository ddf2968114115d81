/** Fetches the assignment by a long poll, and sends answers and reports. */
import { getLogger } from "@logtape/logtape";
import { type AssignmentClient, HubError } from "../agent/ports.ts";
import { Assignment, assignmentWaitSecondsMax } from "../protocol/assignment.ts";
import type { AgentApi } from "./agent_api.ts";
import { errorOfAnswer, notAHub } from "./hub_answers.ts";
import { jsonOf } from "./hub_http.ts";
import { nextPollSeconds, wasCut } from "./poll_length.ts";
import type { Transport, Transports } from "./transport.ts";

const log = getLogger(["cloud-link", "assignment"]);

/** How long a poll may take beyond its requested length, in ms. */
const pollGraceMs = 15_000;
/** Largest assignment, in bytes: up to 32 requests with a query of 64 kB each. */
const assignmentBytesMax = 4 * 1024 * 1024;

/** Makes the agent's {@linkcode AssignmentClient}. */
export function assignmentClient(options: { api: AgentApi; transports: Transports }): AssignmentClient {
  const { api, transports } = options;
  const longPoll = new LongPoll(api, transports.poll);
  return {
    poll: (etag, signal) => longPoll.poll(etag, signal),

    async answer(requestId, answer, signal) {
      const path = `/api/v1/agent/requests/${encodeURIComponent(requestId)}`;
      await api.send({ method: "PUT", path, transport: transports.api, json: answer, signal });
    },

    async report(status, signal) {
      await api.send({ method: "PUT", path: "/api/v1/agent/status", transport: transports.api, json: status, signal });
    },
  };
}

/** Polls on its own connection, with a length that the line tolerates. */
class LongPoll {
  readonly #api: AgentApi;
  readonly #transport: Transport;
  #seconds = assignmentWaitSecondsMax;
  /** Consecutive polls that were cut. One is how the line's limit is discovered; more are a failure. */
  #cuts = 0;
  /** Whether the last poll was answered. */
  #answered = false;
  /** How long the last poll was silent before it was cut, in ms. */
  #cutAfterMs: number | undefined;
  #told = false;
  /** Whether the last poll found no hub: the next one only asks whether it is back, and so returns soon. */
  #wasDown = false;

  constructor(api: AgentApi, transport: Transport) {
    this.#api = api;
    this.#transport = transport;
  }

  async poll(
    etag: string | undefined,
    signal: AbortSignal,
  ): Promise<{ assignment: Assignment; etag: string } | undefined> {
    const { clock, hubUrl } = this.#api.http;
    const path = "/api/v1/agent/assignment";
    let startedMs = Infinity;
    const waitSeconds = this.#wasDown ? 0 : this.#seconds;
    try {
      const answer = await this.#api.send({
        method: "GET",
        path,
        transport: notingStart(this.#transport, () => startedMs = clock.monotonicMs()),
        headers: { prefer: `wait=${waitSeconds}`, ...(etag === undefined ? {} : { "if-none-match": etag }) },
        timeoutMs: waitSeconds * 1000 + pollGraceMs,
        answerBytesMax: assignmentBytesMax,
        signal,
      });
      this.#cuts = 0;
      this.#answered = true;
      this.#tell();
      if (!this.#wasDown) this.#seconds = nextPollSeconds(this.#seconds, { state: "answered" });
      this.#wasDown = false;
      const url = new URL(path, hubUrl);
      if (answer.status === 304) return undefined;
      const newTag = answer.headers.get("etag");
      if (answer.status !== 200) throw errorOfAnswer(answer, { url, nowMs: this.#api.http.hubClock.now() });
      const assignment = jsonOf(answer, Assignment, { url });
      if (newTag === null) throw notAHub(`${url.host} answers with an assignment without ETag.`);
      return { assignment, etag: newTag };
    } catch (error) {
      if (error instanceof HubError && this.#isHarmless(error, clock.monotonicMs() - startedMs)) return undefined;
      throw error;
    }
  }

  /** Whether the poll, which failed this long after it was sent, was cut for being silent, and for the first time. */
  #isHarmless(error: HubError, afterMs: number): boolean {
    const wasAnswered = this.#answered;
    this.#answered = false;
    this.#cutAfterMs = undefined;
    if (!wasCut(afterMs) || !mayBeCut(error)) {
      this.#wasDown = true;
      return false;
    }
    this.#seconds = nextPollSeconds(this.#seconds, { state: "cut", afterMs });
    // Without an answer in time, and none before, it may not even have reached the hub.
    if (!wasAnswered && error.sent === undefined && error.status === undefined) return false;
    this.#cutAfterMs = afterMs;
    return ++this.#cuts === 1;
  }

  /**
   * A shorter poll succeeded after one that was cut: so the cause was the silence, and the hub was not down. Logged
   * once: how much silence the line tolerates is probed again from time to time.
   */
  #tell(): void {
    const afterMs = this.#cutAfterMs;
    this.#cutAfterMs = undefined;
    if (afterMs === undefined || this.#told) return;
    this.#told = true;
    log.info(
      "A connection to {host} was cut after {seconds} s of silence: a proxy or firewall on the way closes idle " +
        "connections. The hub is now asked more often; to avoid that, allow connections to be idle for a minute there.",
      { host: this.#api.http.hubUrl.host, seconds: Math.round(afterMs / 1000) },
    );
  }
}

/** Silent connections are cut by closing them, by not delivering the answer, or with 502 and 504. */
function mayBeCut({ kind, sent, status }: HubError): boolean {
  return kind === "unreachable" ? sent !== false : status === 502 || status === 504;
}

/** A transport that calls `onStart` when it is given a request, after the token was fetched. */
function notingStart(transport: Transport, onStart: () => void): Transport {
  return {
    fetch(url, init) {
      onStart();
      return transport.fetch(url, init);
    },
    explain: (error, options) => transport.explain(error, options),
  };
}
