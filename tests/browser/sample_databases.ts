/** Database integrations for looking at their pages: one that has read a lot, one that has read nothing, one to be saved. */
import type { Integration, LoadedWindow, RequestState, RowsSummary } from "../../src/hub/services.ts";
import type { DatabaseSettings } from "../../src/hub/settings/database_settings.ts";

const settings: DatabaseSettings = {
  databaseType: "postgresql",
  host: "contact-centre-database-01.kundendienst.intern.example",
  port: 5432,
  database: "contact_centre_reporting",
  user: "injixo_readonly",
  trustServerCertificate: false,
  file: null,
  kept: false,
  dataType: "contact",
  intervalMinutes: null,
  timeZone: "Europe/Berlin",
  query: "SELECT queue_id AS queueidentifier,\n  queue_name_as_the_customer_hears_it AS queuename\nFROM calls",
  everyMinutes: 15,
  realTime: false,
  reconciliation: true,
  history: "2025-03-04",
  passwordSet: true,
  connectionStringSet: false,
};

/** By id; `base` has what every sample has. */
export function sampleDatabases(base: Integration): readonly Integration[] {
  return [
    {
      ...base,
      id: "database",
      name: "Köln, Kontakte",
      type: "database",
      settings,
      test: { id: "ok", state: "ok" },
      loading: 2,
    },
    {
      ...base,
      id: "database-new",
      name: "Agentenstatus",
      type: "database",
      settings: { ...settings, databaseType: "odbc", dataType: "agent-status", passwordSet: false },
      test: { id: "failed", state: "failed" },
    },
    { ...base, id: "database-draft", type: "database", state: "draft", nextStep: "save", draft: true },
  ];
}

const dayMs = 86_400_000;
const start = Date.UTC(2026, 1, 19);
const at = (days: number) => new Date(start + days * dayMs).toISOString();

/** What there is of its rows; nothing, unless it is the first of {@linkcode sampleDatabases}. */
export function sampleSummary(id: string): RowsSummary {
  const nothing = { rows: 0, imported: [], gaps: [], historyLeft: null, refused: [], days: [] };
  if (id !== "database") return { dataType: "agent-status", timeZone: "Europe/Berlin", ...nothing };
  return {
    dataType: "contact",
    timeZone: "Europe/Berlin",
    rows: 12_345_678,
    imported: Array.from({ length: 7 }, (_, n) => ({ from: at(2 * n), to: at(2 * n + 1) })),
    gaps: [{ from: at(1), to: at(2) }],
    historyLeft: { from: at(-300), to: at(0) },
    refused: sampleWindows(id).filter(({ rows }) => rows.refused > 0),
    days: Array.from({ length: 14 }, (_, n) => {
      const contacts = 900 + ((n * 7919) % 400);
      return { day: at(n).slice(0, 10), contacts, answered: Math.floor(contacts * 0.9) };
    }),
  };
}

/** A page of its windows, in all states. */
export function sampleWindows(id: string): readonly LoadedWindow[] {
  if (id !== "database") return [];
  const rows = { source: 1204, refused: 0, batch: 1204, hub: 1204, overtaken: 0, now: 1204 };
  const window = (n: number): LoadedWindow => ({
    from: at(n),
    to: at(n + 1),
    lane: "live",
    sequence: n,
    state: "current",
    rows,
    agrees: true,
    reasons: [],
    error: null,
    receivedAt: at(n + 1),
    loadedAt: at(n + 1),
  });
  return [
    window(5),
    { ...window(4), state: "partly-replaced", rows: { ...rows, hub: 1200, overtaken: 4 } },
    {
      ...window(3),
      state: "replaced",
      rows: { ...rows, refused: 2, batch: 1202, hub: 1202, now: 0 },
      reasons: ['Row 17: answered is "n/a", not an integer', "Row 18: queueidentifier is empty"],
    },
    {
      ...window(2),
      state: "failed",
      rows: { ...rows, hub: 0, now: 0 },
      agrees: false,
      error: "The batch has no column timestamp. Correct the query: it is then read again.",
    },
  ];
}

/** The last test of its settings. */
export function sampleTest(id: string): RequestState {
  const answer = id === "failed"
    ? { ok: false, message: 'Cannot open the database: no driver named "Oracle". Install it, or correct the name.' }
    : {
      ok: true,
      message: "The query returns what is needed.",
      preview: {
        columns: ["queueidentifier", "queuename", "timestamp", "answered"],
        rows: [["4711", "Störungsannahme Köln", "2026-03-04 10:15:12", "1"], [
          "4712",
          null,
          "2026-03-04 10:15:13",
          "0",
        ]],
        rowCount: 2,
      },
    };
  return { id, type: "test", createdAt: "2026-03-04T10:15:12.000Z", answer };
}
