/** Finds out whether the configured address is a hub, and where its endpoints are (RFC 8414). */
import {
  clientCredentialsGrantType,
  deviceCodeGrantType,
  ServerMetadata,
  serverMetadataPath,
} from "../protocol/linking.ts";
import { errorOfAnswer, notAHub } from "./hub_answers.ts";
import { type HubHttp, jsonOf } from "./hub_http.ts";
import type { Transport } from "./transport.ts";

/** Largest metadata, in bytes. */
const metadataBytesMax = 64 * 1024;

/** The hub's description of itself. Throws {@linkcode HubError}, `not-a-hub` if it is not one. */
export async function discover(http: HubHttp, transport: Transport, signal: AbortSignal): Promise<ServerMetadata> {
  const url = new URL(serverMetadataPath, http.hubUrl);
  const request = { method: "GET", url, answerBytesMax: metadataBytesMax } as const;
  const answer = await http.send(transport, request, signal);
  if (answer.status === 404) throw notAHub(`${url.host} has no ${url.pathname}.`);
  if (answer.status !== 200) throw errorOfAnswer(answer, { url, nowMs: http.hubClock.now() });
  const metadata = jsonOf(answer, ServerMetadata, { url });
  checkOrigins(metadata, http.hubUrl);
  checkCapabilities(metadata, http.hubUrl);
  return metadata;
}

/** Nothing the hub says may make the agent prove its key to, or for, somebody else (RFC 8414, section 3.3). */
function checkOrigins(metadata: ServerMetadata, hubUrl: URL): void {
  const { issuer, token_endpoint, device_authorization_endpoint, registration_endpoint } = metadata;
  const stranger = [issuer, token_endpoint, device_authorization_endpoint, registration_endpoint]
    .find((url) => new URL(url).origin !== hubUrl.origin);
  if (stranger === undefined) return;
  throw notAHub(
    `${hubUrl.origin} says that its address is ${new URL(stranger).origin}: if that is right, set [hub] url to it.`,
  );
}

function checkCapabilities(metadata: ServerMetadata, hubUrl: URL): void {
  const lacks = [
    metadata.grant_types_supported.includes(deviceCodeGrantType) ? "" : "linking by PIN",
    metadata.grant_types_supported.includes(clientCredentialsGrantType) ? "" : "the grant client_credentials",
    metadata.token_endpoint_auth_methods_supported.includes("private_key_jwt") ? "" : "private_key_jwt",
    metadata.token_endpoint_auth_signing_alg_values_supported.includes("ES256") ? "" : "ES256",
  ].filter((what) => what !== "");
  if (lacks.length > 0) throw notAHub(`${hubUrl.host} does not support ${lacks.join(", ")}.`);
}
