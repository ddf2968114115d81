/** The API's description, OpenAPI 3.1, made of the endpoints and their schemas: it cannot differ from what is served. */
import * as z from "zod";
import {
  DeviceAuthorizationResponse,
  deviceCodeGrantType,
  OAuthError,
  RegistrationRequest,
  RegistrationResponse,
  ServerMetadata,
  serverMetadataPath,
  TokenResponse,
} from "../protocol/linking.ts";
import { Problem, type ProblemCode } from "../protocol/problem.ts";
import { version } from "../runtime/version.ts";
import type { Audience, Endpoint } from "./endpoint.ts";
import { problemStatus } from "./problem_response.ts";

type Json = Record<string, unknown>;

/** Schemas with a name of their own in the document. */
const usualProblems: Readonly<Record<Audience, readonly ProblemCode[]>> = {
  nobody: [],
  reader: ["not-authenticated"],
  administrator: ["not-authenticated", "forbidden"],
  agent: ["not-authenticated", "unlinked"],
};

const security: Readonly<Record<Audience, readonly Json[]>> = {
  nobody: [],
  reader: [{ apiToken: [] }, { session: [] }],
  administrator: [{ apiToken: [] }, { session: [] }],
  agent: [{ accessToken: [] }],
};

/** The document for a hub at `publicUrl`. */
export function openApi(endpoints: readonly Endpoint[], options: { publicUrl: URL }): Json {
  const paths: Record<string, Json> = oauthPaths();
  for (const endpoint of endpoints) {
    const path = endpoint.path.replaceAll(/:([a-z]+)/g, "{$1}");
    paths[path] = { ...paths[path], [endpoint.method]: operation(endpoint) };
  }
  const { origin } = options.publicUrl;
  return {
    openapi: "3.1.0",
    info: {
      title: "injixo Cloud Link hub",
      version,
      description: "Integrations, linking and what has been imported; and what installations use. " +
        "Errors are problem details (RFC 9457).",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: origin }],
    paths,
    components: {
      securitySchemes: {
        apiToken: { type: "http", scheme: "bearer", description: "From `hub token add`." },
        session: {
          type: "apiKey",
          in: "cookie",
          name: options.publicUrl.protocol === "https:" ? "__Host-cloud-link-session" : "cloud-link-session",
          description: "Of the console. Requests that change something must come from its own pages.",
        },
        accessToken: {
          type: "oauth2",
          description: "Of a linked installation: device grant first, client credentials afterwards, private_key_jwt.",
          flows: { clientCredentials: { tokenUrl: `${origin}/oauth/token`, scopes: {} } },
        },
      },
      responses: {
        Problem: {
          description: "Problem details (RFC 9457)",
          content: { "application/problem+json": { schema: jsonSchema(Problem, "output") } },
        },
      },
    },
  };
}

function operation(endpoint: Endpoint): Json {
  const parameters = [...endpoint.path.matchAll(/:([a-z]+)/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  return {
    summary: endpoint.summary,
    tags: [endpoint.tag],
    security: security[endpoint.audience],
    parameters: [...parameters, ...queryParameters(endpoint)],
    ...(endpoint.body === undefined ? {} : {
      requestBody: {
        required: true,
        content: { "application/json": { schema: jsonSchema(endpoint.body, "input") } },
      },
    }),
    responses: { ...answers(endpoint), ...problems(endpoint) },
  };
}

function queryParameters(endpoint: Endpoint): Json[] {
  if (endpoint.query === undefined) return [];
  const { properties = {}, required = [] } = jsonSchema(endpoint.query, "input") as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: "query",
    required: required.includes(name),
    schema,
  }));
}

function answers(endpoint: Endpoint): Json {
  return Object.fromEntries(
    Object.entries(endpoint.responses).map(([status, { description, schema, contentType, json }]) => {
      const contents = {
        ...(schema === undefined && contentType !== undefined
          ? content(contentType, { type: "string", format: "binary" })
          : {}),
        ...(schema === undefined ? {} : content(contentType ?? "application/json", jsonSchema(schema, "output"))),
        ...(json === undefined ? {} : content("application/json", jsonSchema(json, "output"))),
      };
      return [status, { description, ...(Object.keys(contents).length === 0 ? {} : { content: contents }) }];
    }),
  );
}

function content(type: string, schema: Json): Json {
  return { [type]: { schema } };
}

function problems(endpoint: Endpoint): Json {
  const codes: ProblemCode[] = [...usualProblems[endpoint.audience], ...(endpoint.problems ?? [])];
  if (endpoint.body !== undefined || endpoint.query !== undefined) codes.push("invalid-request");
  if (endpoint.path.includes(":")) codes.push("not-found");
  return Object.fromEntries(
    [...new Set(codes.map(problemStatus))].map((status) => [status, { $ref: "#/components/responses/Problem" }]),
  );
}

/** The OAuth endpoints have shapes of their own (RFC 6749), so they are no `Endpoint`s. */
function oauthPaths(): Record<string, Json> {
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
  return {
    [serverMetadataPath]: {
      get: {
        summary: "Metadata (RFC 8414)",
        tags: ["linking"],
        security: [],
        responses: { 200: { description: "Metadata", ...json(ServerMetadata) } },
      },
    },
    "/oauth/register": {
      post: {
        summary: "Register an installation's key (RFC 7591)",
        tags: ["linking"],
        security: [],
        requestBody: {
          required: true,
          content: { "application/json": { schema: jsonSchema(RegistrationRequest, "input") } },
        },
        responses: { 201: { description: "Registered", ...json(RegistrationResponse) }, 400: refusal, 429: refusal },
      },
    },
    "/oauth/device_authorization": {
      post: {
        summary: "A new PIN (RFC 8628)",
        tags: ["linking"],
        security: [],
        requestBody: form([], {}),
        responses: {
          200: { description: "The PIN", ...json(DeviceAuthorizationResponse) },
          400: refusal,
          401: refusal,
          429: refusal,
        },
      },
    },
    "/oauth/token": {
      post: {
        summary: `An access token: ${deviceCodeGrantType} or client_credentials`,
        tags: ["linking"],
        security: [],
        requestBody: form(["grant_type"], { grant_type: { type: "string" }, device_code: { type: "string" } }),
        responses: { 200: { description: "The token", ...json(TokenResponse) }, 400: refusal, 401: refusal },
      },
    },
  };
}

function jsonSchema(schema: z.ZodType, io: "input" | "output"): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io,
    unrepresentable: "any",
    override({ jsonSchema }) {
      // Clients must bear members that a newer hub has added.
      if (io === "output") delete jsonSchema.additionalProperties;
    },
  });
  return rest;
}
