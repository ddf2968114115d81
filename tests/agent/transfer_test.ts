import { createHash } from "node:crypto";
import { LaneGate } from "../../src/agent/lane_gate.ts";
import { transfer } from "../../src/agent/transfer.ts";
import type { BatchDeclaration, CompletionRequest } from "../../src/protocol/delivery.ts";
import { partBytesMin } from "../../src/protocol/delivery.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { assert, assertEquals } from "../assert.ts";
import { hubError, MemoryHub, type MemoryHubOptions } from "../fakes/memory_hub.ts";

/** More of them than are named one by one. */
const partCount = 1_001;

/** Sends one batch in very many parts; the completions that the hub was asked for. */
async function completions(
  hubOptions: MemoryHubOptions,
  answer: (request: CompletionRequest) => void = () => {},
): Promise<CompletionRequest[]> {
  const payload = new Uint8Array(partBytesMin * partCount - 1);
  const sha256 = createHash("sha256").update(payload).digest("hex");
  const declaration = {
    id: "large",
    lane: "live",
    payloadSha256: sha256,
    payloadBytes: payload.length,
  } as BatchDeclaration;
  const hub = new MemoryHub(hubOptions);
  const requests: CompletionRequest[] = [];
  const { signal } = new AbortController();
  const receipt = await transfer({
    declaration,
    read: (offset, bytes) => Promise.resolve(payload.slice(offset, offset + bytes)),
  }, {
    client: {
      declare: (batch, inner) => hub.declare(batch, inner),
      addresses: (id, parts, inner) => hub.addresses(id, parts, inner),
      put: (address, bytes, inner) => hub.put(address, bytes, inner),
      sendWhole: (batches, inner) => hub.sendWhole(batches, inner),
      missing: (ids, inner) => hub.missing(ids, inner),
      complete(id, request, inner) {
        requests.push(request);
        answer(request);
        return hub.complete(id, request, inner);
      },
    },
    clock: systemClock,
    gate: new LaneGate({ clock: systemClock }),
    hours: { holdBack: () => false },
    sizing: { bytes: partBytesMin, sent() {}, failed() {} },
    afresh: false,
    onProgress() {},
    signal,
  });
  assertEquals(receipt.batch, "large");
  assertEquals(hub.received.get("large")?.length, payload.length);
  return requests;
}

Deno.test("a batch of very many parts is completed by a request that every proxy takes", async () => {
  const [request, ...others] = await completions({});
  assertEquals(request, {
    runs: [{ bytes: partBytesMin, count: partCount - 1 }, { bytes: partBytesMin - 1, count: 1 }],
  });
  assertEquals(others, []);
});

Deno.test("to a hub of before, all parts of a batch are named one by one", async () => {
  const [request, ...others] = await completions({ takesRuns: false });
  assert(request !== undefined && "parts" in request && request.parts.length === partCount);
  assertEquals(others, []);
});

Deno.test("parts are named one by one when a hub of before answers the completion after all", async () => {
  const requests = await completions({}, (request) => {
    if ("runs" in request) throw hubError("refused");
  });
  assertEquals(requests.map((request) => "runs" in request), [true, false]);
});
