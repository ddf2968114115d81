/**
 * Services with one integration in each state, some of databases, and nothing behind them: for looking at every page
 * without having to bring a hub into that state. What pages do is tested against a real hub, in `console_test.ts`.
 */
import { systemClock } from "../../src/runtime/clock.ts";
import {
  type Account,
  HubProblem,
  type HubServices,
  type Import,
  type Installation,
  type Integration,
  type IntegrationStateName,
  integrationStates,
  type NextStep,
  type Role,
  type Session,
  type User,
} from "../../src/hub/services.ts";
import { sampleDatabases, sampleSummary, sampleTest, sampleWindows } from "./sample_databases.ts";

const account: Account = { id: "acme", name: "Häberlein & Söhne Kundendienst GmbH" };
const user: User = { id: "u1", account, name: "admin", role: "administrator", createdAt: "2026-01-01T00:00:00.000Z" };
const csrfToken = "0123456789abcdef";

const nextStep: Readonly<Record<IntegrationStateName, NextStep>> = {
  draft: "connect",
  "never-linked": "connect",
  unlinked: "connect",
  online: "none",
  stale: "check-host",
  paused: "resume",
  failing: "see-problem",
};

const installation: Installation = {
  id: "i1",
  hostName: "acd-db-01.kundendienst.intern.example",
  version: "0.1.0",
  system: "linux 6.1.0-28-amd64 x86_64",
  name: "com.injixo.cloud-link",
  address: "2001:db8:85a3::8a2e:370:7334",
  linkedAt: "2026-03-02T08:14:00.000Z",
  lastSeenAt: "2026-03-04T10:15:12.000Z",
  waiting: { batches: 0, bytes: 0 },
};

function sample(state: IntegrationStateName): Integration {
  return {
    id: state,
    name: state === "online"
      ? "Zürich, Anrufe <b>und</b> E-Mails je Warteschlange im Viertelstundentakt"
      : `Sample ${state}`,
    type: "csv",
    state,
    stateSince: "2026-03-04T10:15:12.000Z",
    problem: state === "failing"
      ? 'Cannot read the folder "/srv/acd/export": permission denied. Give the service\'s user the right to read it.'
      : null,
    noDataSince: null,
    unlinkReason: state === "unlinked" ? "linked-elsewhere" : null,
    nextStep: nextStep[state],
    paused: state === "paused",
    draft: state === "draft",
    installation: ["online", "stale", "paused", "failing"].includes(state) ? installation : null,
    settings: null,
    test: null,
    loading: 0,
    importCount: 3,
    lastImportAt: "2026-03-04T10:15:12.000Z",
    createdAt: "2026-03-01T00:00:00.000Z",
  };
}

const integrations: readonly Integration[] = [
  ...integrationStates.map(sample),
  // A draft that is linked already.
  { ...sample("draft"), id: "draft-linked", installation, nextStep: "save" },
  ...sampleDatabases(sample("online")),
];

const files = [
  { fileName: "Warteschlangen_2026-03-04_10-15_für_alle_Standorte.csv", size: 48_213, rows: 1204 },
  { fileName: "queues.csv", size: 912, rows: 13 },
  { fileName: "calls 2026-03-02.csv", size: 1_873_000_000, rows: 21_345_678 },
];

/** More than any page shows. */
function sampleImports(integrationId: string): Import[] {
  return Array.from({ length: 7 }, () => files).flat().map((file, n) => ({
    ...file,
    id: `import-${n}`,
    integrationId,
    sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    state: n === 1 ? "failed" : "received",
    receivedAt: "2026-03-04T10:15:12.000Z",
    error: n === 1 ? "The batch is not CSV: record 7 has 3 fields, the first one has 4." : null,
    origin: { kind: "csv", fileName: file.fileName, modifiedAt: null },
  }));
}

function refused(): never {
  throw new HubProblem("forbidden", "These are samples.");
}

/** The services; `secret` logs in. */
export function sampleServices(
  publicUrl: URL,
  { role = "administrator" }: { role?: Role } = {},
): { services: HubServices; secret: string; csrfToken: string } {
  const secret = "sample";
  const session: Session = { user: { ...user, role }, csrfToken, expiresAt: "2099-01-01T00:00:00.000Z" };
  const find = (id: string) => {
    const found = integrations.find((integration) => integration.id === id);
    if (found === undefined) throw new HubProblem("not-found", "There is no such integration.");
    return found;
  };
  const services: HubServices = {
    publicUrl,
    clock: systemClock,
    sessions: {
      logIn: () => Promise.resolve({ ok: false, reason: "too-many", retryAfterSeconds: 300 }),
      find: (given) => Promise.resolve(given === secret ? session : undefined),
      logOut: () => Promise.resolve(),
      findToken: () => Promise.resolve(undefined),
    },
    integrations: {
      list: () => Promise.resolve({ items: integrations, next: null }),
      get: (_actor, id) => Promise.resolve().then(() => find(id)),
      create: () => Promise.resolve().then(refused),
      change: () => Promise.reject(new HubProblem("too-many-requests", "Slow down.", { retryAfterSeconds: 90 })),
      remove: () => Promise.reject(new HubProblem("conflict", "Changed meanwhile.")),
    },
    linking: {
      connect: () => Promise.reject(new HubProblem("wrong-pin", "Wrong or expired.")),
      look: () => Promise.resolve({ ...installation, pinAt: installation.lastSeenAt, linkedTo: null }),
    },
    imports: {
      list: (_actor, { integrationId, limit }) =>
        Promise.resolve({ items: sampleImports(integrationId).slice(0, limit), next: "older" }),
      get: () => Promise.resolve().then(refused),
      content: () => Promise.resolve().then(refused),
    },
    rows: {
      summary: (_actor, id) => Promise.resolve(sampleSummary(id)),
      windows: (_actor, { integrationId }) => Promise.resolve({ items: sampleWindows(integrationId), next: "older" }),
      stream: () => Promise.resolve().then(refused),
    },
    requests: {
      create: () => Promise.resolve().then(refused),
      get: (_actor, { id }) => Promise.resolve(sampleTest(id)),
    },
    changes: {
      next: (_topic, signal) =>
        new Promise((resolve) => {
          if (signal.aborted) return resolve();
          signal.addEventListener("abort", () => resolve(), { once: true });
        }),
    },
  };
  return { services, secret, csrfToken };
}
