/** The description of the OAuth endpoints: they have their own formats (RFC 6749), so they are not `Endpoint`s. */
import type * as z from "zod";
import {
  DeviceAuthorizationResponse,
  deviceCodeGrantType,
  OAuthError,
  RegistrationRequest,
  RegistrationResponse,
  ServerMetadata,
  serverMetadataPath,
  TokenResponse,
} from "../../protocol/linking.ts";
import { type Json, jsonSchema, operationId, problem } from "../http/openapi_parts.ts";

/** Their paths, as OpenAPI has them. */
export function oauthPaths(): Record<string, Json> {
  const refusal = {
    description: "RFC 6749, section 5.2",
    content: { "application/json": { schema: jsonSchema(OAuthError, "output") } },
  };
  const json = (schema: z.ZodType) => ({ content: { "application/json": { schema: jsonSchema(schema, "output") } } });
  const form = (required: readonly string[], properties: Json) => ({
    required: true,
    content: {
      "application/x-www-form-urlencoded": {
        schema: {
          type: "object",
          required: [...required, "client_assertion_type", "client_assertion"],
          properties: {
            ...properties,
            client_id: { type: "string" },
            client_assertion_type: { type: "string" },
            client_assertion: { type: "string", description: "ES256 JWT (RFC 7523)" },
          },
        },
      },
    },
  });
  const post = (path: string, operation: Json & { responses: Json }) => ({
    post: {
      operationId: operationId("post", path),
      tags: ["linking"],
      security: [],
      ...operation,
      responses: { ...operation.responses, 400: refusal, 413: refusal, 500: problem },
    },
  });
  return {
    [serverMetadataPath]: {
      get: {
        operationId: operationId("get", serverMetadataPath),
        summary: "Metadata (RFC 8414)",
        tags: ["linking"],
        security: [],
        responses: { 200: { description: "Metadata", ...json(ServerMetadata) } },
      },
    },
    "/oauth/register": post("/oauth/register", {
      summary: "Register an installation's key (RFC 7591)",
      requestBody: {
        required: true,
        content: { "application/json": { schema: jsonSchema(RegistrationRequest, "input") } },
      },
      responses: { 201: { description: "Registered", ...json(RegistrationResponse) }, 429: refusal },
    }),
    "/oauth/device_authorization": post("/oauth/device_authorization", {
      summary: "A new PIN (RFC 8628)",
      requestBody: form([], {}),
      responses: {
        200: { description: "The PIN", ...json(DeviceAuthorizationResponse) },
        401: refusal,
        429: refusal,
        503: refusal,
      },
    }),
    "/oauth/token": post("/oauth/token", {
      summary: `An access token: ${deviceCodeGrantType} or client_credentials`,
      requestBody: form(["grant_type"], { grant_type: { type: "string" }, device_code: { type: "string" } }),
      responses: { 200: { description: "The token", ...json(TokenResponse) }, 401: refusal },
    }),
  };
}
