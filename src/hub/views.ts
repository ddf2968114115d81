/** From rows to what the hub shows: pure. */
import type { AgentStatusReport } from "../protocol/assignment.ts";
import type { BatchOrigin } from "../protocol/delivery.ts";
import type { UnlinkReason } from "../protocol/problem.ts";
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
  readonly draft: number;
  readonly paused: number;
  readonly paused_at: number | null;
  readonly created_at: number;
  readonly import_count: number;
  readonly last_import_at: number | null;
  readonly installation_id: string | null;
  readonly host_name: string | null;
  readonly version: string | null;
  readonly system: string | null;
  readonly installation_name: string | null;
  readonly address: string | null;
  readonly last_seen_at: number | null;
  readonly report: string | null;
  readonly reported_at: number | null;
  readonly problem_since: number | null;
  readonly linked_at: number | null;
  readonly ended_at: number | null;
  readonly end_reason: string | null;
}

/** An integration with its state as of `nowMs`. */
export function integrationView(row: IntegrationRow, nowMs: number): Integration {
  const installation = installationOf(row);
  const report = currentReport(row);
  const status = integrationStatus(row, { report, nowMs });
  return {
    id: row.id,
    name: row.name,
    type: row.type === "database" ? "database" : "csv",
    state: status.state,
    stateSince: status.sinceMs === null ? null : instant(status.sinceMs),
    problem: status.state === "failing" ? report?.problem ?? null : null,
    unlinkReason: status.state === "unlinked" ? row.end_reason as UnlinkReason | null : null,
    nextStep: nextStep(status.state, installation !== null),
    paused: row.paused === 1,
    draft: row.draft === 1,
    installation,
    importCount: row.import_count,
    lastImportAt: row.last_import_at === null ? null : instant(row.last_import_at),
    createdAt: instant(row.created_at),
  };
}

function integrationStatus(
  row: IntegrationRow,
  { report, nowMs }: { report: AgentStatusReport | undefined; nowMs: number },
): { state: IntegrationStateName; sinceMs: number | null } {
  if (row.draft === 1) return { state: "draft", sinceMs: row.created_at };
  if (row.linked_at === null) {
    return row.ended_at === null
      ? { state: "never-linked", sinceMs: row.created_at }
      : { state: "unlinked", sinceMs: row.ended_at };
  }
  const seenAt = Math.max(row.last_seen_at ?? 0, row.linked_at);
  if (row.paused === 1) return { state: "paused", sinceMs: row.paused_at };
  if (nowMs - seenAt > staleAfterMs) return { state: "stale", sinceMs: seenAt };
  if (report !== undefined && report.problem !== null) return { state: "failing", sinceMs: row.problem_since };
  return { state: "online", sinceMs: null };
}

function nextStep(state: IntegrationStateName, linked: boolean): NextStep {
  switch (state) {
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
      return "see-problem";
    case "online":
      return "none";
  }
}

function installationOf(row: IntegrationRow): Installation | null {
  if (row.installation_id === null || row.linked_at === null) return null;
  return {
    id: row.installation_id,
    hostName: row.host_name ?? "",
    version: row.version ?? "",
    system: row.system ?? "",
    name: row.installation_name ?? "",
    address: row.address ?? "",
    linkedAt: instant(row.linked_at),
    lastSeenAt: row.last_seen_at === null ? null : instant(row.last_seen_at),
    waiting: currentReport(row)?.waiting ?? null,
  };
}

/** What was reported before the present link says nothing of it. */
function currentReport(row: IntegrationRow): AgentStatusReport | undefined {
  if (row.report === null || row.linked_at === null || (row.reported_at ?? 0) < row.linked_at) return undefined;
  return JSON.parse(row.report) as AgentStatusReport;
}

export interface ImportRow {
  readonly id: string;
  readonly integration_id: string;
  readonly file_name: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly rows: number | null;
  readonly received_at: number | null;
  readonly origin: string;
}

/** A received batch. */
export function importView(row: ImportRow): Import {
  return {
    id: row.id,
    integrationId: row.integration_id,
    fileName: row.file_name,
    size: row.bytes,
    sha256: row.sha256,
    rows: row.rows ?? 0,
    state: "received",
    receivedAt: instant(row.received_at ?? 0),
    error: null,
    origin: JSON.parse(row.origin) as BatchOrigin,
  };
}
