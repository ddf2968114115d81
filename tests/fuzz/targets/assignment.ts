/**
 * The assignment: whatever passes its schema can be worked with. Windows are planned, the query is narrowed and the
 * connection is checked, with a refusal for people at worst.
 */
import { testSource } from "../../../src/agent/test_source.ts";
import { ExtractJob } from "../../../src/extractor/messages.ts";
import { attributesFromParts } from "../../../src/odbc/connection_parts.ts";
import { parseConnectionString } from "../../../src/odbc/connection_string.ts";
import { assertOffered } from "../../../src/odbc/offered_connection.ts";
import { Assignment } from "../../../src/protocol/assignment.ts";
import type { DatabaseSource } from "../../../src/protocol/database.ts";
import { approveQuery, chooseConnection } from "../../../src/source/query_approval.ts";
import { checkQuery } from "../../../src/source/query_check.ts";
import { startState } from "../../../src/source/read_state.ts";
import { isTimeZone, wallOfInstant } from "../../../src/source/time_zone.ts";
import { afterHistory, afterLive, planHistory, planLive } from "../../../src/source/windows.ts";
import type { Random } from "../random.ts";
import { require, requireMessage, requireSecret, type Target } from "../target.ts";
import { assignments } from "./hub_samples.ts";

const registered = {
  drivers: ["PostgreSQL Unicode", "MariaDB", "FreeTDS"],
  dataSources: [{ name: "acd", driver: "FreeTDS" }],
  libraries: new Map<string, string>(),
};
const now = Date.UTC(2026, 9, 25, 0, 40);
const never = new AbortController().signal;

const words: readonly string[] = [
  "Europe/Berlin",
  "Antarctica/Troll",
  "Africa/Monrovia",
  "+01:00",
  "utc",
  "Etc/GMT+12",
  "mssql",
  "sqlite",
  "odbc",
  "contact",
  "agent-status",
  "kept",
  "file",
  "connectionString",
  "../../etc/passwd",
  "DSN=acd;PWD=Zq7-db-Zq7",
  "2026-02-30T00:00:00Z",
  "0000-01-01T00:00:00Z",
  "9999-12-31T23:59:59Z",
  "SELECT 1",
];

/** Makes the target. */
export function makeTarget(): Promise<Target> {
  return Promise.resolve({
    form: "json",
    words,
    generate: (random: Random) => JSON.stringify(random.pick(assignments)),
    run,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
}

async function run(text: string): Promise<void> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return;
  }
  const parsed = Assignment.safeParse(value);
  if (!parsed.success) return;
  const again = Assignment.safeParse(JSON.parse(JSON.stringify(parsed.data)));
  require(again.success, () => "What was parsed does not parse again");
  const { source, requests } = parsed.data;
  for (const one of [source, ...requests.map((request) => request.type === "test" ? request.source : null)]) {
    if (one?.type !== "database") continue;
    await workWith(one, text);
  }
}

async function workWith(source: DatabaseSource, text: string): Promise<void> {
  approveQuery(source, { allowQueryChanges: false, accepted: ["0"] });
  const chosen = chooseConnection(source, undefined);
  if (!chosen.ok) requireMessage(chosen.reason, text);
  for (const dialect of ["postgresql", "mysql", "mssql", "sqlite", "generic"] as const) {
    const checked = checkQuery(source.query, dialect);
    if (!checked.ok) requireMessage(checked.reason, text);
  }
  checkConnection(source, text);
  await requireTest(source, text);
  if (isTimeZone(source.timeZone)) planWindows(source);
}

function checkConnection({ connection, databaseType }: DatabaseSource, text: string): void {
  try {
    if (connection.by === "connectionString") {
      assertOffered(parseConnectionString(connection.connectionString), registered);
    }
    if (connection.by === "parts" && databaseType !== "odbc" && databaseType !== "sqlite") {
      assertOffered(
        attributesFromParts(databaseType, { parts: connection, installed: registered.drivers }),
        registered,
      );
    }
  } catch (error) {
    if (!(error instanceof Error) || error.constructor !== Error || !error.message.startsWith("Cannot ")) throw error;
    requireMessage(error.message, text);
    requireSecret(error.message, ["PWD=Zq7-db-Zq7"]);
  }
}

/** The hub's request to test it: the extractor gets a job that it understands, or the hub a reason. */
async function requireTest(source: DatabaseSource, text: string): Promise<void> {
  const chosen = chooseConnection(source, undefined);
  if (!chosen.ok) return;
  const answer = await testSource(source, {
    reach: { connection: chosen.connection, sqliteFolders: ["/srv"], folder: "/srv" } as never,
    runner: {
      run(job: unknown) {
        const parsed = ExtractJob.safeParse(JSON.parse(JSON.stringify(job)));
        require(parsed.success, () => `The extractor does not understand its job: ${parsed.error?.message}`);
        return Promise.resolve(emptyResult as never);
      },
    } as never,
    nowMs: now,
    signal: never,
  });
  requireMessage(answer.message, text);
}

const emptyResult = {
  rows: 0,
  refused: { rows: 0, reasons: [] },
  columns: [],
  preview: [],
  durationMs: 1,
  database: "x",
  remarks: [],
};

/** A day of live windows and the history: they end, go forward and lie on minutes of the wall clock. */
function planWindows(settings: DatabaseSource): void {
  let state = startState;
  let live = -Infinity;
  for (let nowMs = now; nowMs < now + 8 * 3_600_000; nowMs += 3_600_000) {
    const plan = planLive(state, { settings, nowMs, full: true });
    const { fromMs, toMs } = plan.window;
    require(fromMs < toMs && toMs >= live, () => `The window ${fromMs} to ${toMs} goes back`);
    require(wallOfInstant(fromMs, settings.timeZone) % 1000 === 0, () => `${fromMs} is no second of the wall clock`);
    live = toMs;
    state = afterLive(state, { plan, settings, nowMs, durationMs: 1000 });
  }
  for (let chunks = 0; chunks < 30; chunks++) {
    const window = planHistory(state, settings);
    if (window === undefined) return;
    require(window.fromMs < window.toMs, () => `The chunk ${window.fromMs} to ${window.toMs} is empty`);
    state = afterHistory(state, { window, durationMs: 1000, rows: 1000, bytes: 100_000 });
  }
}
