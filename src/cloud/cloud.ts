/**
 * The hub, as the agent sees it: one object for everything asked of it. Network, clock and the identity's store are
 * handed in.
 */
import type { AssignmentClient, DeliveryClient, LinkingClient } from "../agent/ports.ts";
import type { InstallationInfo } from "../protocol/linking.ts";
import type { Clock } from "../runtime/clock.ts";
import { AccessTokens } from "./access_tokens.ts";
import { AgentApi } from "./agent_api.ts";
import { assignmentClient } from "./assignment_client.ts";
import { deliveryClient } from "./delivery_client.ts";
import { HubClock } from "./hub_clock.ts";
import { HubHttp } from "./hub_http.ts";
import type { IdentityStore } from "./identity.ts";
import { linkingClient } from "./linking_client.ts";
import { OAuth } from "./oauth.ts";
import type { Transports } from "./transport.ts";

/** What the clients need. */
export interface CloudOptions {
  /** Origin of the hub. */
  readonly hubUrl: URL;
  readonly transports: Transports;
  readonly clock: Clock;
  readonly identities: IdentityStore;
  readonly info: InstallationInfo;
  /** The hub has given a proper answer, neither too busy nor from someone else: pending retries may go now. */
  readonly onAnswer?: () => void;
}

/** The clients of one hub. They share the token and what is known about the hub's clock. */
export interface Cloud {
  readonly linking: LinkingClient;
  readonly assignment: AssignmentClient;
  readonly delivery: DeliveryClient;
}

/** Creates the clients; sends nothing yet. */
export function createCloud(options: CloudOptions): Cloud {
  const { hubUrl, transports, clock, identities, info } = options;
  const hubClock = new HubClock(clock);
  const http = new HubHttp({ hubUrl, clock, hubClock, onAnswer: options.onAnswer ?? (() => {}) });
  const oauth = new OAuth({ http, transport: transports.api, identities, info });
  const tokens = new AccessTokens({ clock, request: (signal) => oauth.tokenOfLink(signal) });
  const api = new AgentApi({ http, tokens });
  return {
    linking: linkingClient({ oauth, tokens, api, transport: transports.api }),
    assignment: assignmentClient({ api, transports }),
    delivery: deliveryClient({ api, transports }),
  };
}
