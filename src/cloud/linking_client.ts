/** Asks the hub for a PIN, and whether it has been entered (RFC 8628). */
import { HubError, type LinkingClient, type PinPoll } from "../agent/ports.ts";
import { agentLinkPath, DeviceAuthorizationResponse, type Link } from "../protocol/linking.ts";
import type { AccessTokens } from "./access_tokens.ts";
import { type AgentApi, asHubError } from "./agent_api.ts";
import { OAuthRefusal } from "./hub_answers.ts";
import type { OAuth } from "./oauth.ts";
import type { Transport } from "./transport.ts";

/** Makes the agent's {@linkcode LinkingClient}. */
export function linkingClient(
  options: { oauth: OAuth; tokens: AccessTokens; api: AgentApi; transport: Transport },
): LinkingClient {
  const { oauth, tokens, api, transport } = options;
  return {
    requestPin: (signal) => asHubError(() => requestPin(oauth, signal)),

    pollPin: (deviceCode, signal) => asHubError(() => pollPin({ oauth, tokens, deviceCode, signal })),

    async giveUp(_link: Link, signal) {
      try {
        await api.send({ method: "DELETE", path: agentLinkPath, transport, signal });
      } catch (error) {
        if (!(error instanceof HubError && error.kind === "unlinked")) throw error;
      } finally {
        tokens.drop(undefined);
      }
    },
  };
}

/** Registers first if the hub does not, or no longer, know the key: it forgets keys that were never linked. */
async function requestPin(oauth: OAuth, signal: AbortSignal): Promise<DeviceAuthorizationResponse> {
  if (oauth.isRegistered) {
    try {
      return await oauth.authorizeDevice(DeviceAuthorizationResponse, signal);
    } catch (error) {
      if (!(error instanceof OAuthRefusal) || error.code !== "invalid_client") throw error;
    }
  }
  await oauth.register(signal);
  return await oauth.authorizeDevice(DeviceAuthorizationResponse, signal);
}

async function pollPin(
  options: { oauth: OAuth; tokens: AccessTokens; deviceCode: string; signal: AbortSignal },
): Promise<PinPoll> {
  try {
    const response = await options.oauth.tokenOfPin(options.deviceCode, options.signal);
    options.tokens.put(response);
    return { state: "linked", link: response.link };
  } catch (error) {
    if (!(error instanceof OAuthRefusal)) throw error;
    switch (error.code) {
      case "authorization_pending":
        return { state: "pending" };
      case "slow_down":
        return { state: "slow-down" };
      case "expired_token":
      case "invalid_grant":
        return { state: "expired" };
      case "access_denied":
        return { state: "denied" };
      default:
        throw error;
    }
  }
}
