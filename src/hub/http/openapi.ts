/**
 * The API's description, OpenAPI 3.1, generated from the endpoints and their schemas, so that it cannot differ from
 * what is served.
 */
import { Problem, type ProblemCode } from "../../protocol/problem.ts";
import { version } from "../../runtime/version.ts";
import type { Audience, Endpoint } from "./endpoint.ts";
import { oauthPaths } from "../oauth/oauth_paths.ts";
import { type Json, jsonSchema, operationId, problem } from "./openapi_parts.ts";
import { problemStatus } from "./problem_response.ts";

/** Problems that any request of this audience may get. */
const usualProblems: Readonly<Record<Audience, readonly ProblemCode[]>> = {
  nobody: [],
  // Wrong API tokens count towards a limit.
  reader: ["not-authenticated", "too-many-requests"],
  administrator: ["not-authenticated", "too-many-requests", "forbidden"],
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
        "Errors are problem details (RFC 9457); the address in their `type` says what it means. A known path with " +
        "another method than those here is answered 405 with `Allow`.",
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
          headers: { "Retry-After": { description: "With 429 and 503: seconds", schema: { type: "integer" } } },
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
    operationId: operationId(endpoint.method, endpoint.path),
    summary: endpoint.summary,
    tags: [endpoint.tag],
    security: security[endpoint.audience],
    parameters: [...parameters, ...queryParameters(endpoint)],
    ...requestBody(endpoint),
    responses: { ...answers(endpoint), ...problems(endpoint) },
  };
}

function requestBody({ body, bodyType }: Endpoint): Json {
  if (body !== undefined) {
    return { requestBody: { required: true, content: { "application/json": { schema: jsonSchema(body, "input") } } } };
  }
  return bodyType === undefined ? {} : { requestBody: { required: true, content: { [bodyType]: {} } } };
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
  const codes: ProblemCode[] = [...usualProblems[endpoint.audience], ...(endpoint.problems ?? []), "internal"];
  if (endpoint.body !== undefined || endpoint.query !== undefined) codes.push("invalid-request");
  // A body that breaks off is not what was announced.
  if (endpoint.body !== undefined) codes.push("too-large", "checksum-mismatch");
  if (endpoint.path.includes(":")) codes.push("not-found");
  return Object.fromEntries(
    [...new Set(codes.map(problemStatus))].map((status) => [status, problem]),
  );
}
