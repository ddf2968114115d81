/** The steps from an empty database to the present schema; each runs once, in a transaction of its own. */
import { type Kysely, sql } from "kysely";
import type { Database, DatabaseTransaction, Tables } from "./schema.ts";
import { newSecret } from "../ids.ts";

const first = [
  `create table account (id text primary key, name text not null, created_at bigint not null)`,
  `create table "user" (id text primary key, account_id text not null references account (id), name text not null unique,
    role text not null, password text not null, created_at bigint not null)`,
  `create table session (hash text primary key, user_id text not null references "user" (id) on delete cascade,
    csrf_token text not null, created_at bigint not null, expires_at bigint not null)`,
  `create table api_token (id text primary key, account_id text not null references account (id), name text not null,
    role text not null, hash text not null unique, created_at bigint not null, last_used_at bigint,
    unique (account_id, name))`,
  `create table integration (id text primary key, account_id text not null references account (id), name text not null,
    type text not null, settings text not null, draft integer not null, paused integer not null, paused_at bigint,
    created_at bigint not null, deleted_at bigint, import_count bigint not null, last_import_at bigint)`,
  `create index integration_by_name on integration (account_id, name, id)`,
  `create table installation (id text primary key, jwk text not null, host_name text not null, version text not null,
    system text not null, name text not null, address text not null, registered_at bigint not null, pin_at bigint,
    ever_linked integer not null, last_seen_at bigint, report text, reported_at bigint, problem_since bigint)`,
  `create table link (id text primary key, integration_id text not null references integration (id),
    installation_id text not null references installation (id), created_at bigint not null, ended_at bigint,
    end_reason text)`,
  `create unique index link_current_integration on link (integration_id) where ended_at is null`,
  `create unique index link_current_installation on link (installation_id) where ended_at is null`,
  `create index link_by_integration on link (integration_id, ended_at)`,
  `create index link_by_installation on link (installation_id, ended_at)`,
  `create table device (id text primary key,
    installation_id text not null references installation (id) on delete cascade, device_code_hash text not null unique,
    pin_hmac text unique, state text not null, expires_at bigint not null, polled_at bigint,
    interval_seconds integer not null, link_id text)`,
  `create index device_by_installation on device (installation_id)`,
  `create index device_by_expiry on device (expires_at)`,
  `create table assertion (installation_id text not null references installation (id) on delete cascade,
    jti_hash text not null, expires_at bigint not null, primary key (installation_id, jti_hash))`,
  `create index assertion_by_expiry on assertion (expires_at)`,
  `create table attempt (id text primary key, bucket text not null, at bigint not null)`,
  `create index attempt_by_bucket on attempt (bucket, at)`,
  `create index attempt_by_time on attempt (at)`,
  `create table request (id text primary key, integration_id text not null references integration (id),
    link_id text not null references link (id), body text not null, type text not null, created_at bigint not null,
    answer text, answered_at bigint)`,
  `create index request_by_link on request (link_id, created_at)`,
  `create table batch (id text primary key, integration_id text not null references integration (id),
    link_id text not null references link (id), batch_id text not null, sequence bigint not null, lane text not null,
    origin text not null, file_name text not null, sha256 text not null, bytes bigint not null,
    payload_sha256 text not null, payload_bytes bigint not null, created_at bigint not null, declared_at bigint not null,
    folder text not null, received_at bigint, rows bigint, unique (integration_id, batch_id))`,
  `create index batch_received on batch (integration_id, received_at desc, id desc) where received_at is not null`,
  `create index batch_declared on batch (declared_at) where received_at is null`,
  `create table batch_parts (batch text primary key references batch (id) on delete cascade, parts text not null)`,
  `create table change (id integer primary key autoincrement, topic text not null, at bigint not null)`,
];

const steps: readonly ((transaction: DatabaseTransaction) => Promise<void>)[] = [
  async (transaction) => {
    for (const statement of first) await sql.raw(statement).execute(transaction);
    for (const key of ["tokenKey", "uploadKey", "pinKey"]) {
      await transaction.insertInto("meta").values({ key, value: newSecret() }).execute();
    }
  },
];

/** Brings the schema up to date. Fails when it is newer than this program. */
export async function migrate(database: Database): Promise<void> {
  await sql.raw(`create table if not exists meta (key text primary key, value text not null)`).execute(database);
  for (;;) {
    const done = await database.transaction().execute(async (transaction) => {
      const version = await schemaVersion(transaction);
      if (version > steps.length) {
        throw new Error(
          `Cannot open the hub's database: it was written by a newer version (schema ${version}, this one knows ` +
            `${steps.length}). Start that version, or restore a backup`,
        );
      }
      const step = steps[version];
      if (step === undefined) return true;
      await step(transaction);
      await transaction.insertInto("meta").values({ key: "schema", value: String(version + 1) })
        .onConflict((conflict) => conflict.column("key").doUpdateSet({ value: String(version + 1) })).execute();
      return false;
    });
    if (done) return;
  }
}

async function schemaVersion(database: Kysely<Tables>): Promise<number> {
  const row = await database.selectFrom("meta").select("value").where("key", "=", "schema").executeTakeFirst();
  return row === undefined ? 0 : Number(row.value);
}
