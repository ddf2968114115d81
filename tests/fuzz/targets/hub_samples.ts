/** Good examples of what a hub and an agent say to each other: what mutants are made of. */
import type { Assignment } from "../../../src/protocol/assignment.ts";
import type { DatabaseSource } from "../../../src/protocol/database.ts";
import type { BatchDeclaration, Part } from "../../../src/protocol/delivery.ts";
import type { Link } from "../../../src/protocol/linking.ts";
import type { Json } from "../mutate.ts";

/** A link. */
export const link: Link = { id: "l1", account: { id: "a1", name: "Account" }, integration: { id: "i1", name: "ACD" } };

/** A database integration. */
export const databaseSource: DatabaseSource = {
  type: "database",
  databaseType: "postgresql",
  connection: { by: "parts", host: "db.example", port: 5432, database: "acd", user: "reader", password: "Zq7-db-Zq7" },
  dataType: "interval",
  intervalMinutes: 15,
  timeZone: "Europe/Berlin",
  query: "SELECT * FROM t ORDER BY 1;",
  everyMinutes: 15,
  historyFrom: "2025-01-01T00:00:00Z",
  reconciliation: false,
  realTime: false,
};

const sources: readonly (DatabaseSource | { type: "csv" } | null)[] = [
  null,
  { type: "csv" },
  databaseSource,
  {
    ...databaseSource,
    databaseType: "odbc",
    connection: { by: "connectionString", connectionString: "DSN=acd;UID=x;PWD={Zq7-db-Zq7};" },
    dataType: "agent-status",
    timeZone: "America/St_Johns",
    realTime: true,
    reconciliation: true,
    historyFrom: null,
  },
  {
    ...databaseSource,
    databaseType: "sqlite",
    connection: { by: "file", file: "acd.db" },
    dataType: "contact",
    timeZone: "Australia/Lord_Howe",
  },
  { ...databaseSource, connection: { by: "kept" }, databaseType: "mssql" },
];

/** Assignments of every kind. */
export const assignments: readonly Json[] = sources.map((source) => {
  const assignment: Assignment = {
    link,
    paused: false,
    source,
    requests: source?.type === "database"
      ? [{ id: "r1", type: "import-now" }, { id: "r2", type: "test", source }]
      : [{ id: "r1", type: "import-now" }],
    received: { count: 3 },
  };
  return JSON.parse(JSON.stringify(assignment));
});

/** A declared batch. */
export const batch: BatchDeclaration = {
  id: "a".repeat(64),
  linkId: "l1",
  sequence: 1,
  lane: "live",
  origin: { kind: "csv", fileName: "a.csv", modifiedAt: null },
  sha256: "b".repeat(64),
  bytes: 3,
  payloadSha256: "c".repeat(64),
  payloadBytes: 12,
  createdAt: "2026-01-01T00:00:00Z",
};

/** Its part. */
export const part: Part = { offset: 0, bytes: 12, sha256: "c".repeat(64) };

/** What a hub says of itself (RFC 8414). */
export function metadata(origin: string): Json {
  return {
    issuer: origin,
    "token_endpoint": `${origin}/oauth/token`,
    "device_authorization_endpoint": `${origin}/oauth/device_authorization`,
    "registration_endpoint": `${origin}/oauth/register`,
    "grant_types_supported": ["urn:ietf:params:oauth:grant-type:device_code", "client_credentials"],
    "token_endpoint_auth_methods_supported": ["private_key_jwt"],
    "token_endpoint_auth_signing_alg_values_supported": ["ES256"],
    "cloud_link": { version: "0.1.0" },
  };
}
