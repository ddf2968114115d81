import { assert, assertEquals } from "../assert.ts";
import type { Column, ColumnKind } from "../../src/database/row_source.ts";
import { type SqliteValue, ValueBlock } from "../../src/database/value_block.ts";
import { rowReader } from "../../src/hub/rows/row_reader.ts";
import { placeColumns } from "../../src/source/columns.ts";
import { rowCheck } from "../../src/source/row_check.ts";

const day = Date.UTC(2026, 5, 1);
const bounds = { fromWallMs: day, toWallMs: day + 86_400_000, fromMs: day - 7_200_000, toMs: day + 79_200_000 };

function column(name: string, kind: ColumnKind = "unknown"): Column {
  return { name, kind, typeName: "" };
}

function checked(
  columns: readonly Column[],
  rows: SqliteValue[][],
  options: { dataType?: "interval" | "contact" | "agent-status" } = {},
): { refused: number[]; rows: number; reasons: readonly string[] } {
  const placement = placeColumns(columns.map(({ name }) => name), options.dataType ?? "interval");
  assert(placement.ok, placement.ok ? "" : placement.reason);
  const { check, refusals } = rowCheck({ placement, columns, bounds });
  const refused: number[] = [];
  for (let at = 0; at < rows.length; at += 4) {
    const block = new ValueBlock(columns, rows.slice(at, at + 4));
    const marks = new Uint8Array(block.rows);
    check(block, marks, at);
    marks.forEach((mark, index) => mark !== 0 && refused.push(at + index));
  }
  return { refused, ...refusals() };
}

const interval = ["QueueIdentifier", "QueueName", "Timestamp", "OFFERED", "answered", "handlingtime", "Channel"].map((
  name,
) => column(name));
const good: SqliteValue[] = ["1", "Q", "2026-06-01 10:00:00", 1n, 2n, 3n, "calls"];

function changed(index: number, value: SqliteValue): SqliteValue[] {
  return good.map((each, at) => at === index ? value : each);
}

Deno.test("good rows pass, in all the ways that databases write values", () => {
  const rows = [
    good,
    changed(2, "2026-06-01"),
    changed(2, "2026-06-01T23:59:59.999"),
    changed(3, "7"),
    changed(3, 7.0),
    changed(6, null),
    changed(6, ""),
    changed(6, "Social_Media"),
    changed(1, null),
  ];
  assertEquals(checked(interval, rows), { refused: [], rows: 0, reasons: [] });
});

Deno.test("a name longer than names are is refused, the longest that may be is not", () => {
  const rows = [changed(0, "x".repeat(1000)), changed(1, "y".repeat(1001)), changed(0, new Uint8Array(1000))];
  assertEquals(checked(interval, rows), {
    refused: [1, 2],
    rows: 2,
    // Column by column.
    reasons: [
      `Row 3: QueueIdentifier is "${"A".repeat(80)}…", longer than 1000 characters`,
      `Row 2: QueueName is "${"y".repeat(80)}…", longer than 1000 characters`,
    ],
  });
});

Deno.test("a bad row is named by its number, column and value, once, and does not hold up the others", () => {
  const rows = [
    good,
    changed(3, "1.5"),
    changed(4, -1n),
    changed(5, null),
    good,
    changed(2, "2026-06-02 00:00:00"),
    changed(2, "2026-05-31 23:59:59"),
    changed(2, "soon"),
    changed(6, "pigeon"),
    [null, null, "never", null, null, null, "x"] as SqliteValue[],
  ];
  const { refused, reasons } = checked(interval, rows);
  assertEquals(refused, [1, 2, 3, 5, 6, 7, 8, 9]);
  assertEquals([...reasons].sort(), [
    "Row 10: QueueIdentifier is NULL, but every row must have a value",
    'Row 2: OFFERED is "1.5", not an integer',
    'Row 3: answered is "-1", but must not be negative',
    "Row 4: handlingtime is NULL, but every row must have a value",
    'Row 6: Timestamp is "2026-06-02 00:00:00", outside of the window that was asked for',
    'Row 7: Timestamp is "2026-05-31 23:59:59", outside of the window that was asked for',
    'Row 8: Timestamp is "soon", not a date and time',
    'Row 9: Channel is "pigeon", not one of calls, chats, emails, social_media, documents, cases',
  ]);
});

Deno.test("only the first ten refusals are described, all are counted", () => {
  const { rows, reasons } = checked(interval, Array.from({ length: 25 }, () => changed(3, "x".repeat(500))));
  assertEquals([rows, reasons.length], [25, 10]);
  assert(reasons.every((reason) => reason.length < 200));
});

Deno.test("times with an offset are compared as instants", () => {
  const columns = interval.map((each) => each.name === "Timestamp" ? column("Timestamp", "timestamp-with-zone") : each);
  const rows = [
    changed(2, "2026-06-01 00:00:00+02:00"),
    changed(2, "2026-06-01 22:00:00Z"),
    changed(2, "2026-05-31 22:00:00Z"),
  ];
  assertEquals(checked(columns, rows).refused, [1]);
  assertEquals(checked(interval, rows).refused, [0, 1, 2]);
});

Deno.test("agent status may lack its end, contacts their duration and channel", () => {
  const status = ["agentidentifier", "starttime", "endtime", "activity"].map((name) => column(name));
  const rows: SqliteValue[][] = [
    ["7", "2026-06-01 10:00:00", null, "break"],
    ["7", "2026-06-01 10:00:00", "2026-06-03 11:00:00", "break"],
    ["7", "2026-06-01 10:00:00", "later", "break"],
    ["7", "2026-06-01 10:00:00", null, null],
  ];
  assertEquals(checked(status, rows, { dataType: "agent-status" }).refused, [2, 3]);
  const contact = ["queueidentifier", "queuename", "timestamp", "answered"].map((name) => column(name));
  assertEquals(checked(contact, [["1", "Q", "2026-06-01 10:00", 1n]], { dataType: "contact" }).refused, []);
});

Deno.test("a contact is answered or not by its value, whatever its column's type, and the hub agrees", () => {
  const names = ["queueidentifier", "queuename", "timestamp", "answered"];
  const columns = names.map((name) => column(name, name === "answered" ? "boolean" : "unknown"));
  const hub = rowReader(names, { dataType: "contact", timeZone: "UTC", window: { fromMs: 0, toMs: Infinity } });
  const accepted = [0n, 1n, 7n, 1.0, "0", " 1 ", "1.0", "true", "F", "False", "t"];
  const refused = ["yes", "", "truetrue", -1n, 2.5, null, new Uint8Array([1])];
  for (const value of [...accepted, ...refused]) {
    const row = ["1", "Q", "2026-06-01 10:00:00", value];
    const read = hub(row.map((each) => each === null ? "" : new ValueBlock([column("")], [[each]]).text(0, 0) ?? ""));
    const due = refused.includes(value) ? 1 : 0;
    assertEquals(
      [checked(columns, [row], { dataType: "contact" }).rows, "reason" in read ? 1 : 0],
      [due, due],
      `${value}`,
    );
  }
});

Deno.test("an identifier may be the empty text, and the hub agrees, but it must not be NULL", () => {
  assertEquals(checked(interval, [changed(0, ""), changed(0, null)]).refused, [1]);
  const names = interval.map(({ name }) => name);
  const hub = rowReader(names, { dataType: "interval", timeZone: "UTC", window: { fromMs: 0, toMs: Infinity } });
  assert("values" in hub(["", "Q", "2026-06-01 10:00:00", "1", "2", "3", "calls"]));
});

Deno.test("columns are found without regard to case, missing and double ones are named", () => {
  const missing = placeColumns(["A", "Timestamp"], "contact");
  assert(!missing.ok);
  assertEquals(missing.reason.includes("queueidentifier, queuename, answered: it returns A, Timestamp"), true);
  const twice = placeColumns(["agentidentifier", "starttime", "STARTTIME", "activity"], "agent-status");
  assert(!twice.ok && twice.reason.includes("starttime more than once"));
});
