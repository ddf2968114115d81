/**
 * What a linked agent is to do, by long poll.
 *
 * The ETag has two parts, `"<hash>.<count>"`: a hash of the assignment without `received`, and how many batches the hub
 * had. The count changes with every delivery, so a higher count does not end a poll early; a lower one does, since the
 * hub was restored from a backup.
 */
import { createHash } from "node:crypto";
import { getLogger } from "@logtape/logtape";
import type { AgentStatusReport, Assignment, Source } from "../../protocol/assignment.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { AgentIdentity } from "../oauth/access_tokens.ts";
import type { ChangeFeed } from "./change_feed.ts";
import type { GroupCommit } from "../database/group_commit.ts";
import { PreparedQuery } from "../database/prepared.ts";
import type { Database, Tables } from "../database/schema.ts";
import type { StoredRequests } from "./agent_requests.ts";
import { smallObjectBytesMax } from "../limits.ts";
import { HubProblem } from "../services.ts";
import { databaseSource, storedSettings } from "../settings/database_settings.ts";
import { afterReport, type AgentRun, haveTwins } from "../linking/twins.ts";
import type { SecretBox } from "../settings/secret_box.ts";
import { statusTopic } from "./topics.ts";

const log = getLogger(["cloud-link", "hub"]);

/** An assignment and the ETag for the agent's next poll. */
export interface Assigned {
  readonly assignment: Assignment;
  readonly etag: string;
}

/** Reads everything from the database at each poll; assignments are never cached. */
export class Assignments {
  readonly #database: Database;
  readonly #writes: GroupCommit;
  readonly #links: PreparedQuery<AssignmentRow>;
  readonly #changes: ChangeFeed;
  readonly #requests: StoredRequests;
  readonly #clock: Clock;
  readonly #box: SecretBox;

  constructor(options: {
    database: Database;
    writes: GroupCommit;
    changes: ChangeFeed;
    requests: StoredRequests;
    clock: Clock;
    box: SecretBox;
  }) {
    this.#box = options.box;
    this.#database = options.database;
    this.#writes = options.writes;
    this.#links = assignmentQuery(options.database);
    this.#changes = options.changes;
    this.#requests = options.requests;
    this.#clock = options.clock;
  }

  /**
   * The assignment, as soon as it differs from the one with `etag`; `undefined` if it still does not when the signal
   * aborts. With `wait: false` it is checked only once. The signal must abort eventually: that is what ends the wait
   * for changes.
   */
  async poll(
    agent: AgentIdentity,
    options: { etag: string | undefined; wait: boolean; signal: AbortSignal },
  ): Promise<Assigned | undefined> {
    const { etag, wait, signal } = options;
    for (;;) {
      // Starts waiting before it looks, so that a change in between is not missed.
      const changed = this.#changes.next(agent.integrationId, signal);
      const assigned = await this.#current(agent);
      const difference = compare(etag, assigned.etag);
      if (difference === "differs") return assigned;
      if (wait) await changed;
      if (wait && !signal.aborted) continue;
      return difference === "more-received" ? assigned : undefined;
    }
  }

  /** Stores the agent's status report. */
  async report(agent: AgentIdentity, report: AgentStatusReport): Promise<void> {
    const nowMs = this.#clock.now();
    const id = agent.installationId;
    let twins = false;
    let twinsChanged = false;
    // The next report comes within a minute: not worth a sync of the disk.
    await this.#writes.run(async (transaction) => {
      const before = await transaction.selectFrom("installation").select(["problemSince", "report", "reportedAt"])
        .where("id", "=", id).executeTakeFirstOrThrow();
      const runsBefore = storedRuns(before.report);
      const runs = report.run === undefined ? runsBefore : afterReport(runsBefore, { run: report.run, nowMs });
      twins = haveTwins(runs, nowMs);
      twinsChanged = twins !== haveTwins(runsBefore, before.reportedAt ?? 0);
      await transaction.updateTable("installation").set({
        report: JSON.stringify({ ...report, runs }),
        reportedAt: nowMs,
        lastSeenAt: nowMs,
        version: report.version,
        problemSince: report.problem === null ? null : before.problemSince ?? nowMs,
      }).where("id", "=", id).execute();
    }, { durable: false });
    // Agents need not hear of their own reports, so these have a topic of their own, for the console.
    this.#changes.wake(statusTopic(agent.integrationId));
    if (twinsChanged) {
      this.#changes.wake(agent.integrationId);
      log.warn(
        twins
          ? "Two computers report as the same installation {installation}: one is a copy of the other. Both are told."
          : "Only one computer now reports as installation {installation}.",
        { installation: id },
      );
    }
  }

  async #current(agent: AgentIdentity): Promise<Assigned> {
    const row = await this.#links.first(this.#database, [agent.linkId]);
    if (row === undefined) throw new Error(`Cannot find the link ${agent.linkId}`);
    if (row.endedAt !== null) {
      throw new HubProblem("unlinked", "This installation is no longer linked to the integration.", {
        reason: row.endReason ?? "integration-deleted",
      });
    }
    const assignment: Assignment = {
      link: {
        id: agent.linkId,
        account: { id: row.accountId, name: row.accountName },
        integration: { id: row.integrationId, name: row.name },
      },
      paused: row.paused === 1,
      source: this.#source(row),
      requests: row.mayBeAsked === 0 ? [] : await this.#requests.open(agent.linkId),
      received: { count: row.receivedCount, sequence: row.sequence ?? 0 },
      wholePayloadBytes: smallObjectBytesMax,
      epoch: row.epoch,
      ...haveTwins(storedRuns(row.report), this.#clock.now()) ? { twin: true } : {},
    };
    const hash = createHash("sha256").update(JSON.stringify({ ...assignment, received: null })).digest("hex");
    return { assignment, etag: `"${hash.slice(0, 32)}.${row.receivedCount}"` };
  }

  #source(row: { integrationId: string; type: string; settings: string; draft: number }): Source | null {
    if (row.draft === 1) return null;
    if (row.type !== "database") return { type: "csv" };
    const settings = storedSettings(row.settings);
    return settings === undefined
      ? null
      : databaseSource(settings, { box: this.#box, integrationId: row.integrationId });
  }
}

/** The runs that reported recently; they are stored beside the last report. */
function storedRuns(report: string | null): readonly AgentRun[] {
  return report === null ? [] : (JSON.parse(report) as { runs?: readonly AgentRun[] }).runs ?? [];
}

type AssignmentRow =
  & Pick<Tables["link"], "endedAt" | "endReason" | "epoch">
  & Pick<Tables["integration"], "name" | "type" | "settings" | "draft" | "paused">
  & Pick<Tables["installation"], "report">
  & {
    readonly integrationId: string;
    readonly accountId: string;
    readonly accountName: string;
    /** Imports without those that were found to be damaged. */
    readonly receivedCount: number;
    /** 0: nothing is asked of the agent, so there is no need to look. */
    readonly mayBeAsked: number;
    /** The highest of its batches; `null` without any. */
    readonly sequence: number | null;
  };

function assignmentQuery(database: Database): PreparedQuery<AssignmentRow> {
  return new PreparedQuery(
    database.selectFrom("link")
      .innerJoin("integration", "integration.id", "link.integrationId")
      .innerJoin("account", "account.id", "integration.accountId")
      .innerJoin("installation", "installation.id", "link.installationId")
      .select([
        "installation.report",
        "link.endedAt",
        "link.endReason",
        "link.epoch",
        "integration.id as integrationId",
        "integration.name",
        "integration.type",
        "integration.settings",
        "integration.draft",
        "integration.paused",
        "account.id as accountId",
        "account.name as accountName",
      ]).select((eb) =>
        eb(
          "integration.importCount",
          "-",
          eb.selectFrom("batch").select((count) => count.fn.countAll<number>().as("damaged"))
            .whereRef("batch.integrationId", "=", "integration.id").where("batch.damagedAt", "is not", null),
        ).$castTo<number>().as("receivedCount")
      ).select((eb) =>
        eb.exists(
          eb.selectFrom("request").select("request.id").whereRef("request.linkId", "=", "link.id")
            .where("request.answer", "is", null),
        ).$castTo<number>().as("mayBeAsked")
      ).select((eb) =>
        eb.selectFrom("batch").select(({ fn }) => fn.max<number | null>("batch.sequence").as("highest"))
          .whereRef("batch.integrationId", "=", "integration.id").as("sequence")
      ).where("link.id", "=", "link").compile(),
  );
}

/** How the assignment with the ETag `present` relates to the one the agent has. */
function compare(known: string | undefined, present: string): "differs" | "more-received" | "same" {
  if (known === undefined) return "differs";
  const [knownHash, knownCount] = split(known);
  const [hash, count] = split(present);
  if (knownHash !== hash || count < knownCount) return "differs";
  return count > knownCount ? "more-received" : "same";
}

function split(etag: string): readonly [string, number] {
  const [hash = "", count = ""] = etag.replace(/^W\//, "").replaceAll('"', "").split(".");
  return [hash, Number(count)];
}
