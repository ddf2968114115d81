/** What the hub's endpoints are asked: REST as `/api/openapi.json` describes it, OAuth's forms, the console's forms. */
import type { Json } from "../mutate.ts";
import type { Random } from "../random.ts";
import { type JsonSchema, valueOf } from "./json_schema.ts";
import { type Caller, callers } from "./hub_world.ts";

/** A request, as JSON. `{name}` in path, query and body stands for what the hub's world calls so. */
export interface HubInput {
  readonly as: Caller;
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly type: string | null;
  /** A text is sent as it is, an object as a form when the type is one, else as JSON. */
  readonly body: Json;
}

/** One operation of the description. */
export interface Operation {
  readonly method: string;
  readonly path: string;
  readonly security: readonly Readonly<Record<string, unknown>>[];
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: JsonSchema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>> };
  readonly responses: Readonly<Record<string, unknown>>;
}

/** The operations of a description. */
export function operationsOf(
  description: { paths: Record<string, Record<string, Omit<Operation, "method" | "path">>> },
) {
  return Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, rest]): Operation => ({ ...rest, method: method.toUpperCase(), path }))
  );
}

/** A request for one of the operations. */
export function requestFor(operation: Operation, random: Random): HubInput {
  const { method, path, parameters = [], requestBody, security } = operation;
  const [type = null] = Object.keys(requestBody?.content ?? {});
  const schema = type === null ? undefined : requestBody?.content[type]?.schema;
  const query = parameters.filter((parameter) => parameter.in === "query" && !random.oneIn(3))
    .map(({ name, schema }) => `${name}=${encodeURIComponent(String(valueOf(schema, random)).toWellFormed())}`);
  const right: Caller = security.some((way) => "accessToken" in way)
    ? "agent"
    : security.length > 0
    ? random.pick(["administrator", "session"])
    : "nobody";
  return {
    as: random.oneIn(10) ? random.pick(callers) : right,
    method,
    path: pathOf(path, random),
    query: path.endsWith("/uploads") && !random.oneIn(4) ? "{upload}" : query.join("&"),
    headers: random.oneIn(4) ? random.pick(headers) : {},
    type,
    body: schema === undefined ? null : valueOf(schema, random),
  };
}

const headers: readonly Readonly<Record<string, string>>[] = [
  { prefer: "wait=0" },
  { prefer: "wait=99999999999" },
  { "if-none-match": 'W/"1", "x"' },
  { accept: "application/json" },
  { accept: "text/html" },
  { "accept-language": "nl;q=0.9, de-*;q=x, *" },
  { "content-encoding": "gzip" },
  { "x-forwarded-for": "x, ::ffff:1.2.3.4" },
  { origin: "null" },
  { "sec-fetch-site": "cross-site" },
  { cookie: "cloud-link-session=%ff; flash=%00; __Host-x=%zz" },
  { range: "bytes=0-0,5-" },
];

function pathOf(path: string, random: Random): string {
  const ids = path.includes("/imports/{id}")
    ? ["{import}"]
    : path.includes("/batches/{id}")
    ? ["{batch}"]
    : path.includes("/agent/requests/")
    ? ["r1"]
    : ["{integration}", "{database}", "{database}"];
  const wrong = ["none", "%00", "..%2f..", "%ff", "a".repeat(300), "'\"<", "__proto__"];
  return path.replaceAll(/\{(\w+)\}/g, () => random.oneIn(12) ? random.pick(wrong) : random.pick(ids));
}

const form = "application/x-www-form-urlencoded";
const settings: Readonly<Record<string, readonly string[]>> = {
  databaseType: ["mssql", "mysql", "postgresql", "odbc", "sqlite", "x"],
  host: ["db.example", "", "db\\x", "db.example:1"],
  port: ["5432", "", "0", "65536", "1e3", "-1"],
  database: ["acd", ""],
  user: ["reader", ""],
  password: ["form-password", ""],
  connectionString: ["DSN=acd;", "", "=", "DRIVER={x"],
  file: ["acd.db", "", "../x"],
  kept: ["on", ""],
  dataType: ["interval", "contact", "agent-status", ""],
  intervalMinutes: ["15", "30", "7"],
  timeZone: ["Europe/Berlin", "", "Nowhere/X", "+01:00"],
  query: ["SELECT * FROM t", "", "DELETE FROM t", "SELECT (", "x".repeat(70_000)],
  everyMinutes: ["15", "60", "1"],
  realTime: ["on", ""],
  reconciliation: ["on", ""],
  history: ["2025-01-01", "", "2026-02-30", "9999-12-31", "0000-00-00"],
};

const pageForms: readonly { readonly path: string; readonly fields: Readonly<Record<string, readonly string[]>> }[] = [
  { path: "/login", fields: { name: ["eve", ""], password: ["correct horse", "x", "y".repeat(300)] } },
  { path: "/logout", fields: {} },
  { path: "/account/integrations/new", fields: { name: ["x", ""], type: ["csv", "database", "x"], ...settings } },
  ...["connect", "look"].map((action) => ({
    path: `/account/integrations/{integration}/${action}`,
    fields: { pin: ["{pin}", "123 456", "000000", ""] },
  })),
  ...["save", "rename"].map((action) => ({
    path: `/account/integrations/{database}/${action}`,
    fields: { name: ["x", "", "\t", "y".repeat(256)], ...settings },
  })),
  { path: "/account/integrations/{database}/settings", fields: settings },
  ...["test", "pause", "resume", "delete"].map((action) => ({
    path: `/account/integrations/{database}/${action}`,
    fields: { confirm: ["on", ""], name: ["Database", ""] },
  })),
];

const pages: readonly string[] = [
  "/",
  "/login",
  "/account",
  "/account/integrations",
  "/account/integrations/new",
  "/account/integrations/{integration}",
  "/account/integrations/{database}",
  "/account/integrations/{database}/settings",
  "/account/integrations/{database}/delete",
  "/account/integrations/none",
  "/account/x",
  "/assets/x",
  "/favicon.ico",
];

/** A page, or a form of one. */
export function consoleRequest(random: Random): HubInput {
  const as = random.oneIn(10) ? random.pick(callers) : "session";
  const extra = random.oneIn(4) ? random.pick(headers) : {};
  if (random.oneIn(3)) {
    const query = random.pick([
      "",
      "cursor=x",
      "to=/account",
      "to=//evil.example",
      "page=-1",
      "%ff=%",
      "from=2026-01-01",
    ]);
    return { as, method: "GET", path: random.pick(pages), query, headers: extra, type: null, body: null };
  }
  const { path, fields } = random.pick(pageForms);
  const sent = Object.entries(fields).filter(() => !random.oneIn(6)).map(([name, values]) => {
    const [usual = ""] = values;
    return [name, random.oneIn(3) ? random.pick(values) : usual] as const;
  });
  const csrf = random.oneIn(15) ? [] : [["csrf", random.oneIn(15) ? "x" : "{csrf}"] as const];
  const type = random.oneIn(10)
    ? random.pick(["multipart/form-data; boundary=x", "multipart/form-data", "text/plain", "application/json", ""])
    : form;
  return { as, method: "POST", path, query: "", headers: extra, type, body: Object.fromEntries([...csrf, ...sent]) };
}

/** A form of OAuth, or the registration. */
export function oauthRequest(operation: Operation, random: Random): HubInput {
  const usual = requestFor(operation, random);
  if (usual.type !== form) return { ...usual, as: "nobody" };
  const fields: Record<string, string> = {
    "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    "client_assertion": random.oneIn(6)
      ? random.pick(["", "x.y.z", "eyJhbGciOiJub25lIn0.e30.", "a".repeat(9000)])
      : "{assertion}",
    ...(random.oneIn(3) ? { "client_id": random.pick(["{client}", "x"]) } : {}),
    ...(operation.path.endsWith("/token")
      ? {
        "grant_type": random.pick(["client_credentials", "urn:ietf:params:oauth:grant-type:device_code", "password"]),
        "device_code": random.pick(["{device}", "{device}", "x"]),
      }
      : {}),
  };
  return { ...usual, as: "nobody", body: fields };
}
