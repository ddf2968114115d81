/** Integrations of an account. */
import type { Clock } from "../runtime/clock.ts";
import type { ChangeFeed } from "./changes.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";
import type { Database, DatabaseTransaction } from "./database/schema.ts";
import { newId } from "./ids.ts";
import { pageItemsDefault, pageItemsMax } from "./limits.ts";
import { endLink } from "./links.ts";
import { type Actor, HubProblem, type Integration, type Integrations, type Page } from "./services.ts";
import { type IntegrationRow, integrationView } from "./views.ts";

export class StoredIntegrations implements Integrations {
  readonly #database: Database;
  readonly #changes: ChangeFeed;
  readonly #clock: Clock;

  constructor(options: { database: Database; changes: ChangeFeed; clock: Clock }) {
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
    const items = rows.slice(0, limit).map((row) => integrationView(row, this.#clock.now()));
    const last = items.at(-1);
    return {
      items,
      next: rows.length > limit && last !== undefined ? encodeCursor([last.name, last.id]) : null,
    };
  }

  async get(actor: Actor, id: string): Promise<Integration> {
    return integrationView(await integrationRow(this.#database, { actor, id }), this.#clock.now());
  }

  async create(
    actor: Actor,
    integration: { name: string; type: "csv"; draft?: boolean | undefined },
  ): Promise<Integration> {
    mayChange(actor);
    const id = newId();
    await this.#database.insertInto("integration").values({
      id,
      accountId: actor.account.id,
      name: integration.name,
      type: integration.type,
      settings: "{}",
      draft: integration.draft === true ? 1 : 0,
      paused: 0,
      pausedAt: null,
      createdAt: this.#clock.now(),
      deletedAt: null,
      importCount: 0,
      lastImportAt: null,
    }).execute();
    return await this.get(actor, id);
  }

  async change(
    actor: Actor,
    options: { id: string; name?: string | undefined; paused?: boolean | undefined; draft?: false | undefined },
  ): Promise<Integration> {
    mayChange(actor);
    const { id } = options;
    await this.#database.transaction().execute(async (transaction) => {
      const before = await integrationRow(transaction, { actor, id });
      const paused = options.paused ?? before.paused === 1;
      await transaction.updateTable("integration").set({
        name: options.name ?? before.name,
        draft: options.draft === false ? 0 : before.draft,
        paused: paused ? 1 : 0,
        pausedAt: paused ? before.pausedAt ?? this.#clock.now() : null,
      }).where("id", "=", id).execute();
      await this.#changes.record(transaction, id);
    });
    this.#changes.wake(id);
    return await this.get(actor, id);
  }

  async remove(actor: Actor, id: string): Promise<void> {
    mayChange(actor);
    await this.#database.transaction().execute(async (transaction) => {
      await integrationRow(transaction, { actor, id });
      const nowMs = this.#clock.now();
      await transaction.updateTable("integration").set({ deletedAt: nowMs }).where("id", "=", id).execute();
      await endLink(transaction, { integrationId: id, reason: "integration-deleted", nowMs });
      await this.#changes.record(transaction, id);
    });
    this.#changes.wake(id);
  }
}

/** Throws {@linkcode HubProblem} unless the actor's role lets it change something. */
export function mayChange(actor: Actor): void {
  if (actor.role !== "administrator") {
    throw new HubProblem("forbidden", `"${actor.name}" may only look. Ask an administrator of ${actor.account.name}.`);
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
      "integration.draft",
      "integration.paused",
      "integration.pausedAt",
      "integration.createdAt",
      "integration.importCount",
      "integration.lastImportAt",
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
    ]);
}
