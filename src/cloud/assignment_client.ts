/** Fetches the assignment by a long poll, and sends answers and reports. */
import { getLogger } from "@logtape/logtape";
import { type AssignmentClient, HubError } from "../agent/ports.ts";
import { Assignment, assignmentWaitSecondsMax } from "../protocol/assignment.ts";
import type { AgentApi } from "./agent_api.ts";
import { errorOfAnswer, notAHub } from "./hub_answers.ts";
import { jsonOf } from "./hub_http.ts";
import { nextPollSeconds, wasCut } from "./poll_length.ts";
import type { Transports } from "./transport.ts";

const log = getLogger(["cloud-link", "assignment"]);

/** What a poll may take beyond its length, in ms. */
const pollGraceMs = 15_000;
/** An assignment holds up to 32 requests with a query of 64 kB each, in bytes. */
const assignmentBytesMax = 4 * 1024 * 1024;

/** Makes the agent's {@linkcode AssignmentClient}. */
export function assignmentClient(options: { api: AgentApi; transports: Transports }): AssignmentClient {
  const { api, transports } = options;
  const longPoll = new LongPoll(api, transports);
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

/** Polls on a connection of their own, of a length that the line allows. */
class LongPoll {
  readonly #api: AgentApi;
  readonly #transports: Transports;
  #seconds = assignmentWaitSecondsMax;
  /** Polls cut in a row. One is how the line's limit is found out; more are a failure. */
  #cuts = 0;
  #told = false;

  constructor(api: AgentApi, transports: Transports) {
    this.#api = api;
    this.#transports = transports;
  }

  async poll(
    etag: string | undefined,
    signal: AbortSignal,
  ): Promise<{ assignment: Assignment; etag: string } | undefined> {
    const { clock, hubUrl } = this.#api.http;
    const path = "/api/v1/agent/assignment";
    const startedMs = clock.monotonicMs();
    try {
      const answer = await this.#api.send({
        method: "GET",
        path,
        transport: this.#transports.poll,
        headers: { prefer: `wait=${this.#seconds}`, ...(etag === undefined ? {} : { "if-none-match": etag }) },
        timeoutMs: this.#seconds * 1000 + pollGraceMs,
        answerBytesMax: assignmentBytesMax,
        signal,
      });
      this.#cuts = 0;
      this.#seconds = nextPollSeconds(this.#seconds, { state: "answered" });
      const url = new URL(path, hubUrl);
      if (answer.status === 304) return undefined;
      const newTag = answer.headers.get("etag");
      if (answer.status !== 200) throw errorOfAnswer(answer, { url, nowMs: this.#api.http.hubClock.now() });
      const assignment = jsonOf(answer, Assignment, { url });
      if (newTag === null) throw notAHub(`${url.host} answers with an assignment without ETag.`);
      return { assignment, etag: newTag };
    } catch (error) {
      const afterMs = clock.monotonicMs() - startedMs;
      if (!(error instanceof HubError) || !isCut(error) || !wasCut(afterMs)) throw error;
      this.#seconds = nextPollSeconds(this.#seconds, { state: "cut", afterMs });
      this.#tell(afterMs);
      if (++this.#cuts > 1) throw error;
      return undefined;
    }
  }

  /** Once: how long the line bears silence is found out anew from time to time. */
  #tell(afterMs: number): void {
    if (this.#told) return;
    this.#told = true;
    log.info(
      "A connection to {host} was cut after {seconds} s of silence: a proxy or firewall on the way closes idle " +
        "connections. It is asked more often now; allow idle connections of a minute there to have it asked less.",
      { host: this.#api.http.hubUrl.host, seconds: Math.round(afterMs / 1000) },
    );
  }
}

/** Silence is cut by closing the connection, by not delivering the answer, or by 502 and 504. */
function isCut(error: HubError): boolean {
  return error.kind === "unreachable" || (error.kind === "busy" && /\((502|504)\)/.test(error.message));
}
