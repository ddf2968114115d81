import { assert, assertEquals } from "../assert.ts";
import { approveQuery, chooseConnection, queryFingerprint } from "../../src/source/query_approval.ts";
import type { DatabaseSource } from "../../src/protocol/database.ts";

const source: DatabaseSource = {
  type: "database",
  databaseType: "postgresql",
  connection: { by: "kept" },
  dataType: "contact",
  timeZone: "Europe/Berlin",
  query: "SELECT 1",
  everyMinutes: 15,
  historyFrom: null,
  reconciliation: true,
  realTime: false,
};

Deno.test("a changed query, type or time zone is another one; a changed schedule is not", () => {
  const same = queryFingerprint(source);
  assertEquals(queryFingerprint({ ...source, everyMinutes: 60, realTime: true } as DatabaseSource), same);
  for (
    const change of [{ query: "SELECT 2" }, { timeZone: "UTC" }, { dataType: "interval" as const }, {
      databaseType: "mssql" as const,
    }]
  ) {
    assert(queryFingerprint({ ...source, ...change }) !== same);
  }
});

Deno.test("the first query is accepted, a changed one only where changes are allowed", () => {
  const accepted = queryFingerprint({ ...source, query: "SELECT 2" });
  const state = (allowQueryChanges: boolean, known: string | undefined) =>
    approveQuery(source, { allowQueryChanges, accepted: known === undefined ? [] : ["another", known] }).state;
  assertEquals([
    state(false, undefined),
    state(false, queryFingerprint(source)),
    state(true, accepted),
    state(false, accepted),
  ], [
    "allowed",
    "allowed",
    "allowed",
    "refused",
  ]);
});

Deno.test("what the installation keeps goes before what the hub says, and is asked for when the hub relies on it", () => {
  const kept = { by: "connectionString", connectionString: "DSN=acd" } as const;
  const parts = { by: "parts", host: "db", database: "acd" } as const;
  assertEquals(chooseConnection({ ...source, connection: parts }, kept), { ok: true, connection: kept, kept: true });
  assertEquals(chooseConnection({ ...source, connection: parts }, undefined), {
    ok: true,
    connection: parts,
    kept: false,
  });
  assertEquals(chooseConnection(source, undefined).ok, false);
  const keptType = source.databaseType;
  assertEquals(chooseConnection(source, parts, { keptType }), { ok: true, connection: parts, kept: true });
  const other = chooseConnection(source, parts, { keptType: keptType === "mysql" ? "mssql" : "mysql" });
  assert(!other.ok && other.reason.includes("[database] type"));
});
