/**
 * The hub's tables as Kysely sees them. Instants are integers (ms since the epoch), booleans are 0 or 1, JSON is text.
 */
import type { Kysely, Transaction } from "kysely";

/** By table, in camel case here and in the database alike; `migrations.ts` creates them. */
export interface Tables {
  /** The hub's own secrets and the version of the schema. */
  meta: { key: string; value: string };
  account: { id: string; name: string; createdAt: number };
  user: { id: string; accountId: string; name: string; role: string; password: string; createdAt: number };
  session: { hash: string; userId: string; csrfToken: string; createdAt: number; expiresAt: number };
  apiToken: {
    id: string;
    accountId: string;
    name: string;
    role: string;
    hash: string;
    createdAt: number;
    lastUsedAt: number | null;
  };
  integration: {
    id: string;
    accountId: string;
    name: string;
    type: string;
    /** JSON: what the type needs (`settings/database_settings.ts`); `{}` for csv and for drafts. */
    settings: string;
    draft: number;
    paused: number;
    pausedAt: number | null;
    createdAt: number;
    deletedAt: number | null;
    importCount: number;
    lastImportAt: number | null;
    /** When the newest batch whose loading has finished was received. */
    newestLoadAt: number | null;
    /** Why that batch could not be loaded; `null` when it was. */
    loadError: string | null;
    /** When the first of the batches that failed to load since the last success was received. */
    loadFailedSince: number | null;
    /** When the newest live batch that could be loaded was received. */
    lastLiveAt: number | null;
    /** When it was last saved, resumed or given new settings. */
    activeSince: number | null;
  };
  installation: {
    id: string;
    /** JSON: the public key (RFC 7517). */
    jwk: string;
    hostName: string;
    version: string;
    system: string;
    name: string;
    address: string;
    registeredAt: number;
    /** When it last asked for a PIN. */
    pinAt: number | null;
    everLinked: number;
    lastSeenAt: number | null;
    /** JSON: the last `AgentStatusReport`, with the `runs` that reported (`twins.ts`). */
    report: string | null;
    reportedAt: number | null;
    /** Since when the report has a problem. */
    problemSince: number | null;
  };
  link: {
    id: string;
    integrationId: string;
    installationId: string;
    createdAt: number;
    endedAt: number | null;
    endReason: string | null;
    /** Whose batches win: those of the highest epoch (`rows/coverage.ts`). Grows even if the clock is set back. */
    epoch: number;
  };
  /** An issued PIN (RFC 8628). */
  device: {
    id: string;
    installationId: string;
    deviceCodeHash: string;
    /** `null` once it has expired: until then no other installation gets this PIN. */
    pinHmac: string | null;
    state: "pending" | "approved" | "replaced";
    expiresAt: number;
    polledAt: number | null;
    intervalSeconds: number;
    linkId: string | null;
  };
  /** Used client assertions (RFC 7523), until they expire. */
  assertion: { installationId: string; jtiHash: string; expiresAt: number };
  attempt: { id: string; bucket: string; at: number };
  request: {
    id: string;
    integrationId: string;
    linkId: string;
    /** JSON without the id. */
    body: string;
    type: string;
    createdAt: number;
    answer: string | null;
    answeredAt: number | null;
  };
  batch: {
    id: string;
    integrationId: string;
    linkId: string;
    /** The agent's id for it. */
    batchId: string;
    sequence: number;
    lane: string;
    /** JSON: `BatchOrigin`. */
    origin: string;
    fileName: string;
    sha256: string;
    bytes: number;
    payloadSha256: string;
    payloadBytes: number;
    createdAt: number;
    declaredAt: number;
    /** Where its objects are; see `object_keys.ts`. */
    folder: string;
    receivedAt: number | null;
    rows: number | null;
    /** Why its rows could not be loaded. */
    loadError: string | null;
    /** When its content was found to be gone or not what was received: the agent is asked for it again. */
    damagedAt: number | null;
  };
  /** The parts of a received batch of several parts, JSON. */
  batchParts: { batch: string; parts: string };
  /** Small objects; see `small_objects.ts`. */
  object: { key: string; bytes: Uint8Array };
  /** Received batches of rows that are not in the tables of `rows/` yet. */
  pendingLoad: { batch: string; integrationId: string; live: number };
}

/** The hub's database, for services that open their own transactions. */
export type Database = Kysely<Tables>;
/** A running transaction, for what must be committed together with the caller's changes. */
export type DatabaseTransaction = Transaction<Tables>;
