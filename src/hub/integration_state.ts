/** The state of an integration, and what to do about it. Pure. */
import type { AgentStatusReport } from "../protocol/assignment.ts";
import { staleAfterMs } from "./limits.ts";
import { noDataSince } from "./no_data.ts";
import type { IntegrationStateName, NextStep } from "./services.ts";
import { storedSettings } from "./settings/database_settings.ts";

/** The columns that determine it. */
export interface StateRow {
  readonly settings: string;
  readonly draft: number;
  readonly paused: number;
  readonly pausedAt: number | null;
  readonly createdAt: number;
  readonly newestLoadAt: number | null;
  readonly loadError: string | null;
  readonly loadFailedSince: number | null;
  readonly lastImportAt: number | null;
  readonly lastLiveAt: number | null;
  readonly activeSince: number | null;
  readonly lastSeenAt: number | null;
  readonly report: string | null;
  readonly reportedAt: number | null;
  readonly problemSince: number | null;
  /** When the current link's agent last answered a test of the current settings. */
  readonly testedAt: number | null;
  /** Why that test failed. */
  readonly testProblem: string | null;
  readonly linkedAt: number | null;
  readonly endedAt: number | null;
  readonly loading: number | null;
}

/** What matters besides the row. */
export interface StateOptions {
  readonly nowMs: number;
  /** Since when the hub cannot load what has arrived. @default loading works */
  readonly loadingFailsSinceMs?: number | undefined;
}

/** What is broken, and what to do about it. */
export interface Failure {
  readonly problem: string;
  readonly nextStep: NextStep;
}

/** A state with the data that belongs to it. */
export type Status =
  | { readonly state: Exclude<IntegrationStateName, "failing" | "online">; readonly sinceMs: number | null }
  | { readonly state: "failing"; readonly sinceMs: number | null; readonly failure: Failure }
  | { readonly state: "online"; readonly sinceMs: null; readonly noDataSinceMs: number | undefined };

/** What users see when the hub can load nothing: the reason is in its log, for those who run it. */
const cannotLoad = "The hub cannot load what has arrived. It retries automatically; nothing is lost.";

/** The state as of `nowMs`. */
export function integrationStatus(row: StateRow, { nowMs, loadingFailsSinceMs }: StateOptions): Status {
  if (row.draft === 1) return { state: "draft", sinceMs: row.createdAt };
  if (row.linkedAt === null) {
    return row.endedAt === null
      ? { state: "never-linked", sinceMs: row.createdAt }
      : { state: "unlinked", sinceMs: row.endedAt };
  }
  const seenAt = Math.max(row.lastSeenAt ?? 0, row.linkedAt);
  if (row.paused === 1) return { state: "paused", sinceMs: row.pausedAt };
  if (nowMs - seenAt > staleAfterMs) return { state: "stale", sinceMs: seenAt };
  // What keeps the agent from reading takes precedence over what happened to earlier data.
  const trouble = failedTest(row) ?? reportedTrouble(row);
  if (trouble !== undefined) return failing(trouble.sinceMs, { problem: trouble.problem, nextStep: troubleStep(row) });
  if (loadingFailsSinceMs !== undefined && row.loading !== null && row.loading > 0) {
    return failing(loadingFailsSinceMs, { problem: cannotLoad, nextStep: "see-hub-log" });
  }
  const loadError = currentLoadError(row);
  if (loadError !== null) return failing(row.loadFailedSince, { problem: loadError, nextStep: "correct-query" });
  return { state: "online", sinceMs: null, noDataSinceMs: lateSince({ ...row, linkedAt: row.linkedAt }, nowMs) };
}

function failing(sinceMs: number | null, failure: Failure): Status {
  return { state: "failing", sinceMs, failure };
}

/** What an agent says that keeps it from reading. */
interface Trouble {
  readonly problem: string;
  readonly sinceMs: number | null;
}

/** The failed test of the settings, while the agent has neither imported nor reported anything worse since. */
function failedTest(row: StateRow): Trouble | undefined {
  const { testedAt, testProblem, lastImportAt, reportedAt } = row;
  if (testedAt === null || testProblem === null || testedAt <= (lastImportAt ?? 0)) return undefined;
  const isOvertaken = reportedTrouble(row) !== undefined && testedAt < (reportedAt ?? 0);
  return isOvertaken ? undefined : { problem: testProblem, sinceMs: testedAt };
}

/** What it reported, unless that was about a database's earlier settings. */
function reportedTrouble(row: StateRow): Trouble | undefined {
  const problem = currentReport(row)?.problem ?? null;
  const isOutdated = storedSettings(row.settings) !== undefined && (row.reportedAt ?? 0) < (row.activeSince ?? 0);
  return problem === null || isOutdated ? undefined : { problem, sinceMs: row.problemSince };
}

/** What keeps an agent from reading a database may be in the settings. */
function troubleStep(row: StateRow): NextStep {
  return storedSettings(row.settings) === undefined ? "see-problem" : "check-settings";
}

/** What to do now; for a draft it depends on whether it is `linked`. */
export function nextStep(status: Status, linked: boolean): NextStep {
  switch (status.state) {
    case "draft":
      return linked ? "save" : "connect";
    case "never-linked":
    case "unlinked":
      return "connect";
    case "stale":
      return "check-host";
    case "paused":
      return "resume";
    case "failing":
      return status.failure.nextStep;
    case "online":
      return status.noDataSinceMs === undefined ? "none" : "see-status";
  }
}

/** A report from before the current link says nothing about it. */
export function currentReport(row: StateRow): AgentStatusReport | undefined {
  if (row.report === null || row.linkedAt === null || (row.reportedAt ?? 0) < row.linkedAt) return undefined;
  return JSON.parse(row.report) as AgentStatusReport;
}

/** Only for database rows is it known when they should arrive. */
function lateSince(row: StateRow & { readonly linkedAt: number }, nowMs: number): number | undefined {
  const settings = storedSettings(row.settings);
  return settings === undefined ? undefined : noDataSince({ ...row, everyMinutes: settings.everyMinutes }, nowMs);
}

/** Why the newest rows that the current link delivered could not be loaded. */
function currentLoadError({ loadError, newestLoadAt, linkedAt }: StateRow): string | null {
  return linkedAt === null || (newestLoadAt ?? 0) < linkedAt ? null : loadError;
}
