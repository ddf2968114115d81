import { assert, assertEquals, assertRejects } from "../assert.ts";
import { parseTime } from "../../src/database/parse_time.ts";
import type { Column } from "../../src/database/row_source.ts";
import { timeParameters } from "../../src/source/time_parameters.ts";

const text: Column = { name: "timestamp", kind: "text", typeName: "TEXT" };
// A day in Berlin's summer.
const bounds = {
  fromWallMs: Date.UTC(2026, 5, 1),
  toWallMs: Date.UTC(2026, 5, 2),
  fromMs: Date.UTC(2026, 4, 31, 22),
  toMs: Date.UTC(2026, 5, 1, 22),
};

function edges(sample: string | undefined): string[] {
  const { parameters } = timeParameters(bounds, { dialect: "sqlite", column: text, zoned: false, sample });
  return parameters.map((each) => each.type === "text" ? each.value : each.type);
}

Deno.test("SQLite's edges have the form of the column", () => {
  assertEquals(edges(undefined), ["2026-06-01 00:00", "2026-06-02 00:00"]);
  assertEquals(edges("2026-01-01 10:00:00"), ["2026-06-01 00:00", "2026-06-02 00:00"]);
  assertEquals(edges("2026-01-01T10:00"), ["2026-06-01T00:00", "2026-06-02T00:00"]);
  assertEquals(edges("2026-01-01T10:00:00.000Z"), ["2026-05-31T22:00", "2026-06-01T22:00"]);
  assertEquals(edges("2026-01-01 10:00:00+01:00"), ["2026-05-31 22:00:00", "2026-06-01 22:00:00"]);
});

Deno.test("SQLite's edges sort before every value of their minute, in each form", () => {
  for (const value of ["2026-06-01 00:00", "2026-06-01 00:00:00", "2026-06-01 00:00:00.000"]) {
    const [from, to] = edges(value) as [string, string];
    assert(value >= from && value < to);
    assert("2026-05-31 23:59:59.999" < from);
  }
});

Deno.test("columns with a zone are compared with instants, others with the wall clock", () => {
  const column: Column = { name: "timestamp", kind: "timestamp", typeName: "timestamptz" };
  const types = (zoned: boolean) =>
    timeParameters(bounds, { dialect: "postgresql", column, zoned }).parameters.map((each) => each.type);
  assertEquals([types(true), types(false)], [["instant", "instant"], ["timestamp", "timestamp"]]);
});

Deno.test("what is no time says how to make it one", async () => {
  assert(!parseTime("1760000000"));
  await assertRejects(() => edges("1760000000"), /no date and time.*unixepoch/);
});
