/** The endpoints for linked agents, as described in `protocol/assignment.ts` and `protocol/delivery.ts`. */
import * as z from "zod";
import { AgentAnswer, AgentStatusReport, Assignment, assignmentWaitSecondsMax } from "../../protocol/assignment.ts";
import {
  BatchDeclaration,
  CompletionRequest,
  DeclarationAnswer,
  MissingAnswer,
  MissingRequest,
  PartsAnswer,
  PartsRequest,
  Receipt,
  WholeBatchesAnswer,
  WholeBatchesRequest,
} from "../../protocol/delivery.ts";
import { agentLinkPath } from "../../protocol/linking.ts";
import type { Assignments } from "./assignments.ts";
import type { Delivery } from "../delivery/delivery.ts";
import { type Endpoint, endpoint } from "../http/endpoint.ts";
import { EndGroup, ends } from "../ends.ts";
import { agentAnswerBytesMax, completionBytesMax, wholeBatchesBytesMax } from "../limits.ts";
import type { StoredRequests } from "./agent_requests.ts";

/** What the endpoints act on. */
export interface AgentServices {
  readonly assignments: Assignments;
  readonly delivery: Delivery;
  readonly requests: StoredRequests;
  /** Ends a link at the agent's request. */
  giveUp(linkId: string): Promise<void>;
  /** Ends long polls when the hub stops. */
  readonly stop: AbortSignal;
}

/** Assignment, requests, reports and batches, each restricted to the link that the access token names. */
export function agentEndpoints(services: AgentServices): readonly Endpoint[] {
  return [...workEndpoints(services), ...deliveryEndpoints(services)];
}

function workEndpoints({ assignments, requests, giveUp, stop }: AgentServices): readonly Endpoint[] {
  const held = new EndGroup(stop);
  return [
    endpoint({
      method: "get",
      path: "/api/v1/agent/assignment",
      summary: "What to do: a long poll with If-None-Match and Prefer: wait=seconds",
      tag: "agent",
      audience: "agent",
      responses: {
        200: { description: "It differs from the one with the given ETag", schema: Assignment },
        304: { description: "It does not, after the wait" },
      },
      // Does not use the request's own signal: thousands are held, and one whose agent has gone ends by itself.
      async handle({ context, caller }) {
        const waitSeconds = Number(/(?:^|[,;\s])wait=(\d{1,4})/.exec(context.req.header("prefer") ?? "")?.[1] ?? 0);
        const etag = context.req.header("if-none-match");
        const afterMs = Math.min(waitSeconds, assignmentWaitSecondsMax) * 1000;
        using end = ends([], { afterMs, group: held });
        const assigned = await assignments.poll(caller, { etag, wait: afterMs > 0, signal: end.signal });
        if (assigned !== undefined) {
          return context.json(assigned.assignment, 200, { ETag: assigned.etag, "Cache-Control": "no-store" });
        }
        return new Response(null, { status: 304, headers: etag === undefined ? {} : { ETag: etag } });
      },
    }),
    endpoint({
      method: "put",
      path: "/api/v1/agent/status",
      summary: "What the agent says of itself",
      tag: "agent",
      audience: "agent",
      body: AgentStatusReport,
      responses: { 204: { description: "Taken" } },
      async handle({ context, caller, body }) {
        await assignments.report(caller, body);
        return context.body(null, 204);
      },
    }),
    endpoint({
      method: "put",
      path: "/api/v1/agent/requests/:id",
      summary: "The answer to a request of the assignment",
      tag: "agent",
      audience: "agent",
      body: AgentAnswer,
      bodyBytesMax: agentAnswerBytesMax,
      responses: { 204: { description: "Taken" } },
      async handle({ context, caller, body, param }) {
        await requests.answer(caller, { id: param("id"), answer: body });
        return context.body(null, 204);
      },
    }),
    endpoint({
      method: "delete",
      path: agentLinkPath,
      summary: "The agent does not want this link",
      tag: "agent",
      audience: "agent",
      responses: { 204: { description: "Unlinked" } },
      async handle({ context, caller }) {
        await giveUp(caller.linkId);
        return context.body(null, 204);
      },
    }),
  ];
}

function deliveryEndpoints({ delivery }: AgentServices): readonly Endpoint[] {
  return [
    endpoint({
      method: "post",
      path: "/api/v1/agent/batches",
      summary: "Declare a batch",
      tag: "agent",
      audience: "agent",
      body: BatchDeclaration,
      problems: ["not-found"],
      responses: { 200: { description: "Its receipt, or the parts that are here", schema: DeclarationAnswer } },
      async handle({ context, caller, body }) {
        return context.json(await delivery.declare(caller, body));
      },
    }),
    endpoint({
      method: "post",
      path: "/api/v1/agent/batches/whole",
      summary: "Small batches with their payloads",
      tag: "agent",
      audience: "agent",
      body: WholeBatchesRequest,
      bodyBytesMax: wholeBatchesBytesMax,
      responses: { 200: { description: "What became of each", schema: WholeBatchesAnswer } },
      async handle({ context, caller, body }) {
        const answers = await delivery.whole(caller, body.batches);
        return context.json({ answers: [...answers] } satisfies z.infer<typeof WholeBatchesAnswer>);
      },
    }),
    endpoint({
      method: "post",
      path: "/api/v1/agent/batches/missing",
      summary: "Which of these batches the hub does not have",
      tag: "agent",
      audience: "agent",
      body: MissingRequest,
      responses: { 200: { description: "Those", schema: MissingAnswer } },
      async handle({ context, caller, body }) {
        const missing = await delivery.missing(caller, body.ids);
        return context.json({ missing: [...missing] } satisfies z.infer<typeof MissingAnswer>);
      },
    }),
    endpoint({
      method: "post",
      path: "/api/v1/agent/batches/:id/parts",
      summary: "Signed addresses for parts",
      tag: "agent",
      audience: "agent",
      body: PartsRequest,
      problems: ["conflict"],
      responses: { 200: { description: "One address per part", schema: PartsAnswer } },
      async handle({ context, caller, body, param }) {
        return context.json(await delivery.addresses(caller, { batchId: param("id"), parts: body.parts }));
      },
    }),
    endpoint({
      method: "post",
      path: "/api/v1/agent/batches/:id/complete",
      summary: "All parts are sent",
      tag: "agent",
      audience: "agent",
      body: CompletionRequest,
      bodyBytesMax: completionBytesMax,
      problems: ["checksum-mismatch", "part-missing", "unavailable"],
      responses: {
        200: { description: "The hub has the whole batch, durably", schema: Receipt },
        202: { description: "Still checking: ask again", schema: z.object({}) },
      },
      async handle({ context, caller, body, param }) {
        const receipt = await delivery.complete(caller, { batchId: param("id"), request: body });
        return receipt === undefined ? context.json({}, 202, { "Retry-After": "1" }) : context.json(receipt);
      },
    }),
  ];
}
