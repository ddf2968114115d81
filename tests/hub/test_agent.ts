/**
 * An installation as the hub sees it, made of `fetch` and `jose` alone: it registers a key, shows a PIN and delivers,
 * and leaves every step to the test.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { zstdCompressSync } from "node:zlib";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import type {
  BatchDeclaration,
  DeclarationAnswer,
  Part,
  PartsAnswer,
  Receipt,
  WholeBatchAnswer,
} from "../../src/protocol/delivery.ts";
import { singlePartBytesMax } from "../../src/protocol/delivery.ts";
import { clientAssertionType, deviceCodeGrantType, type Link } from "../../src/protocol/linking.ts";
import { assertEquals } from "../assert.ts";
import { fetchWithin } from "./fetch_within.ts";
import type { HubClient } from "./hub_client.ts";

/** A batch and its payload. */
export interface TestBatch {
  readonly declaration: BatchDeclaration;
  readonly payload: Uint8Array<ArrayBuffer>;
  readonly parts: readonly Part[];
}

export class TestAgent {
  readonly url: string;
  readonly clientId: string;
  readonly key: CryptoKey;
  link: Link | undefined;
  token: string | undefined;
  /** How far the hub's clock is ahead, in seconds. */
  clockShiftSeconds = 0;
  #sequence = 0;

  private constructor(options: { url: string; clientId: string; key: CryptoKey }) {
    this.url = options.url;
    this.clientId = options.clientId;
    this.key = options.key;
  }

  /** Makes a key and registers it. */
  static async register(url: string, options: { hostName?: string } = {}): Promise<TestAgent> {
    const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
    const { kty, crv, x, y } = await exportJWK(publicKey);
    const response = await fetch(`${url}/oauth/register`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        "client_name": options.hostName ?? "acd-server",
        "token_endpoint_auth_method": "private_key_jwt",
        "grant_types": [deviceCodeGrantType, "client_credentials"],
        jwks: { keys: [{ kty, crv, x, y }] },
        installation: {
          hostName: options.hostName ?? "acd-server",
          version: "0.1.0",
          system: "linux 6.1.0 x86_64",
          name: "com.injixo.cloud-link",
        },
      }),
    });
    const body = await response.json();
    assertEquals(response.status, 201, JSON.stringify(body));
    return new TestAgent({ url, clientId: body.client_id, key: privateKey });
  }

  /** Registers, shows a PIN, has `admin` type it, and fetches a token. */
  static async linked(admin: HubClient, integrationId: string): Promise<TestAgent> {
    const agent = await TestAgent.register(admin.url);
    await agent.linkTo(admin, integrationId);
    return agent;
  }

  /** Links it, maybe once more. */
  async linkTo(admin: HubClient, integrationId: string): Promise<void> {
    const { pin, deviceCode } = await this.showPin();
    await admin.connect(integrationId, pin);
    assertEquals(await this.fetchToken(deviceCode), undefined);
  }

  /** A signed assertion; `claims` replaces what it would say. */
  assertion(claims: Record<string, unknown> = {}): Promise<string> {
    const now = Math.floor(Date.now() / 1000) + this.clockShiftSeconds;
    return new SignJWT({
      iss: this.clientId,
      sub: this.clientId,
      aud: this.url,
      jti: crypto.randomUUID(),
      iat: now,
      exp: now + 60,
      ...claims,
    }).setProtectedHeader({ alg: "ES256" }).sign(this.key);
  }

  /** A POST of a form with an assertion. */
  async form(path: string, fields: Record<string, string> = {}): Promise<Response> {
    const body = new URLSearchParams({
      "client_assertion_type": clientAssertionType,
      "client_assertion": fields["client_assertion"] ?? await this.assertion(),
      ...fields,
    });
    return await fetchWithin(`${this.url}${path}`, { method: "POST", body });
  }

  async showPin(): Promise<{ pin: string; deviceCode: string }> {
    const response = await this.form("/oauth/device_authorization");
    const body = await response.json();
    assertEquals(response.status, 200, JSON.stringify(body));
    return { pin: body.user_code, deviceCode: body.device_code };
  }

  /** A poll of the token endpoint; answers the error's code, or `undefined` when there is a token. */
  async fetchToken(deviceCode?: string): Promise<string | undefined> {
    const response = await this.form(
      "/oauth/token",
      deviceCode === undefined
        ? { "grant_type": "client_credentials" }
        : { "grant_type": deviceCodeGrantType, "device_code": deviceCode },
    );
    const body = await response.json();
    if (response.status !== 200) return body.error;
    this.token = body.access_token;
    this.link = body.link;
    return undefined;
  }

  /** Any request with the access token; the caller reads the body. */
  request(method: string, path: string, options: { json?: unknown; headers?: Record<string, string> } = {}) {
    return fetchWithin(`${this.url}/api/v1/agent/${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(options.json === undefined ? {} : { "content-type": "application/json" }),
        ...options.headers,
      },
      ...(options.json === undefined ? {} : { body: JSON.stringify(options.json) }),
    });
  }

  /** A CSV file as a batch of this link, in parts of `partBytes`. */
  batch(fileName: string, content: Uint8Array | string, options: { partBytes?: number } = {}): TestBatch {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    const payload = new Uint8Array(zstdCompressSync(bytes));
    const partBytes = payload.length <= singlePartBytesMax ? payload.length : options.partBytes ?? 1024 * 1024;
    const parts: Part[] = [];
    for (let offset = 0; offset < payload.length; offset += partBytes) {
      const part = payload.subarray(offset, offset + partBytes);
      parts.push({ offset, bytes: part.length, sha256: sha256(part) });
    }
    const link = this.link;
    if (link === undefined) throw new Error("not linked");
    const declaration: BatchDeclaration = {
      id: sha256(new TextEncoder().encode(`${link.integration.id}\n${fileName}\n${sha256(bytes)}`)),
      linkId: link.id,
      sequence: ++this.#sequence,
      lane: "live",
      origin: { kind: "csv", fileName, modifiedAt: null },
      sha256: sha256(bytes),
      bytes: bytes.length,
      payloadSha256: sha256(payload),
      payloadBytes: payload.length,
      createdAt: new Date().toISOString(),
    };
    return { declaration, payload, parts };
  }

  async declare(batch: TestBatch): Promise<DeclarationAnswer> {
    return await expectJson(await this.request("POST", "batches", { json: batch.declaration }));
  }

  async addresses(batch: TestBatch, parts: readonly Part[] = batch.parts): Promise<PartsAnswer["addresses"]> {
    const response = await this.request("POST", `batches/${batch.declaration.id}/parts`, { json: { parts } });
    return (await expectJson<PartsAnswer>(response)).addresses;
  }

  complete(batch: TestBatch, parts: readonly Part[] = batch.parts): Promise<Response> {
    return this.request("POST", `batches/${batch.declaration.id}/complete`, { json: { parts } });
  }

  /** Batches with their payloads in one request; the caller reads the body. */
  requestWhole(batches: readonly TestBatch[]): Promise<Response> {
    const json = {
      batches: batches.map(({ declaration, payload }) => ({
        declaration,
        payload: Buffer.from(payload).toString("base64"),
      })),
    };
    return this.request("POST", "batches/whole", { json });
  }

  /** What the hub says of each. */
  async whole(batches: readonly TestBatch[]): Promise<readonly WholeBatchAnswer[]> {
    return (await expectJson<{ answers: WholeBatchAnswer[] }>(await this.requestWhole(batches))).answers;
  }

  /** Sends parts of a declared batch. */
  async send(batch: TestBatch, parts: readonly Part[]): Promise<void> {
    for (let start = 0; start < parts.length; start += 64) {
      const some = parts.slice(start, start + 64);
      const addresses = await this.addresses(batch, some);
      for (const [index, part] of some.entries()) {
        const address = addresses[index];
        if (address === undefined) throw new Error("too few addresses");
        const response = await put(address, batch.payload.subarray(part.offset, part.offset + part.bytes));
        assertEquals(response.status, 204, await response.text());
      }
    }
  }

  /** The whole way. */
  async deliver(batch: TestBatch): Promise<Receipt> {
    const declared = await this.declare(batch);
    if (declared.state === "received") return declared.receipt;
    const here = new Set(declared.parts.map((part) => part.sha256));
    await this.send(batch, batch.parts.filter((part) => !here.has(part.sha256)));
    for (;;) {
      const response = await this.complete(batch);
      if (response.status !== 202) return await expectJson(response);
      await response.body?.cancel();
    }
  }
}

/** PUTs bytes to a signed address. */
export function put(
  address: { url: string; headers: Record<string, string> },
  bytes: Uint8Array<ArrayBuffer>,
): Promise<Response> {
  return fetchWithin(address.url, { method: "PUT", headers: address.headers, body: bytes });
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

async function expectJson<Body>(response: Response): Promise<Body> {
  const text = await response.text();
  assertEquals(response.status, 200, text);
  return JSON.parse(text) as Body;
}
