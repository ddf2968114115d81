/**
 * Rows of a time range as CSV or JSON, streamed in pieces: each stream has its own connection and reads a snapshot, so
 * that a window replaced meanwhile neither doubles nor loses rows.
 */
import type { DatabaseSync } from "node:sqlite";
import { csvField } from "../../database/csv_buffer.ts";
import type { DataType } from "../../protocol/database.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { TimeRange } from "./coverage.ts";
import { openRows, type RowTable, tableOf } from "./tables.ts";

/** The formats of rows. */
export const rowFormats = ["csv", "json", "spreadsheet"] as const;
/**
 * One of {@linkcode rowFormats}: CSV has a header row, JSON is an array of objects. `spreadsheet` is CSV for people:
 * texts that a spreadsheet would take for a formula are prefixed with an apostrophe, see {@linkcode withoutFormulas}.
 */
export type RowFormat = (typeof rowFormats)[number];

/** Rows per piece, read without a pause. */
const rowsPerPiece = 500;
/**
 * A stream from which nothing is read for this long is cut off: its snapshot keeps the log file from being truncated.
 */
const stallMsMax = 5 * 60_000;
/** So is one that stays open for longer than this. */
const openMsMax = 30 * 60_000;

type SqliteRow = Record<string, string | number | null>;

/** The rows in chronological order. Cancelling closes the file, and so does reading too slowly. */
export function rowStream(
  file: string,
  options: {
    integrationId: string;
    dataType: DataType;
    range: TimeRange;
    format: RowFormat;
    clock: Clock;
    /** Called once when the stream has ended, for whatever reason. */
    onEnd(): void;
  },
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const { dataType, range, format, clock, onEnd } = options;
  const table = tableOf[dataType];
  const encoder = new TextEncoder();
  const openedMs = clock.monotonicMs();
  let takenMs = openedMs;
  const ended = new AbortController();
  let database: DatabaseSync | undefined;
  let pieces: Iterator<string> | undefined;
  const close = () => {
    if (ended.signal.aborted) return;
    ended.abort();
    pieces?.return?.();
    database?.close();
    onEnd();
  };
  /** Runs alongside `pull`, which is not called while nobody reads. */
  const watch = async (controller: ReadableStreamDefaultController) => {
    while (!ended.signal.aborted) {
      const leftMs = Math.min(openedMs + openMsMax, takenMs + stallMsMax) - clock.monotonicMs();
      if (leftMs > 0) {
        await clock.sleep(leftMs, ended.signal).catch(() => {});
        continue;
      }
      close();
      controller.error(new Error("Cannot continue: the rows were read too slowly"));
    }
  };
  return new ReadableStream({
    start(controller) {
      database = openRows(file, { mode: "read" });
      database.exec("pragma query_only = on");
      const rows = database.prepare(
        `select *, 0 as isEnd from (
           select ${table.columns.join(", ")} from ${table.name}
           where source = (select key from source where id = ?) and ${table.time} >= ? and ${table.time} < ?
           order by ${table.time}, n
         ) union all select ${"null, ".repeat(table.columns.length)} 1`,
      ).iterate(options.integrationId, range.fromMs, range.toMs) as Iterable<SqliteRow>;
      const all = complete(rows);
      pieces = format === "json" ? jsonPieces(all, table) : csvPieces(all, { table, format });
      void watch(controller);
    },
    pull(controller) {
      takenMs = clock.monotonicMs();
      try {
        const next = pieces?.next();
        if (next === undefined || next.done === true) {
          close();
          controller.close();
        } else controller.enqueue(encoder.encode(next.value));
      } catch (error) {
        close();
        throw error;
      }
    },
    cancel: close,
  });
}

/** Fails if the rows end prematurely: the runtime's iterator just ends when SQLite fails midway. */
function* complete(rows: Iterable<SqliteRow>): Generator<SqliteRow> {
  for (const row of rows) {
    if (row["isEnd"] === 1) return;
    yield row;
  }
  throw new Error("Cannot continue: the hub's rows end too early; its file rows.db is damaged or the disk is failing");
}

function* csvPieces(
  rows: Iterable<SqliteRow>,
  { table, format }: { table: RowTable; format: "csv" | "spreadsheet" },
): Generator<string> {
  yield `${table.columns.join(",")}\r\n`;
  const safe = format === "csv"
    ? (value: string | number | null) => value
    : (value: string | number | null) => typeof value === "string" ? withoutFormulas(value) : value;
  const line = (row: SqliteRow) => `${table.columns.map((column) => fieldOf(safe(shown(row, column)))).join(",")}\r\n`;
  yield* gathered(rows, line);
}

function* jsonPieces(rows: Iterable<SqliteRow>, table: RowTable): Generator<string> {
  yield "[";
  let before = "\n";
  const line = (row: SqliteRow) => {
    const text = before +
      JSON.stringify(Object.fromEntries(table.columns.map((column) => [column, shown(row, column)])));
    before = ",\n";
    return text;
  };
  yield* gathered(rows, line);
  yield "\n]\n";
}

function* gathered(rows: Iterable<SqliteRow>, line: (row: SqliteRow) => string): Generator<string> {
  let piece = "";
  let count = 0;
  for (const row of rows) {
    piece += line(row);
    if (++count % rowsPerPiece !== 0) continue;
    yield piece;
    piece = "";
  }
  if (piece !== "") yield piece;
}

const timeColumns = new Set(["timestamp", "starttime", "endtime"]);

/** The value as sent: times as RFC 3339 in UTC. */
function shown(row: SqliteRow, column: string): string | number | null {
  const value = row[column] ?? null;
  if (typeof value !== "number" || !timeColumns.has(column)) return value;
  return new Date(value).toISOString().replace(".000Z", "Z");
}

/**
 * A text that no spreadsheet evaluates (OWASP, "CSV Injection"): an apostrophe precedes anything that could begin a
 * formula, at the beginning and after whatever a spreadsheet may take for a separator. Numbers stay numbers.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../../tests/assert.ts";
 * assertEquals(withoutFormulas("=1+1"), "'=1+1");
 * assertEquals(withoutFormulas("a;@b"), "a;'@b");
 * assertEquals(withoutFormulas("-12.5"), "-12.5");
 * ```
 */
export function withoutFormulas(text: string): string {
  if (/^[+-]?\d+(?:[.,]\d+)?$/.test(text)) return text;
  return text.replaceAll(/(?<=(?:^|[;,|\t\r\n])"*)(?=[=+\-@\t\r\uff1d\uff0b\uff0d\uff20])/g, "'");
}

function fieldOf(value: string | number | null): string {
  if (value === null) return "";
  return typeof value === "number" ? String(value) : csvField(value);
}
