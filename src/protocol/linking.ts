/**
 * How an installation is linked: OAuth 2.0 device authorization grant (RFC 8628) with the PIN as `user_code`, dynamic
 * client registration (RFC 7591) of a key that the agent made itself, and `private_key_jwt` (RFC 7523) from then on.
 *
 * The client id is the installation's id. Its first token comes by the device grant, every later one by
 * `client_credentials`; both carry the link.
 */
import * as z from "zod";

/** Where a hub describes itself (RFC 8414). */
export const serverMetadataPath = "/.well-known/oauth-authorization-server";
/** Grant type of the token request while the PIN is shown (RFC 8628, section 3.4). */
export const deviceCodeGrantType = "urn:ietf:params:oauth:grant-type:device_code";
/** Grant type of every later token request (RFC 6749, section 4.4). */
export const clientCredentialsGrantType = "client_credentials";
/** `client_assertion_type` of `private_key_jwt` (RFC 7523, section 2.2). */
export const clientAssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** `DELETE` by the agent gives its own link up (204): it was linked to an account that it does not want. */
export const agentLinkPath = "/api/v1/agent/link";

/** How long a PIN lives, in seconds. */
export const pinLifetimeSeconds = 300;
/** How often the token endpoint may be asked while a PIN is shown, in seconds. */
export const pinPollSeconds = 5;

/** Six digits. */
export const Pin: z.ZodString = z.string().regex(/^[0-9]{6}$/, "six digits");

/** An id that the hub gave: letters, digits, `-` and `_`. */
export const Id: z.ZodString = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/);

/** The part of RFC 8414's metadata that agents read. `cloud_link` tells a hub from any other authorization server. */
export const ServerMetadata = z.object({
  issuer: z.url(),
  token_endpoint: z.url(),
  device_authorization_endpoint: z.url(),
  registration_endpoint: z.url(),
  grant_types_supported: z.array(z.string()),
  token_endpoint_auth_methods_supported: z.array(z.string()),
  token_endpoint_auth_signing_alg_values_supported: z.array(z.string()),
  cloud_link: z.object({ version: z.string().max(64) }),
});
export type ServerMetadata = z.infer<typeof ServerMetadata>;

/** What an installation says of itself: shown in the hub before and after linking. */
export const InstallationInfo = z.object({
  hostName: z.string().max(255),
  /** The agent's version. */
  version: z.string().max(64),
  /** Operating system, release and architecture, e.g. `linux 6.1.0 x86_64`. */
  system: z.string().max(255),
  /** `[app] name`. */
  name: z.string().max(255),
});
export type InstallationInfo = z.infer<typeof InstallationInfo>;

/** RFC 7591, section 2: the public half of the installation's ES256 key. */
export const RegistrationRequest = z.object({
  client_name: z.string().max(255),
  token_endpoint_auth_method: z.literal("private_key_jwt"),
  grant_types: z.array(z.string().max(128)).max(8),
  jwks: z.object({
    keys: z.array(
      z.object({
        kty: z.literal("EC"),
        crv: z.literal("P-256"),
        x: z.string().max(64),
        y: z.string().max(64),
        kid: z.string().max(128).optional(),
        alg: z.literal("ES256").optional(),
        use: z.literal("sig").optional(),
      }),
    ).length(1),
  }),
  installation: InstallationInfo.optional(),
});
export type RegistrationRequest = z.infer<typeof RegistrationRequest>;

/** RFC 7591, section 3.2.1. */
export const RegistrationResponse = z.object({ client_id: Id });
export type RegistrationResponse = z.infer<typeof RegistrationResponse>;

/** RFC 8628, section 3.2. There is no `verification_uri_complete`: a link with the PIN in it would invite phishing. */
export const DeviceAuthorizationResponse = z.object({
  device_code: z.string().min(16).max(512),
  user_code: Pin,
  verification_uri: z.url(),
  expires_in: z.number().int().positive().max(3600),
  interval: z.number().int().nonnegative().max(60).default(pinPollSeconds),
});
export type DeviceAuthorizationResponse = z.infer<typeof DeviceAuthorizationResponse>;

const Named = z.object({ id: Id, name: z.string().max(255) });

/** The tie between one installation and one integration. A new Connect makes a new link, with a new id. */
export const Link = z.object({ id: Id, account: Named, integration: Named });
export type Link = z.infer<typeof Link>;

/** RFC 6749, section 5.1, with the link. */
export const TokenResponse = z.object({
  access_token: z.string().max(8192),
  // Any case; a flag would be lost in the API's description.
  token_type: z.string().regex(/^[Bb][Ee][Aa][Rr][Ee][Rr]$/),
  expires_in: z.number().int().positive(),
  link: Link,
});
export type TokenResponse = z.infer<typeof TokenResponse>;

/**
 * RFC 6749, section 5.2, and RFC 8628, section 3.5. `invalid_client`: the hub does not know this key;
 * `unauthorized_client`: it does, but the installation is not linked (any longer).
 */
export const OAuthError = z.object({
  error: z.enum([
    "authorization_pending",
    "slow_down",
    "expired_token",
    "access_denied",
    "invalid_request",
    "invalid_client",
    "invalid_client_metadata",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "temporarily_unavailable",
    "server_error",
  ]).or(z.string().max(64)),
  error_description: z.string().max(1024).optional(),
});
export type OAuthError = z.infer<typeof OAuthError>;
