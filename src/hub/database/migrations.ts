/** The steps from an empty database to the current schema; each runs once, in its own transaction. */
import { type Kysely, sql } from "kysely";
import type { Database, DatabaseTransaction, Tables } from "./schema.ts";
import { newSecret } from "../ids.ts";

const first = [
  `create table account (id text primary key, name text not null, createdAt bigint not null)`,
  `create table "user" (id text primary key, accountId text not null references account (id), name text not null unique,
    role text not null, password text not null, createdAt bigint not null)`,
  `create table session (hash text primary key, userId text not null references "user" (id) on delete cascade,
    csrfToken text not null, createdAt bigint not null, expiresAt bigint not null)`,
  `create table apiToken (id text primary key, accountId text not null references account (id), name text not null,
    role text not null, hash text not null unique, createdAt bigint not null, lastUsedAt bigint,
    unique (accountId, name))`,
  `create table integration (id text primary key, accountId text not null references account (id), name text not null,
    type text not null, settings text not null, draft integer not null, paused integer not null, pausedAt bigint,
    createdAt bigint not null, deletedAt bigint, importCount bigint not null, lastImportAt bigint)`,
  `create index integrationByName on integration (accountId, name, id)`,
  `create table installation (id text primary key, jwk text not null, hostName text not null, version text not null,
    system text not null, name text not null, address text not null, registeredAt bigint not null, pinAt bigint,
    everLinked integer not null, lastSeenAt bigint, report text, reportedAt bigint, problemSince bigint)`,
  `create table link (id text primary key, integrationId text not null references integration (id),
    installationId text not null references installation (id), createdAt bigint not null, endedAt bigint,
    endReason text)`,
  `create unique index linkCurrentIntegration on link (integrationId) where endedAt is null`,
  `create unique index linkCurrentInstallation on link (installationId) where endedAt is null`,
  `create index linkByIntegration on link (integrationId, endedAt)`,
  `create index linkByInstallation on link (installationId, endedAt)`,
  `create table device (id text primary key,
    installationId text not null references installation (id) on delete cascade, deviceCodeHash text not null unique,
    pinHmac text unique, state text not null, expiresAt bigint not null, polledAt bigint,
    intervalSeconds integer not null, linkId text)`,
  `create index deviceByInstallation on device (installationId)`,
  `create index deviceByExpiry on device (expiresAt)`,
  `create table assertion (installationId text not null references installation (id) on delete cascade,
    jtiHash text not null, expiresAt bigint not null, primary key (installationId, jtiHash))`,
  `create index assertionByExpiry on assertion (expiresAt)`,
  `create table attempt (id text primary key, bucket text not null, at bigint not null)`,
  `create index attemptByBucket on attempt (bucket, at)`,
  `create index attemptByTime on attempt (at)`,
  `create table request (id text primary key, integrationId text not null references integration (id),
    linkId text not null references link (id), body text not null, type text not null, createdAt bigint not null,
    answer text, answeredAt bigint)`,
  `create index requestByLink on request (linkId, createdAt)`,
  `create table batch (id text primary key, integrationId text not null references integration (id),
    linkId text not null references link (id), batchId text not null, sequence bigint not null, lane text not null,
    origin text not null, fileName text not null, sha256 text not null, bytes bigint not null,
    payloadSha256 text not null, payloadBytes bigint not null, createdAt bigint not null, declaredAt bigint not null,
    folder text not null, receivedAt bigint, rows bigint, unique (integrationId, batchId))`,
  `create index batchReceived on batch (integrationId, receivedAt desc, id desc) where receivedAt is not null`,
  `create index batchDeclared on batch (declaredAt) where receivedAt is null`,
  `create table batchParts (batch text primary key references batch (id) on delete cascade, parts text not null)`,
  `create table object (key text primary key, bytes blob not null) without rowid`,
  `create table change (id integer primary key autoincrement, topic text not null, at bigint not null)`,
];

const databaseIntegrations = [
  `create table pendingLoad (batch text primary key references batch (id) on delete cascade,
    integrationId text not null, live integer not null)`,
  `create index pendingLoadByIntegration on pendingLoad (integrationId)`,
  `create index requestByIntegration on request (integrationId, type, createdAt)`,
];

const loadOutcomes = [
  `alter table integration add newestLoadAt bigint`,
  `alter table integration add loadError text`,
  `alter table integration add loadFailedSince bigint`,
  `alter table batch add loadError text`,
  // Reloads everything, which records the outcome of each load and changes no row.
  `delete from meta where key = 'rows'`,
];

const liveData = [
  `alter table integration add lastLiveAt bigint`,
  `alter table integration add activeSince bigint`,
];

/** For the highest sequence number of an integration, which every assignment tells. */
const batchSequences = [`create index batchSequence on batch (integrationId, sequence)`];

const linkEpochs = [
  `alter table link add epoch bigint not null default 0`,
  `update link set epoch = createdAt`,
];

const damagedBatches = [
  `alter table batch add damagedAt bigint`,
  `create index batchDamaged on batch (integrationId) where damagedAt is not null`,
];

type Step = (transaction: DatabaseTransaction) => Promise<void>;

const steps: readonly Step[] = [
  async (transaction) => {
    await run(first)(transaction);
    for (const key of ["tokenKey", "uploadKey", "pinKey"]) {
      await transaction.insertInto("meta").values({ key, value: newSecret() }).execute();
    }
  },
  run(databaseIntegrations),
  run(["drop table change"]),
  run(loadOutcomes),
  run(liveData),
  run(batchSequences),
  run(linkEpochs),
  run(damagedBatches),
];

function run(statements: readonly string[]): Step {
  return async (transaction) => {
    for (const statement of statements) await sql.raw(statement).execute(transaction);
  };
}

/** Brings the schema up to date. Fails if it is newer than this program. */
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
