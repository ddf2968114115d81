/** Delivers batches: the steps of `protocol/delivery.ts`. */
import { Buffer } from "node:buffer";
import { type DeliveryClient, HubError, type WholeBatch, type WholeDelivery } from "../agent/ports.ts";
import {
  DeclarationAnswer,
  MissingAnswer,
  PartsAnswer,
  Receipt,
  WholeBatchesAnswer,
  type WholeBatchesRequest,
} from "../protocol/delivery.ts";
import type { Clock } from "../runtime/clock.ts";
import { DeadlineError } from "../runtime/deadline.ts";
import type { AgentApi } from "./agent_api.ts";
import { errorOfProblem, errorOfUpload, notAHub } from "./hub_answers.ts";
import { jsonOf } from "./hub_http.ts";
import { Patience } from "./patience.ts";
import type { Transports } from "./transport.ts";

/** Where batches are declared. */
const batchesPath = "/api/v1/agent/batches";
/** Largest answer to a declaration, in bytes: it lists up to 300,000 parts that have arrived. */
const declarationAnswerBytesMax = 64 * 1024 * 1024;
/** The slowest line to support for payloads, in bytes per ms; {@linkcode Patience} adds to that for parts. */
const slowestBytesPerMs = 16;
/** Minimum time a request with small batches may take beyond that, in ms: the hub checks and stores them. */
const wholeGraceMs = 30_000;
/** Approximate size of a declaration in a request, in bytes. */
const declarationBytes = 800;
/** How long the hub may take to check and join a large batch, in ms. */
const completeTimeoutMs = 120_000;
/** Headers that fetch sets by itself. */
const ownHeaders = new Set(["host", "content-length", "connection", "transfer-encoding"]);

/** Makes the agent's {@linkcode DeliveryClient}. */
export function deliveryClient(options: { api: AgentApi; transports: Transports }): DeliveryClient {
  const { api, transports } = options;
  const transport = transports.api;
  const patience = new Patience();
  const wholePatience = new Patience({ leastMs: wholeGraceMs });
  return {
    declare: (batch, signal) =>
      api.json(DeclarationAnswer, {
        method: "POST",
        path: batchesPath,
        transport,
        json: batch,
        answerBytesMax: declarationAnswerBytesMax,
        signal,
      }),

    async addresses(batchId, parts, signal) {
      const path = `${batchesPath}/${encodeURIComponent(batchId)}/parts`;
      const { addresses } = await api.json(PartsAnswer, { method: "POST", path, transport, json: { parts }, signal });
      if (addresses.length === parts.length) return addresses;
      throw notAHub(`${api.http.hubUrl.host} answers with ${addresses.length} addresses for ${parts.length} parts.`);
    },

    put: (address, bytes, signal) => put(address, bytes, { api, transport: transports.delivery, patience, signal }),

    async complete(batchId, request, signal) {
      const path = `${batchesPath}/${encodeURIComponent(batchId)}/complete`;
      const timeoutMs = completeTimeoutMs;
      const answer = await api.send({ method: "POST", path, transport, json: request, timeoutMs, signal });
      return answer.status === 202 ? undefined : jsonOf(answer, Receipt, { url: new URL(path, api.http.hubUrl) });
    },

    sendWhole: (batches, signal) => sendWhole(batches, { api, transport, patience: wholePatience, signal }),

    async missing(batchIds, signal) {
      const path = `${batchesPath}/missing`;
      const answer = await api.json(MissingAnswer, {
        method: "POST",
        path,
        transport,
        json: { ids: batchIds },
        signal,
      });
      return answer.missing;
    },
  };
}

/** Sends one part to an object store: exactly these bytes, with exactly the given headers. */
async function put(
  address: PartsAnswer["addresses"][number],
  bytes: Uint8Array<ArrayBuffer>,
  { api, transport, patience, signal }: {
    api: AgentApi;
    transport: Transports["delivery"];
    patience: Patience;
    signal: AbortSignal;
  },
): Promise<{ tries: number }> {
  const url = new URL(address.url);
  const headers = Object.fromEntries(
    Object.entries(address.headers).filter(([name]) => !ownHeaders.has(name.toLowerCase())),
  );
  const slowestMs = bytes.length / slowestBytesPerMs;
  const timeoutMs = patience.graceMs + slowestMs;
  let tries = 1;
  const request = { method: "PUT", url, headers, body: bytes, timeoutMs, onRepeat: () => tries++ } as const;
  const answer = await patiently(() => api.http.send(transport, request, signal), {
    patience,
    slowestMs,
    clock: api.http.clock,
  });
  if (answer.status < 200 || answer.status > 299) {
    throw errorOfUpload(answer, { url, nowMs: api.http.hubClock.now() });
  }
  return { tries };
}

async function sendWhole(
  batches: readonly WholeBatch[],
  { api, transport, patience, signal }: {
    api: AgentApi;
    transport: Transports["api"];
    patience: Patience;
    signal: AbortSignal;
  },
): Promise<readonly WholeDelivery[]> {
  const json: WholeBatchesRequest = {
    batches: batches.map(({ declaration, payload }) => ({
      declaration,
      payload: Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString("base64"),
    })),
  };
  const bytes = json.batches.reduce((sum, { payload }) => sum + payload.length + declarationBytes, 0);
  const slowestMs = bytes / slowestBytesPerMs;
  const timeoutMs = patience.graceMs + slowestMs;
  const request = { method: "POST", path: `${batchesPath}/whole`, transport, json, timeoutMs, signal } as const;
  const { answers } = await patiently(() => api.json(WholeBatchesAnswer, request), {
    patience,
    slowestMs,
    clock: api.http.clock,
  });
  const { host } = api.http.hubUrl;
  if (answers.length !== batches.length) {
    throw notAHub(`${host} answers with ${answers.length} answers for ${batches.length} batches.`);
  }
  return answers.map((answer) =>
    answer.state === "refused" ? { state: "failed", error: errorOfProblem(answer.problem, { host }) } : answer
  );
}

/** Adjusts the time allowed for the next one by how this one ends. */
async function patiently<Result>(
  send: () => Promise<Result>,
  { patience, slowestMs, clock }: { patience: Patience; slowestMs: number; clock: Clock },
): Promise<Result> {
  const startedMs = clock.monotonicMs();
  try {
    const result = await send();
    patience.sufficed(clock.monotonicMs() - startedMs - slowestMs);
    return result;
  } catch (error) {
    if (error instanceof HubError && error.cause instanceof DeadlineError) patience.ranOut();
    throw error;
  }
}
