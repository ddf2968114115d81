// deno-lint-ignore-file camelcase -- the RFCs name the fields
/**
 * The authorization server: metadata (RFC 8414), registration (RFC 7591), device authorization (RFC 8628) and tokens.
 * Clients are installations, each with its own key.
 */
import type { Context, Hono } from "hono";
import {
  clientCredentialsGrantType,
  type DeviceAuthorizationResponse,
  deviceCodeGrantType,
  pinLifetimeSeconds,
  pinPollSeconds,
  RegistrationRequest,
  type ServerMetadata,
  serverMetadataPath,
} from "../../protocol/linking.ts";
import type { Clock } from "../../runtime/clock.ts";
import { version } from "../../runtime/version.ts";
import type { AccessTokens } from "./access_tokens.ts";
import { checkAttempts, recordAttempt } from "../access/attempts.ts";
import { readForm, readJson } from "../http/request_body.ts";
import { clientAddress, networkOf } from "../http/client_address.ts";
import { authenticateClient } from "./client_assertion.ts";
import type { GroupCommit } from "../database/group_commit.ts";
import type { Database } from "../database/schema.ts";
import { newId } from "../ids.ts";
import { formBytesMax, jsonBytesMax, newPinLimits, registrationLimits } from "../limits.ts";
import { refuseOtherMethods } from "../http/mount_endpoints.ts";
import { OAuthRefusal, oauthRefusalResponse } from "./oauth_refusal.ts";
import { isPointOfP256 } from "./p256.ts";
import { issuePin } from "../linking/pins.ts";
import { plainIssues } from "../http/plain_issues.ts";
import { HubProblem } from "../services.ts";
import { clientCredentialsToken, deviceToken, type TokenContext } from "./token_grants.ts";

/** The page on which a PIN is entered; part of the message that agents show. */
const integrationsPagePath = "/account/integrations";

/**
 * `pinKey` is the HMAC key under which PINs are stored; the origin of `publicUrl` is the issuer (RFC 8414, section 2).
 */
export interface OAuthOptions {
  readonly database: Database;
  readonly writes: GroupCommit;
  readonly clock: Clock;
  readonly accessTokens: AccessTokens;
  readonly pinKey: Uint8Array;
  readonly publicUrl: URL;
}

/**
 * Metadata at its well-known path, the endpoints below `/oauth/`. They return RFC 6749's errors instead of problem
 * details.
 */
export function mountOAuth(app: Hono, options: OAuthOptions): void {
  const { origin } = options.publicUrl;
  app.get(serverMetadataPath, (context) => context.json(serverMetadata(origin)));
  app.post("/oauth/register", (context) => told(() => register(context, options)));
  app.post("/oauth/device_authorization", (context) => told(() => authorizeDevice(context, options)));
  app.post("/oauth/token", (context) => told(() => token(context, options)));
  refuseOtherMethods(app, { path: serverMetadataPath, methods: "GET" });
  for (const path of ["/oauth/register", "/oauth/device_authorization", "/oauth/token"]) {
    refuseOtherMethods(app, { path, methods: "POST" });
  }
}

function serverMetadata(origin: string): ServerMetadata & Record<string, unknown> {
  return {
    issuer: origin,
    token_endpoint: `${origin}/oauth/token`,
    device_authorization_endpoint: `${origin}/oauth/device_authorization`,
    registration_endpoint: `${origin}/oauth/register`,
    grant_types_supported: [deviceCodeGrantType, clientCredentialsGrantType],
    response_types_supported: [],
    token_endpoint_auth_methods_supported: ["private_key_jwt"],
    token_endpoint_auth_signing_alg_values_supported: ["ES256"],
    service_documentation: `${origin}/api/openapi.json`,
    cloud_link: { version },
  };
}

async function register(context: Context, options: OAuthOptions): Promise<Response> {
  const body = await readJson(context.req.raw, jsonBytesMax);
  const parsed = RegistrationRequest.safeParse(body);
  if (!parsed.success) {
    const [first] = plainIssues(parsed.error.issues.slice(0, 1), body);
    throw new OAuthRefusal("invalid_client_metadata", `${first?.field || "The body"} ${first?.detail}.`.slice(0, 1000));
  }
  const [key] = parsed.data.jwks.keys;
  if (key === undefined || !isPointOfP256(key)) {
    throw new OAuthRefusal("invalid_client_metadata", "jwks: the key is not a point of P-256.");
  }
  const { database, clock } = options;
  const address = clientAddress(context);
  const id = newId();
  const info = parsed.data.installation;
  await database.transaction().execute(async (transaction) => {
    const buckets = [
      { name: `register:address:${networkOf(address)}`, limit: registrationLimits.address },
      { name: "register:all", limit: registrationLimits.all },
    ];
    await checkAttempts(transaction, { buckets, clock, detail: "Too many registrations." });
    await recordAttempt(transaction, { buckets, clock });
    await transaction.insertInto("installation").values({
      id,
      jwk: JSON.stringify({ kty: key.kty, crv: key.crv, x: key.x, y: key.y, alg: "ES256" }),
      hostName: info?.hostName ?? parsed.data.client_name,
      version: info?.version ?? "",
      system: info?.system ?? "",
      name: info?.name ?? "",
      address,
      registeredAt: clock.now(),
      pinAt: null,
      everLinked: 0,
      lastSeenAt: null,
      report: null,
      reportedAt: null,
      problemSince: null,
    }).execute();
  });
  const registered = {
    client_id: id,
    client_id_issued_at: Math.floor(clock.now() / 1000),
    client_name: parsed.data.client_name,
    token_endpoint_auth_method: "private_key_jwt",
    grant_types: [deviceCodeGrantType, clientCredentialsGrantType],
    jwks: { keys: [key] },
  };
  return context.json(registered, 201, { "Cache-Control": "no-store" });
}

async function authorizeDevice(context: Context, options: OAuthOptions): Promise<Response> {
  const { installationId } = await authenticated(context, options);
  const { database, clock } = options;
  const { origin } = options.publicUrl;
  const { deviceCode, pin } = await database.transaction().execute(async (transaction) => {
    const buckets = [
      { name: `new-pin:installation:${installationId}`, limit: newPinLimits.installation },
      { name: "new-pin:all", limit: newPinLimits.all },
    ];
    await checkAttempts(transaction, { buckets, clock, detail: "Too many new PINs." });
    await recordAttempt(transaction, { buckets, clock });
    await transaction.updateTable("installation").set({ pinAt: clock.now(), address: clientAddress(context) })
      .where("id", "=", installationId).execute();
    return await issuePin(transaction, { installationId, key: options.pinKey, clock });
  });
  const body: DeviceAuthorizationResponse = {
    device_code: deviceCode,
    user_code: pin,
    verification_uri: `${origin}${integrationsPagePath}`,
    expires_in: pinLifetimeSeconds,
    interval: pinPollSeconds,
  };
  return context.json(body, 200, { "Cache-Control": "no-store" });
}

async function token(context: Context, options: OAuthOptions): Promise<Response> {
  const { installationId, form } = await authenticated(context, options);
  const grants: TokenContext = { ...options, installationId };
  const grantType = form.get("grant_type");
  if (grantType === deviceCodeGrantType) {
    return context.json(await deviceToken(form.get("device_code") ?? "", grants), 200, { "Cache-Control": "no-store" });
  }
  if (grantType === clientCredentialsGrantType) {
    return context.json(await clientCredentialsToken(grants), 200, { "Cache-Control": "no-store" });
  }
  throw new OAuthRefusal(
    "unsupported_grant_type",
    `Only ${deviceCodeGrantType} and ${clientCredentialsGrantType} are accepted here.`,
  );
}

async function authenticated(context: Context, options: OAuthOptions) {
  const form = await readForm(context.req.raw, formBytesMax);
  const { origin } = options.publicUrl;
  const { installationId } = await authenticateClient(form, {
    database: options.database,
    writes: options.writes,
    clock: options.clock,
    audiences: [origin, `${origin}/`, `${origin}/oauth/token`, `${origin}/oauth/device_authorization`],
  });
  return { installationId, form };
}

/** Turns any refusal into the form that OAuth clients read. */
async function told(answer: () => Promise<Response>): Promise<Response> {
  try {
    return await answer();
  } catch (error) {
    if (error instanceof OAuthRefusal) return oauthRefusalResponse(error);
    if (!(error instanceof HubProblem)) throw error;
    const { retryAfterSeconds } = error;
    switch (error.code) {
      case "too-many-requests":
        return oauthRefusalResponse(
          new OAuthRefusal("temporarily_unavailable", error.message, { status: 429, retryAfterSeconds }),
        );
      case "unavailable":
        return oauthRefusalResponse(
          new OAuthRefusal("temporarily_unavailable", error.message, { status: 503, retryAfterSeconds }),
        );
      default:
        return oauthRefusalResponse(
          new OAuthRefusal("invalid_request", error.message, { status: error.code === "too-large" ? 413 : 400 }),
        );
    }
  }
}
