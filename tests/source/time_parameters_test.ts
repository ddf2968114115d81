import { DatabaseSync } from "node:sqlite";
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

function edges(...samples: string[]): string[] {
  const { parameters } = timeParameters(bounds, { dialect: "sqlite", column: text, zoned: false, samples });
  return parameters.map((each) => each.type === "text" ? each.value : each.type);
}

Deno.test("SQLite's edges have each form that the column may have, and its offset", () => {
  const midnights = ["2026-06-01", "2026-06-02", "2026-06-01", "2026-06-02"];
  assertEquals(edges(), midnights);
  assertEquals(edges("2026-01-01 10:00:00"), midnights);
  assertEquals(edges("", "no time", "2026-01-01T10:00"), midnights);
  const around = ["2026-05-31 07:00", "2026-06-02T13:00"];
  assertEquals(edges("2026-01-01T10:00:00.000Z"), [...around, "2026-05-31 22:00:00", "2026-06-01 22:00:00"]);
});

const minuteMs = 60_000;

/** The times of a column, one every 20 minutes for three days, in each of the forms. */
function timesIn(formsOf: (ms: number) => string[]): { text: string; ms: number }[] {
  const times: { text: string; ms: number }[] = [];
  for (let ms = Date.UTC(2026, 5, 1); ms < Date.UTC(2026, 5, 4); ms += 20 * minuteMs) {
    times.push(...formsOf(ms).map((text) => ({ text, ms })));
  }
  return times;
}

/** Compares windows of these times, by what SQLite finds and by what they are. */
function requireFound(times: readonly { text: string; ms: number }[], { samples }: { samples: string[] }): void {
  using database = new DatabaseSync(":memory:");
  database.exec("CREATE TABLE t (timestamp TEXT); CREATE INDEX i ON t (timestamp)");
  const insert = database.prepare("INSERT INTO t VALUES (?)");
  for (const { text } of times) insert.run(text);
  for (const [from, to] of [[0, 24], [0, 1], [23, 24], [24, 48], [5, 30], [10, 11], [13, 60]] as const) {
    const fromMs = Date.UTC(2026, 5, 1, from);
    const toMs = Date.UTC(2026, 5, 1, to);
    const window = { fromWallMs: fromMs, toWallMs: toMs, fromMs, toMs };
    const options = { dialect: "sqlite", column: text, zoned: false, samples } as const;
    const { parameters, condition } = timeParameters(window, options);
    const sql = `SELECT timestamp FROM t WHERE ${condition("timestamp")}`;
    const values = parameters.map((each) => each.type === "text" ? each.value : "");
    const found = database.prepare(sql).all(...values).map((row) => String(row["timestamp"])).sort();
    const due = times.filter(({ ms }) => ms >= fromMs && ms < toMs).map((time) => time.text).sort();
    assertEquals(found, due, `${from} to ${to}`);
    const plan = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values).map((row) => String(row["detail"]));
    assert(!plan.some((step) => step.startsWith("SCAN")), plan.join("; "));
  }
}

Deno.test("SQLite compares times in every form as what they are, and finds them by the column's index", () => {
  const times = timesIn((ms) => {
    const iso = new Date(ms).toISOString();
    const forms = [16, 19, 23].flatMap((length) => [iso.slice(0, length), iso.slice(0, length).replace("T", " ")]);
    return ms % (24 * 60 * minuteMs) === 0 ? [...forms, iso.slice(0, 10)] : forms;
  });
  requireFound(times, { samples: [] });
});

Deno.test("SQLite compares times with any offset as the instants they are, and finds them by the column's index", () => {
  const offsets = ["Z", "z", "+00:00", "+01:00", "-05:00", "+05:45", "-11:30", "+14:00"];
  const times = timesIn((ms) =>
    offsets.flatMap((offset, index) => {
      const [, sign, hours, minutes] = /([+-])(..):(..)/.exec(offset) ?? ["", "+", "0", "0"];
      const offsetMs = (Number(hours) * 60 + Number(minutes)) * minuteMs * (sign === "-" ? -1 : 1);
      const wall = new Date(ms + offsetMs).toISOString().slice(0, [16, 19, 23][index % 3]);
      return [wall + offset, `${wall.replace("T", " ")} ${offset}`];
    })
  );
  for (const { text, ms } of times) assertEquals(parseTime(text)?.ms, ms, text);
  for (const sample of ["2026-01-01 10:00Z", "2026-01-01T10:00:00+01:00"]) requireFound(times, { samples: [sample] });
});

Deno.test("an offset that SQLite cannot read is told, and how to write it", async () => {
  const odd = ["2026-06-01 10:30:00+0200", "2026-06-01 10:30+02", "2026-06-01 10:30:00,5Z", "2026-06-01Z"];
  for (const time of odd) {
    assert(parseTime(time)?.hasOffset);
    await assertRejects(() => edges("2026-06-01T10:00:00Z", time), /SQLite cannot read.*\+02:00/);
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
  await assertRejects(() => edges("1760000000"), /not a date and time.*unixepoch/);
});
