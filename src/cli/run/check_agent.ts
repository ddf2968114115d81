/** `check` inside the running agent, with its actual rights, environment and link. */
import type { Agent } from "../../agent/agent.ts";
import type { DeliveryClient } from "../../agent/ports.ts";
import type { Config } from "../../config/config.ts";
import type { CheckLine } from "../../control/check_line.ts";
import { EgressTransport } from "../../egress/egress_client.ts";
import { checkNetwork } from "../../egress/network_checks.ts";
import type { AgentAnswer } from "../../protocol/assignment.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { AgentStart } from "./agent_messages.ts";
import type { HubAccess } from "./hub_access.ts";
import { checkLocal } from "../local_checks.ts";
import { checkUploads } from "../upload_check.ts";

/** How many object stores are remembered. */
const objectStoresMax = 4;

/** The checks of a running agent. */
export async function checkAgent(
  { start, config, agent, hub, objectStores, testDatabase, clock }: {
    start: AgentStart;
    config: Config;
    agent: Agent;
    hub: HubAccess;
    objectStores: ReadonlySet<string>;
    /** Tests the integration's database; `undefined` if the integration has none. */
    testDatabase: ((signal: AbortSignal) => Promise<AgentAnswer>) | undefined;
    clock: Clock;
  },
  signal: AbortSignal,
): Promise<readonly CheckLine[]> {
  const { relay: { port, token }, caCerts, proxy } = start;
  using transport = new EgressTransport({ port, token, purpose: "check", caCerts, reports: hub.reports });
  const { link } = agent.snapshot().link;
  const network = checkNetwork({
    hubUrl: config.hub.url,
    proxy,
    transport,
    clock,
    objectStores: [...objectStores].map((origin) => new URL(origin)),
    link: link && (async (inner) => {
      await hub.cloud.delivery.missing([], inner); // needs a token, and a link that has not ended
      return `${link.integration.name} of ${link.account.name}`;
    }),
    signal,
  });
  const lines = [
    ...await checkLocal(config, start),
    ...await Array.fromAsync(network),
    ...checkUploads(config.upload, { clock, timeZone: Temporal.Now.timeZoneId() }),
    ...testDatabase === undefined ? [] : [queryLine(await testDatabase(signal))],
  ];
  return [...lines, ...problemLines(agent.snapshot().problem, lines)];
}

/** What is broken according to `status`, unless something has failed here, which is probably the cause. */
function problemLines(problem: string | null, lines: readonly CheckLine[]): CheckLine[] {
  if (problem === null || lines.some(({ result }) => result === "failed")) return [];
  return [{ name: "Integration", result: "failed", detail: problem }];
}

function queryLine({ ok, message }: AgentAnswer): CheckLine {
  if (ok) return { name: "Query", result: "ok", detail: message };
  return { name: "Query", result: "failed", detail: message, remedy: "Correct the integration in the hub" };
}

/** The same client, which records in `origins` the object stores named by the hub. */
export function notingObjectStores(client: DeliveryClient, origins: Set<string>): DeliveryClient {
  return {
    declare: (batch, signal) => client.declare(batch, signal),
    put: (address, bytes, signal) => client.put(address, bytes, signal),
    complete: (batchId, request, signal) => client.complete(batchId, request, signal),
    sendWhole: (batches, signal) => client.sendWhole(batches, signal),
    missing: (batchIds, signal) => client.missing(batchIds, signal),
    async addresses(batchId, parts, signal) {
      const addresses = await client.addresses(batchId, parts, signal);
      for (const { url } of addresses) {
        if (origins.size < objectStoresMax) origins.add(new URL(url).origin);
      }
      return addresses;
    },
  };
}
