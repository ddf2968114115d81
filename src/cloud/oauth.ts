/**
 * The hub's authorization server: registration of the installation's key, PINs and tokens. All requests here are
 * authenticated by the key.
 */
import type * as z from "zod";
import {
  clientCredentialsGrantType,
  deviceCodeGrantType,
  type InstallationInfo,
  RegistrationResponse,
  type ServerMetadata,
  TokenResponse,
} from "../protocol/linking.ts";
import { HubError } from "../agent/ports.ts";
import { clientAuthentication } from "./client_authentication.ts";
import { discover } from "./discovery.ts";
import { type Answer, errorOfOAuth, OAuthRefusal } from "./hub_answers.ts";
import { type HubHttp, jsonOf } from "./hub_http.ts";
import { type Identity, type IdentityStore, newIdentity, publicJwk, type Registration } from "./identity.ts";
import type { Transport } from "./transport.ts";

/** Smallest correction of the hub's time that justifies retrying a refused assertion, in ms. */
const clockCorrectionMsMin = 10_000;

/** What {@linkcode OAuth} needs. */
export interface OAuthOptions {
  readonly http: HubHttp;
  readonly transport: Transport;
  readonly identities: IdentityStore;
  readonly info: InstallationInfo;
}

/** A client of the hub's authorization server. */
export class OAuth {
  readonly #options: OAuthOptions;
  #metadata: ServerMetadata | undefined;

  constructor(options: OAuthOptions) {
    this.#options = options;
  }

  /** Whether the hub knows this installation's key, as far as is known locally. */
  get isRegistered(): boolean {
    return this.#registration(this.#options.identities.load()) !== undefined;
  }

  /** Generates a key if there is none, and registers it (RFC 7591). */
  async register(signal: AbortSignal): Promise<void> {
    const { identities, info } = this.#options;
    const metadata = await this.#discover(signal);
    const stored = identities.load();
    // A key known to another hub is not shown to this one.
    const identity = stored === undefined || stored.registration !== undefined ? await newIdentity() : stored;
    identities.save(identity);
    const url = new URL(metadata.registration_endpoint);
    const body = JSON.stringify({
      client_name: `injixo Cloud Link on ${info.hostName}`.slice(0, 255),
      token_endpoint_auth_method: "private_key_jwt",
      grant_types: [deviceCodeGrantType, clientCredentialsGrantType],
      jwks: { keys: [{ ...publicJwk(identity.privateKey), alg: "ES256", use: "sig" }] },
      installation: info,
    });
    const headers = { "content-type": "application/json", accept: "application/json" };
    const answer = await this.#post(url, { headers, body }, signal);
    const { client_id: clientId } = this.#successOf(answer, RegistrationResponse, url);
    identities.save({ ...identity, registration: { clientId, hubUrl: this.#options.http.hubUrl.origin } });
  }

  /** Posts a form to the device authorization endpoint. */
  async authorizeDevice<T>(schema: z.ZodType<T>, signal: AbortSignal): Promise<T> {
    const metadata = await this.#discover(signal);
    return await this.#authenticated(new URL(metadata.device_authorization_endpoint), { form: {}, schema, signal });
  }

  /** Asks for the token of a PIN that may have been entered by now. */
  tokenOfPin(deviceCode: string, signal: AbortSignal): Promise<TokenResponse> {
    return this.#token({ grant_type: deviceCodeGrantType, device_code: deviceCode }, signal);
  }

  /** Asks for a token of the link. */
  tokenOfLink(signal: AbortSignal): Promise<TokenResponse> {
    return this.#token({ grant_type: clientCredentialsGrantType }, signal);
  }

  async #token(form: Record<string, string>, signal: AbortSignal): Promise<TokenResponse> {
    const metadata = await this.#discover(signal);
    return await this.#authenticated(new URL(metadata.token_endpoint), { form, schema: TokenResponse, signal });
  }

  /** Sends a form with proof of the key; retries once if it was refused because the clock turned out to be wrong. */
  async #authenticated<T>(
    url: URL,
    options: { form: Record<string, string>; schema: z.ZodType<T>; signal: AbortSignal },
  ): Promise<T> {
    const { hubClock } = this.#options.http;
    const before = { hubMs: hubClock.now(), monotonicMs: this.#options.http.clock.monotonicMs() };
    try {
      return await this.#authenticatedOnce(url, options);
    } catch (error) {
      if (!(error instanceof OAuthRefusal) || error.code !== "invalid_client") throw error;
      const expectedMs = before.hubMs + this.#options.http.clock.monotonicMs() - before.monotonicMs;
      if (Math.abs(hubClock.now() - expectedMs) < clockCorrectionMsMin) throw error;
      return await this.#authenticatedOnce(url, options);
    }
  }

  async #authenticatedOnce<T>(
    url: URL,
    options: { form: Record<string, string>; schema: z.ZodType<T>; signal: AbortSignal },
  ): Promise<T> {
    const metadata = await this.#discover(options.signal);
    const identity = this.#options.identities.load();
    const registration = this.#registration(identity);
    if (identity === undefined || registration === undefined) {
      const message = "This installation is not registered with the hub: a new PIN is needed.";
      throw new OAuthRefusal("invalid_client", new HubError(message, { kind: "unknown-installation" }));
    }
    const nowMs = this.#options.http.hubClock.now();
    const proof = await clientAuthentication(identity, { registration, audience: metadata.issuer, nowMs });
    const body = new URLSearchParams({ ...options.form, ...proof }).toString();
    const headers = { "content-type": "application/x-www-form-urlencoded", accept: "application/json" };
    const answer = await this.#post(url, { headers, body }, options.signal);
    return this.#successOf(answer, options.schema, url);
  }

  #post(url: URL, options: { headers: Record<string, string>; body: string }, signal: AbortSignal): Promise<Answer> {
    return this.#options.http.send(this.#options.transport, { method: "POST", url, ...options }, signal);
  }

  #successOf<T>(answer: Answer, schema: z.ZodType<T>, url: URL): T {
    const { http } = this.#options;
    if (answer.status < 200 || answer.status > 299) {
      const error = errorOfOAuth(answer, { url, nowMs: http.hubClock.now() });
      // A PIN not entered yet is still an answer; an unknown or unlinked installation gets none.
      if (error instanceof OAuthRefusal && error.hubError.kind === "refused") http.onAnswer();
      throw error;
    }
    const value = jsonOf(answer, schema, { url });
    http.onAnswer();
    return value;
  }

  async #discover(signal: AbortSignal): Promise<ServerMetadata> {
    return this.#metadata ??= await discover(this.#options.http, this.#options.transport, signal);
  }

  #registration(identity: Identity | undefined): Registration | undefined {
    const registration = identity?.registration;
    return registration?.hubUrl === this.#options.http.hubUrl.origin ? registration : undefined;
  }
}
