/** The network part of `check` when no agent is running: through its own relay, in the command's environment. */
import type { Config } from "../config/config.ts";
import type { CheckLine } from "../control/check_line.ts";
import { allowedHosts } from "../egress/allowed_hosts.ts";
import { ConnectionReports } from "../egress/connection_reports.ts";
import { EgressTransport } from "../egress/egress_client.ts";
import { checkNetwork } from "../egress/network_checks.ts";
import { startRelay } from "../egress/start_relay.ts";
import { systemClock } from "../runtime/clock.ts";
import { proxyTroubleLines } from "./local_checks.ts";
import { lookAtNetwork, type NetworkSurroundings } from "./run/surroundings.ts";
import { errorText } from "../runtime/error_text.ts";

/** Checks everything on the way to the hub, and the hub. */
export async function checkNetworkHere(config: Config, signal: AbortSignal): Promise<readonly CheckLine[]> {
  let surroundings: NetworkSurroundings;
  try {
    surroundings = await lookAtNetwork(config);
  } catch (error) {
    // The address of a proxy or a CA file is not usable: the message says what to do.
    return [{ name: "Proxy and CA", result: "failed", detail: errorText(error) }];
  }
  const { proxy, proxyTroubles, caCerts } = surroundings;
  const hubUrl = config.hub.url;
  const allowed = allowedHosts({ hubUrl, objectStoreHosts: config.hub.objectStoreHosts });
  await using relay = await startRelay({ allowed, proxy });
  using reports = new ConnectionReports(relay.reports(), { nowMs: () => systemClock.monotonicMs() });
  const { port, token } = relay;
  using transport = new EgressTransport({ port, token, purpose: "check", caCerts, reports });
  const lines = await Array.fromAsync(
    checkNetwork({ hubUrl, proxy, transport, clock: systemClock, objectStores: [], link: undefined, signal }),
  );
  // Only the agent knows whether it is linked.
  return [...proxyTroubleLines(proxyTroubles), ...lines.filter((line) => line.name !== "Link")];
}
