/** Integrations of an account. */
import { getLogger } from "@logtape/logtape";
import type { Clock } from "../runtime/clock.ts";
import type { ChangeFeed } from "./agents/change_feed.ts";
import { decodeCursor, encodeCursor } from "./http/cursor.ts";
import { type ExpressionBuilder, sql } from "kysely";
import type { Database, DatabaseTransaction, Tables } from "./database/schema.ts";
import { newId } from "./ids.ts";
import { pageItemsDefault, pageItemsMax } from "./limits.ts";
import { endLink } from "./linking/end_link.ts";
import type { SecretBox } from "./settings/secret_box.ts";
import { type SettingsInput, storedSettings } from "./settings/database_settings.ts";
import { askForTest, savedTestBody } from "./settings/source_tests.ts";
import { sealedSettings } from "./settings/store_settings.ts";
import { type Actor, HubProblem, type Integration, type Integrations, type Page } from "./services.ts";
import { type IntegrationRow, integrationView } from "./views.ts";

const log = getLogger(["cloud-link", "hub"]);

/** Every change wakes the agent's poll and the console's streams, so that both sides see it at once. */
export class StoredIntegrations implements Integrations {
  readonly #database: Database;
  readonly #changes: ChangeFeed;
  readonly #clock: Clock;
  readonly #box: SecretBox;
  readonly #onRemoved: () => void;
  readonly #loadingFailsSinceMs: (integrationId: string) => number | undefined;

  constructor(options: {
    database: Database;
    changes: ChangeFeed;
    clock: Clock;
    box: SecretBox;
    /** Called when one was deleted, so that its rows can be removed. */
    onRemoved: () => void;
    /** Since when the hub cannot load what has arrived for an integration. */
    loadingFailsSinceMs: (integrationId: string) => number | undefined;
  }) {
    this.#box = options.box;
    this.#onRemoved = options.onRemoved;
    this.#loadingFailsSinceMs = options.loadingFailsSinceMs;
    this.#database = options.database;
    this.#changes = options.changes;
    this.#clock = options.clock;
  }

  async list(
    actor: Actor,
    options: { cursor?: string | undefined; limit?: number | undefined } = {},
  ): Promise<Page<Integration>> {
    const limit = Math.min(options.limit ?? pageItemsDefault, pageItemsMax);
    let query = integrationRows(this.#database, actor).orderBy("integration.name").orderBy("integration.id")
      .limit(limit + 1);
    if (options.cursor !== undefined) {
      const [name, id] = decodeCursor(options.cursor, "string");
      query = query.where(({ eb, or, and }) =>
        or([
          eb("integration.name", ">", name),
          and([eb("integration.name", "=", name), eb("integration.id", ">", id)]),
        ])
      );
    }
    const rows = await query.execute();
    const items = rows.slice(0, limit).map((row) => this.#view(row));
    const last = items.at(-1);
    return {
      items,
      next: rows.length > limit && last !== undefined ? encodeCursor([last.name, last.id]) : null,
    };
  }

  async get(actor: Actor, id: string): Promise<Integration> {
    return this.#view(await integrationRow(this.#database, { actor, id }));
  }

  async create(
    actor: Actor,
    integration: {
      name: string;
      type: "csv" | "database";
      draft?: boolean | undefined;
      settings?: SettingsInput | undefined;
    },
  ): Promise<Integration> {
    mayChange(actor);
    const id = newId();
    const settings = this.#settings(integration.settings, { ...integration, id, beforeJson: "{}" });
    await this.#database.insertInto("integration").values({
      id,
      accountId: actor.account.id,
      name: integration.name,
      type: integration.type,
      settings,
      draft: integration.draft === true ? 1 : 0,
      paused: 0,
      pausedAt: null,
      createdAt: this.#clock.now(),
      deletedAt: null,
      importCount: 0,
      lastImportAt: null,
      newestLoadAt: null,
      loadError: null,
      loadFailedSince: null,
      lastLiveAt: null,
      activeSince: integration.draft === true ? null : this.#clock.now(),
    }).execute();
    logDone(actor, "added", { id, name: integration.name });
    return await this.get(actor, id);
  }

  async change(
    actor: Actor,
    options: {
      id: string;
      name?: string | undefined;
      paused?: boolean | undefined;
      draft?: false | undefined;
      settings?: SettingsInput | undefined;
    },
  ): Promise<Integration> {
    mayChange(actor);
    const { id } = options;
    const done = await this.#database.transaction().execute(async (transaction) => {
      const before = await integrationRow(transaction, { actor, id });
      const paused = options.paused ?? before.paused === 1;
      const draft = options.draft !== false && before.draft === 1;
      const settings = this.#settings(options.settings, { type: before.type, draft, id, beforeJson: before.settings });
      const nowMs = this.#clock.now();
      const isNew = !draft && before.draft === 1;
      const isResumed = !paused && before.paused === 1;
      await transaction.updateTable("integration").set({
        name: options.name ?? before.name,
        draft: draft ? 1 : 0,
        settings,
        paused: paused ? 1 : 0,
        pausedAt: paused ? before.pausedAt ?? nowMs : null,
        activeSince: isNew || isResumed || settings !== before.settings ? nowMs : before.activeSince,
      }).where("id", "=", id).execute();
      if (storedSettings(settings) !== undefined && (options.settings !== undefined || isNew)) {
        await askForTest(transaction, { integrationId: id, nowMs });
      }
      return [
        isNew && "saved",
        !isNew && (options.name ?? before.name) !== before.name && "renamed",
        !isNew && settings !== before.settings && "changed the settings of",
        isResumed && "resumed",
        paused && before.paused === 0 && "paused",
      ].filter((what) => what !== false);
    });
    this.#changes.wake(id);
    const integration = await this.get(actor, id);
    for (const what of done) logDone(actor, what, integration);
    return integration;
  }

  #view(row: IntegrationRow): Integration {
    return integrationView(row, { nowMs: this.#clock.now(), loadingFailsSinceMs: this.#loadingFailsSinceMs(row.id) });
  }

  /** The row's JSON after merging `input`; throws if an integration that is not a draft would be incomplete. */
  #settings(
    input: SettingsInput | undefined,
    options: { id: string; type: string; draft?: boolean | undefined; beforeJson: string },
  ): string {
    const { type, draft, id, beforeJson } = options;
    if (type !== "database") {
      if (input === undefined) return beforeJson;
      throw new HubProblem("invalid-request", "A CSV integration has no settings. Leave them out.");
    }
    const complete = input === undefined && (draft === true || storedSettings(beforeJson) !== undefined);
    if (complete) return beforeJson;
    return sealedSettings(input ?? {}, { beforeJson, integrationId: id, box: this.#box, nowMs: this.#clock.now() });
  }

  async remove(actor: Actor, id: string): Promise<void> {
    mayChange(actor);
    const { name } = await this.#database.transaction().execute(async (transaction) => {
      const row = await integrationRow(transaction, { actor, id });
      const nowMs = this.#clock.now();
      // Its batches follow in the background; a password need not stay that long.
      await transaction.updateTable("integration").set({ deletedAt: nowMs, settings: "{}" }).where("id", "=", id)
        .execute();
      await transaction.deleteFrom("request").where("integrationId", "=", id).execute();
      await endLink(transaction, { integrationId: id, reason: "integration-deleted", nowMs });
      return row;
    });
    logDone(actor, "deleted", { id, name });
    this.#changes.wake(id);
    this.#onRemoved();
  }
}

/** Says who did it: a hub has several users, and what is deleted cannot be asked any more. */
function logDone(actor: Actor, what: string, { id, name }: Pick<Integration, "id" | "name">): void {
  log.info("{actor} {what} integration {integration}, {name}.", { actor: actor.name, what, integration: id, name });
}

/** Throws {@linkcode HubProblem} unless the actor's role allows changes. */
export function mayChange(actor: Actor): void {
  if (actor.role !== "administrator") {
    throw new HubProblem("forbidden", `"${actor.name}" may only view. Ask an administrator of ${actor.account.name}.`);
  }
}

/** The row of one of the account's integrations; throws {@linkcode HubProblem} `not-found`. */
export async function integrationRow(
  database: Database | DatabaseTransaction,
  { actor, id }: { actor: Pick<Actor, "account">; id: string },
): Promise<IntegrationRow> {
  const row = await integrationRows(database, actor).where("integration.id", "=", id).executeTakeFirst();
  if (row === undefined) throw new HubProblem("not-found", "There is no such integration in this account.");
  return row;
}

function lastTest(eb: ExpressionBuilder<Tables, "integration">) {
  return eb.selectFrom("request").whereRef("request.integrationId", "=", "integration.id")
    .where("request.type", "=", "test").orderBy("request.createdAt", "desc").limit(1);
}

/** The newest answer to a test of the current settings by the linked agent. */
function settingsTest(eb: ExpressionBuilder<Tables & { link: Tables["link"] }, "integration" | "link">) {
  return eb.selectFrom("request").whereRef("request.linkId", "=", "link.id").where("request.body", "=", savedTestBody)
    .whereRef("request.createdAt", ">=", "integration.activeSince").where("request.answeredAt", "is not", null)
    .orderBy("request.createdAt", "desc").limit(1);
}

function integrationRows(database: Database | DatabaseTransaction, actor: Pick<Actor, "account">) {
  return database.selectFrom("integration")
    .leftJoin(
      "link",
      (join) => join.onRef("link.integrationId", "=", "integration.id").on("link.endedAt", "is", null),
    )
    .leftJoin("installation", "installation.id", "link.installationId")
    .where("integration.accountId", "=", actor.account.id).where("integration.deletedAt", "is", null)
    .select([
      "integration.id",
      "integration.name",
      "integration.type",
      "integration.settings",
      "integration.draft",
      "integration.paused",
      "integration.pausedAt",
      "integration.createdAt",
      "integration.importCount",
      "integration.lastImportAt",
      "integration.newestLoadAt",
      "integration.loadError",
      "integration.loadFailedSince",
      "integration.lastLiveAt",
      "integration.activeSince",
      "installation.id as installationId",
      "installation.hostName",
      "installation.version",
      "installation.system",
      "installation.name as installationName",
      "installation.address",
      "installation.lastSeenAt",
      "installation.report",
      "installation.reportedAt",
      "installation.problemSince",
      "link.createdAt as linkedAt",
    ])
    .select((eb) => [
      eb.selectFrom("link as ended").select("ended.endedAt").whereRef("ended.integrationId", "=", "integration.id")
        .orderBy("ended.endedAt", "desc").limit(1).as("endedAt"),
      eb.selectFrom("link as ended").select("ended.endReason").whereRef("ended.integrationId", "=", "integration.id")
        .orderBy("ended.endedAt", "desc").limit(1).as("endReason"),
      eb.selectFrom("pendingLoad").select((load) => load.fn.countAll<number>().as("count"))
        .whereRef("pendingLoad.integrationId", "=", "integration.id").as("loading"),
      lastTest(eb).select("request.id").as("testId"),
      lastTest(eb).select(sql<number | null>`json_extract(request.answer, '$.ok')`.as("ok")).as("testOk"),
      settingsTest(eb).select("request.answeredAt").as("testedAt"),
      settingsTest(eb).select(
        sql<string | null>`iif(json_extract(request.answer, '$.ok'), null, json_extract(request.answer, '$.message'))`
          .as("message"),
      ).as("testProblem"),
    ]);
}
