/** Converts rows to what the hub shows. Pure. */
import type { BatchOrigin } from "../protocol/delivery.ts";
import type { UnlinkReason } from "../protocol/problem.ts";
import { settingsView, storedSettings } from "./settings/database_settings.ts";
import { currentReport, integrationStatus, nextStep, type StateOptions, type StateRow } from "./integration_state.ts";
import type { Import, Installation, Integration } from "./services.ts";

/** RFC 3339 in UTC. */
export function instant(atMs: number): string {
  return new Date(atMs).toISOString();
}

/** The columns of an integration's row with its current link and installation, and why the last link ended. */
export interface IntegrationRow extends StateRow {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly importCount: number;
  readonly installationId: string | null;
  readonly hostName: string | null;
  readonly version: string | null;
  readonly system: string | null;
  readonly installationName: string | null;
  readonly address: string | null;
  readonly endReason: string | null;
  readonly testId: string | null;
  /** 1 or 0; `null` until answered. */
  readonly testOk: number | null;
}

/** An integration with its state at `nowMs`. */
export function integrationView(row: IntegrationRow, options: StateOptions): Integration {
  const installation = installationOf(row);
  const settings = storedSettings(row.settings);
  const status = integrationStatus(row, options);
  return {
    id: row.id,
    name: row.name,
    type: row.type === "database" ? "database" : "csv",
    state: status.state,
    stateSince: status.sinceMs === null ? null : instant(status.sinceMs),
    problem: status.state === "failing" ? status.failure.problem : null,
    noDataSince: status.state === "online" && status.noDataSinceMs !== undefined ? instant(status.noDataSinceMs) : null,
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

/** The columns of a received batch needed for display. */
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
