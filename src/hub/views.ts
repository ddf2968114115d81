/** From rows to what the hub shows: pure. */
import type { AgentStatusReport } from "../protocol/assignment.ts";
import type { BatchOrigin } from "../protocol/delivery.ts";
import type { UnlinkReason } from "../protocol/problem.ts";
import { settingsView, storedSettings } from "./settings/database_settings.ts";
import { staleAfterMs } from "./limits.ts";
import type { Import, Installation, Integration, IntegrationStateName, NextStep } from "./services.ts";

/** RFC 3339 in UTC. */
export function instant(atMs: number): string {
  return new Date(atMs).toISOString();
}

/** The columns of an integration's row with its current link and installation, and why the last link ended. */
export interface IntegrationRow {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly settings: string;
  readonly draft: number;
  readonly paused: number;
  readonly pausedAt: number | null;
  readonly createdAt: number;
  readonly importCount: number;
  readonly lastImportAt: number | null;
  readonly newestLoadAt: number | null;
  readonly loadError: string | null;
  readonly loadFailedSince: number | null;
  readonly installationId: string | null;
  readonly hostName: string | null;
  readonly version: string | null;
  readonly system: string | null;
  readonly installationName: string | null;
  readonly address: string | null;
  readonly lastSeenAt: number | null;
  readonly report: string | null;
  readonly reportedAt: number | null;
  readonly problemSince: number | null;
  readonly linkedAt: number | null;
  readonly endedAt: number | null;
  readonly endReason: string | null;
  readonly loading: number | null;
  readonly testId: string | null;
  /** 1 or 0; `null` until it was answered. */
  readonly testOk: number | null;
}

/** What counts besides the row. */
export interface ViewOptions {
  readonly nowMs: number;
  /** Since when the hub can load no rows at all. @default it can */
  readonly loadingFailsSinceMs?: number | undefined;
}

/** An integration with its state as of `nowMs`. */
export function integrationView(row: IntegrationRow, options: ViewOptions): Integration {
  const installation = installationOf(row);
  const report = currentReport(row);
  const settings = storedSettings(row.settings);
  const status = integrationStatus(row, { ...options, report });
  return {
    id: row.id,
    name: row.name,
    type: row.type === "database" ? "database" : "csv",
    state: status.state,
    stateSince: status.sinceMs === null ? null : instant(status.sinceMs),
    problem: status.failure?.problem ?? null,
    unlinkReason: status.state === "unlinked" ? row.endReason as UnlinkReason | null : null,
    nextStep: nextStep(status, installation !== null),
    paused: row.paused === 1,
    draft: row.draft === 1,
    installation,
    settings: settings === undefined ? null : settingsView(settings),
    test: row.testId === null ? null : {
      id: row.testId,
      state: row.testOk === null ? "waiting" : row.testOk === 1 ? "ok" : "failed",
    },
    loading: row.loading ?? 0,
    importCount: row.importCount,
    lastImportAt: row.lastImportAt === null ? null : instant(row.lastImportAt),
    createdAt: instant(row.createdAt),
  };
}

/** What does not work, and what to do about it. */
interface Failure {
  readonly problem: string;
  readonly nextStep: NextStep;
}

type Status =
  | { readonly state: Exclude<IntegrationStateName, "failing">; readonly sinceMs: number | null; failure?: undefined }
  | { readonly state: "failing"; readonly sinceMs: number | null; readonly failure: Failure };

/** What the hub says when it can load nothing: its log has the reason, which is for those who run it. */
const cannotLoad = "The hub cannot load what has arrived. It tries again by itself; nothing is lost.";

function integrationStatus(
  row: IntegrationRow,
  { report, nowMs, loadingFailsSinceMs }: ViewOptions & { report: AgentStatusReport | undefined },
): Status {
  if (row.draft === 1) return { state: "draft", sinceMs: row.createdAt };
  if (row.linkedAt === null) {
    return row.endedAt === null
      ? { state: "never-linked", sinceMs: row.createdAt }
      : { state: "unlinked", sinceMs: row.endedAt };
  }
  const seenAt = Math.max(row.lastSeenAt ?? 0, row.linkedAt);
  if (row.paused === 1) return { state: "paused", sinceMs: row.pausedAt };
  if (nowMs - seenAt > staleAfterMs) return { state: "stale", sinceMs: seenAt };
  // What keeps the agent from reading goes before what becomes of what it has read.
  if (report !== undefined && report.problem !== null) {
    return failing(row.problemSince, { problem: report.problem, nextStep: "see-problem" });
  }
  if (loadingFailsSinceMs !== undefined && row.loading !== null && row.loading > 0) {
    return failing(loadingFailsSinceMs, { problem: cannotLoad, nextStep: "see-hub-log" });
  }
  const loadError = currentLoadError(row);
  if (loadError !== null) return failing(row.loadFailedSince, { problem: loadError, nextStep: "correct-query" });
  return { state: "online", sinceMs: null };
}

function failing(sinceMs: number | null, failure: Failure): Status {
  return { state: "failing", sinceMs, failure };
}

function nextStep(status: Status, linked: boolean): NextStep {
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
      return "none";
  }
}

function installationOf(row: IntegrationRow): Installation | null {
  if (row.installationId === null || row.linkedAt === null) return null;
  return {
    id: row.installationId,
    hostName: row.hostName ?? "",
    version: row.version ?? "",
    system: row.system ?? "",
    name: row.installationName ?? "",
    address: row.address ?? "",
    linkedAt: instant(row.linkedAt),
    lastSeenAt: row.lastSeenAt === null ? null : instant(row.lastSeenAt),
    waiting: currentReport(row)?.waiting ?? null,
  };
}

/** What was reported before the present link says nothing of it. */
function currentReport(row: IntegrationRow): AgentStatusReport | undefined {
  if (row.report === null || row.linkedAt === null || (row.reportedAt ?? 0) < row.linkedAt) return undefined;
  return JSON.parse(row.report) as AgentStatusReport;
}

/** Why the newest rows could not be loaded, of those that the present link has brought. */
function currentLoadError({ loadError, newestLoadAt, linkedAt }: IntegrationRow): string | null {
  return linkedAt === null || (newestLoadAt ?? 0) < linkedAt ? null : loadError;
}

/** The columns of a received batch that are shown. */
export interface ImportRow {
  readonly id: string;
  readonly integrationId: string;
  readonly fileName: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly rows: number | null;
  readonly receivedAt: number | null;
  readonly origin: string;
  readonly loadError: string | null;
  /** 1 while its rows wait to be loaded, 0 otherwise. */
  readonly loading: number;
}

/** A received batch. */
export function importView(row: ImportRow): Import {
  const origin = JSON.parse(row.origin) as BatchOrigin;
  const isLoaded = origin.kind === "query" && row.loading === 0;
  return {
    id: row.id,
    integrationId: row.integrationId,
    fileName: row.fileName,
    size: row.bytes,
    sha256: row.sha256,
    rows: row.rows ?? 0,
    state: !isLoaded ? "received" : row.loadError === null ? "loaded" : "failed",
    receivedAt: instant(row.receivedAt ?? 0),
    error: isLoaded ? row.loadError : null,
    origin,
  };
}
