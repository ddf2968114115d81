/** One-off requests to a linked agent: handed out with its assignment, answered by id. */
import type { AgentAnswer, AgentRequest } from "../../protocol/assignment.ts";
import type { DatabaseSource } from "../../protocol/database.ts";
import { databaseSource, storedSettings } from "../settings/database_settings.ts";
import type { SecretBox } from "../settings/secret_box.ts";
import { savedTestBody } from "../settings/source_tests.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { AgentIdentity } from "../oauth/access_tokens.ts";
import type { ChangeFeed } from "./change_feed.ts";
import { PreparedQuery } from "../database/prepared.ts";
import type { Database } from "../database/schema.ts";
import { newId } from "../ids.ts";
import { integrationRow, mayChange } from "../integrations.ts";
import { openRequestsMax, requestOpenMs } from "../limits.ts";
import { type Actor, HubProblem, type NewRequest, type Requests, type RequestState } from "../services.ts";
import { instant } from "../views.ts";

/** Stored in the database, so that the agent may poll one hub and answer another. */
export class StoredRequests implements Requests {
  readonly #database: Database;
  readonly #open: PreparedQuery<OpenRow>;
  readonly #changes: ChangeFeed;
  readonly #clock: Clock;
  readonly #box: SecretBox;

  constructor(options: { database: Database; changes: ChangeFeed; clock: Clock; box: SecretBox }) {
    this.#box = options.box;
    this.#database = options.database;
    this.#open = openQuery(options.database);
    this.#changes = options.changes;
    this.#clock = options.clock;
  }

  async create(actor: Actor, options: { integrationId: string; request: NewRequest }): Promise<RequestState> {
    mayChange(actor);
    const { integrationId, request } = options;
    const id = newId();
    await this.#database.transaction().execute(async (transaction) => {
      const integration = await integrationRow(transaction, { actor, id: integrationId });
      if (
        request.type === "test" && request.source === undefined && storedSettings(integration.settings) === undefined
      ) {
        throw new HubProblem(
          "conflict",
          "Cannot test: this integration has no database settings. Save some first.",
        );
      }
      const link = await transaction.selectFrom("link").select("id").where("integrationId", "=", integrationId)
        .where("endedAt", "is", null).executeTakeFirst();
      if (link === undefined) {
        throw new HubProblem("conflict", "Cannot ask: no installation is linked. Connect one by its PIN first.");
      }
      const now = this.#clock.now();
      const open = await transaction.selectFrom("request").select((eb) => eb.fn.countAll<number>().as("count"))
        .where("linkId", "=", link.id).where("answer", "is", null).where("createdAt", ">", now - requestOpenMs)
        .executeTakeFirstOrThrow();
      if (open.count >= openRequestsMax) {
        throw new HubProblem("too-many-requests", "The agent has not answered the previous requests yet.", {
          retryAfterSeconds: 60,
        });
      }
      await transaction.insertInto("request").values({
        id,
        integrationId: integrationId,
        linkId: link.id,
        type: request.type,
        body: this.#body(request, integrationId),
        createdAt: now,
        answer: null,
        answeredAt: null,
      }).execute();
    });
    this.#changes.wake(integrationId);
    return await this.get(actor, { integrationId, id });
  }

  async get(actor: Actor, options: { integrationId: string; id: string }): Promise<RequestState> {
    await integrationRow(this.#database, { actor, id: options.integrationId });
    const row = await this.#database.selectFrom("request").selectAll().where("id", "=", options.id)
      .where("integrationId", "=", options.integrationId).executeTakeFirst();
    if (row === undefined) throw new HubProblem("not-found", "There is no such request.");
    return {
      id: row.id,
      type: row.type === "test" ? "test" : "import-now",
      createdAt: instant(row.createdAt),
      answer: row.answer === null ? null : JSON.parse(row.answer) as AgentAnswer,
    };
  }

  /** The requests that a link's agent has yet to answer, oldest first. */
  async open(linkId: string): Promise<AgentRequest[]> {
    const rows = await this.#open.all(this.#database, [
      linkId,
      this.#clock.now() - requestOpenMs,
      savedTestBody,
      openRequestsMax,
    ]);
    return rows.flatMap((row) => {
      const request = this.#request(row);
      return request === undefined ? [] : [request];
    });
  }

  #request(row: OpenRow): AgentRequest | undefined {
    const { id, integrationId } = row;
    const body = JSON.parse(row.body) as { type: "import-now" } | { type: "test"; sealed?: string };
    if (body.type === "import-now") return { id, type: body.type };
    if (body.sealed !== undefined) {
      const source = this.#box.open(body.sealed, integrationId);
      return source === undefined ? undefined : { id, type: "test", source: JSON.parse(source) as DatabaseSource };
    }
    const settings = storedSettings(row.settings);
    if (settings === undefined) return undefined;
    return { id, type: "test", source: databaseSource(settings, { box: this.#box, integrationId }) };
  }

  /** What is stored of the request: a source may contain a password. */
  #body(request: NewRequest, integrationId: string): string {
    if (request.type !== "test") return JSON.stringify(request);
    if (request.source === undefined) return savedTestBody;
    return JSON.stringify({ type: "test", sealed: this.#box.seal(JSON.stringify(request.source), integrationId) });
  }

  /** Stores the agent's answer; answering again changes nothing. */
  async answer(agent: AgentIdentity, options: { id: string; answer: AgentAnswer }): Promise<void> {
    const found = await this.#database.transaction().execute(async (transaction) => {
      const row = await transaction.selectFrom("request").select("answer").where("id", "=", options.id)
        .where("linkId", "=", agent.linkId).executeTakeFirst();
      if (row === undefined) return false;
      if (row.answer !== null) return true;
      await transaction.updateTable("request")
        .set({ answer: JSON.stringify(options.answer), answeredAt: this.#clock.now() })
        .where("id", "=", options.id).execute();
      return true;
    });
    if (!found) throw new HubProblem("not-found", "There is no such request for this installation.");
    this.#changes.wake(agent.integrationId);
  }
}

interface OpenRow {
  readonly id: string;
  readonly body: string;
  readonly integrationId: string;
  readonly settings: string;
}

function openQuery(database: Database): PreparedQuery<OpenRow> {
  return new PreparedQuery(
    database.selectFrom("request")
      .innerJoin("integration", "integration.id", "request.integrationId")
      .select(["request.id", "request.body", "request.integrationId", "integration.settings"])
      .where("request.linkId", "=", "link").where("request.answer", "is", null)
      .where(({ eb, or }) =>
        or([
          eb("request.createdAt", ">", 0),
          // The settings are tested whenever the installation comes back.
          eb("request.body", "=", savedTestBody),
        ])
      )
      .orderBy("request.createdAt").orderBy("request.id").limit(openRequestsMax).compile(),
  );
}
