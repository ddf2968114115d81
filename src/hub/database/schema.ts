/**
 * The hub's tables as Kysely sees them. Instants are integers (ms since the epoch), truth is 0 or 1, JSON is text: what
 * SQLite and PostgreSQL both have.
 */
import type { Generated, Kysely, Transaction } from "kysely";

export interface Tables {
  /** The hub's own secrets and the version of the schema. */
  meta: { key: string; value: string };
  account: { id: string; name: string; created_at: number };
  user: { id: string; account_id: string; name: string; role: string; password: string; created_at: number };
  session: { hash: string; user_id: string; csrf_token: string; created_at: number; expires_at: number };
  api_token: {
    id: string;
    account_id: string;
    name: string;
    role: string;
    hash: string;
    created_at: number;
    last_used_at: number | null;
  };
  integration: {
    id: string;
    account_id: string;
    name: string;
    type: string;
    /** JSON: what the type needs; `{}` for csv. */
    settings: string;
    draft: number;
    paused: number;
    paused_at: number | null;
    created_at: number;
    deleted_at: number | null;
    import_count: number;
    last_import_at: number | null;
  };
  installation: {
    id: string;
    /** JSON: the public key (RFC 7517). */
    jwk: string;
    host_name: string;
    version: string;
    system: string;
    name: string;
    address: string;
    registered_at: number;
    /** When it last asked for a PIN. */
    pin_at: number | null;
    ever_linked: number;
    last_seen_at: number | null;
    /** JSON: the last `AgentStatusReport`. */
    report: string | null;
    reported_at: number | null;
    /** Since when the report has a problem. */
    problem_since: number | null;
  };
  link: {
    id: string;
    integration_id: string;
    installation_id: string;
    created_at: number;
    ended_at: number | null;
    end_reason: string | null;
  };
  /** A PIN that was given out (RFC 8628). */
  device: {
    id: string;
    installation_id: string;
    device_code_hash: string;
    /** `null` once it has expired: until then no other installation gets this PIN. */
    pin_hmac: string | null;
    state: "pending" | "approved" | "replaced";
    expires_at: number;
    polled_at: number | null;
    interval_seconds: number;
    link_id: string | null;
  };
  /** Client assertions that were used (RFC 7523), until they expire. */
  assertion: { installation_id: string; jti_hash: string; expires_at: number };
  attempt: { id: string; bucket: string; at: number };
  request: {
    id: string;
    integration_id: string;
    link_id: string;
    /** JSON without the id. */
    body: string;
    type: string;
    created_at: number;
    answer: string | null;
    answered_at: number | null;
  };
  batch: {
    id: string;
    integration_id: string;
    link_id: string;
    /** The agent's id of it. */
    batch_id: string;
    sequence: number;
    lane: string;
    /** JSON: `BatchOrigin`. */
    origin: string;
    file_name: string;
    sha256: string;
    bytes: number;
    payload_sha256: string;
    payload_bytes: number;
    created_at: number;
    declared_at: number;
    /** Where its objects are: see `object_keys.ts`. */
    folder: string;
    received_at: number | null;
    rows: number | null;
  };
  /** The parts of a received batch of several parts, JSON. */
  batch_parts: { batch: string; parts: string };
  change: { id: Generated<number>; topic: string; at: number };
}

export type Database = Kysely<Tables>;
export type DatabaseTransaction = Transaction<Tables>;
