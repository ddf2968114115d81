/** An installation made of requests alone: registers a key, shows a PIN, delivers files. After the standards, with `jose`. */
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { createHash, randomUUID } from "node:crypto";
import { promisify } from "node:util";
import { zstdCompress } from "node:zlib";
import type { BatchDeclaration, Part, PartsAnswer } from "../../src/protocol/delivery.ts";
import {
  clientAssertionType,
  DeviceAuthorizationResponse,
  deviceCodeGrantType,
  type InstallationInfo,
  RegistrationResponse,
  TokenResponse,
} from "../../src/protocol/linking.ts";

/** How it goes on once its PIN was typed. */
export interface SimulatedInstallation {
  readonly info: InstallationInfo;
  /** Six digits. */
  newPin(): Promise<string>;
  /** Whoever typed the last PIN has pressed Connect. */
  linked(): Promise<void>;
  /** Reports that nothing waits. */
  report(): Promise<void>;
  deliver(file: { name: string; content: string }): Promise<void>;
}

/** Registers one at the hub. */
export async function simulateInstallation(hub: URL, hostName: string): Promise<SimulatedInstallation> {
  const { publicKey, privateKey } = await generateKeyPair("ES256");
  const { kty, crv, x, y } = await exportJWK(publicKey);
  const info = { hostName, version: "0.1.0", system: "linux 6.1.0 x86_64", name: "com.injixo.cloud-link" };
  const { client_id: clientId } = RegistrationResponse.parse(
    await send(new URL("/oauth/register", hub), {
      json: {
        client_name: hostName,
        token_endpoint_auth_method: "private_key_jwt",
        grant_types: [deviceCodeGrantType, "client_credentials"],
        jwks: { keys: [{ kty, crv, x, y }] },
        installation: info,
      },
    }),
  );
  const ask = async (path: string, parameters: Record<string, string>) => {
    const assertion = await new SignJWT().setProtectedHeader({ alg: "ES256" }).setIssuer(clientId).setSubject(clientId)
      .setAudience(hub.origin).setJti(randomUUID()).setIssuedAt().setExpirationTime("1m").sign(privateKey);
    const form = { "client_assertion_type": clientAssertionType, "client_assertion": assertion, ...parameters };
    return await send(new URL(path, hub), { form });
  };
  let deviceCode = "";
  let link: { token: string; linkId: string; integrationId: string } | undefined;
  let sequence = 0;
  return {
    info,
    async newPin() {
      const answer = DeviceAuthorizationResponse.parse(
        await ask("/oauth/device_authorization", { client_id: clientId }),
      );
      deviceCode = answer.device_code;
      return answer.user_code;
    },
    async linked() {
      const answer = TokenResponse.parse(
        await ask("/oauth/token", { grant_type: deviceCodeGrantType, device_code: deviceCode }),
      );
      link = { token: answer.access_token, linkId: answer.link.id, integrationId: answer.link.integration.id };
    },
    async report() {
      const report = { version: info.version, waiting: { batches: 0, bytes: 0 }, problem: null };
      await send(new URL("/api/v1/agent/status", hub), { json: report, token: link?.token ?? "", method: "PUT" });
    },
    async deliver({ name, content }) {
      if (link === undefined) throw new Error("Not linked: call linked() first.");
      await deliver(hub, { ...link, name, content, sequence: ++sequence });
    },
  };
}

interface Delivery {
  readonly token: string;
  readonly linkId: string;
  readonly integrationId: string;
  readonly name: string;
  readonly content: string;
  readonly sequence: number;
}

async function deliver(hub: URL, { token, linkId, integrationId, name, content, sequence }: Delivery): Promise<void> {
  const bytes = new TextEncoder().encode(content);
  const payload = new Uint8Array(await promisify(zstdCompress)(bytes));
  const id = sha256(new TextEncoder().encode(JSON.stringify([integrationId, sha256(bytes)])));
  const declaration: BatchDeclaration = {
    id,
    linkId,
    sequence,
    lane: "live",
    origin: { kind: "csv", fileName: name, modifiedAt: null },
    sha256: sha256(bytes),
    bytes: bytes.length,
    payloadSha256: sha256(payload),
    payloadBytes: payload.length,
    createdAt: new Date().toISOString(),
  };
  const parts: Part[] = [{ offset: 0, bytes: payload.length, sha256: sha256(payload) }];
  const batches = new URL("/api/v1/agent/batches", hub);
  await send(batches, { json: declaration, token });
  const { addresses: [address] } = await send(`${batches}/${id}/parts`, { json: { parts }, token }) as PartsAnswer;
  if (address === undefined) throw new Error("The hub gave no address for the part.");
  const put = await fetch(address.url, { method: "PUT", headers: address.headers, body: payload });
  await put.body?.cancel();
  if (!put.ok) throw new Error(`The hub refused the part: ${put.status}.`);
  await send(`${batches}/${id}/complete`, { json: { parts }, token });
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

type Body =
  | { readonly json: unknown; readonly token?: string; readonly method?: "PUT" }
  | { readonly form: Record<string, string> };

async function send(url: URL | string, body: Body): Promise<unknown> {
  const answer = await fetch(url, {
    method: "json" in body && body.method !== undefined ? body.method : "POST",
    headers: {
      ...("json" in body ? { "content-type": "application/json" } : {}),
      ...("json" in body && body.token ? { authorization: `Bearer ${body.token}` } : {}),
    },
    body: "json" in body ? JSON.stringify(body.json) : new URLSearchParams(body.form),
  });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
  return answer.status === 204 ? undefined : await answer.json();
}
