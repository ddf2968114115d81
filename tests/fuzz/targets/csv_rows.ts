/**
 * The content of a batch as the hub reads it into its tables: any bytes in any pieces, any window. It is CSV as another
 * reader understands it too, or refused; a record is taken, or refused with a reason; the counts add up, and what is
 * stored can be handed out again as CSV and JSON.
 */
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import { BatchLoad } from "../../../src/hub/rows/batch_load.ts";
import { CsvError, CsvRecords } from "../../../src/hub/rows/csv_records.ts";
import type { LoadJob } from "../../../src/hub/rows/load_messages.ts";
import { ColumnsMissingError } from "../../../src/hub/rows/row_reader.ts";
import { rowStream } from "../../../src/hub/rows/row_stream.ts";
import { ensureTables, openRows } from "../../../src/hub/rows/tables.ts";
import { type DataType, dataTypes } from "../../../src/protocol/database.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { columnsOf, textCharactersMax } from "../../../src/source/columns.ts";
import { isTimeZone } from "../../../src/source/time_zone.ts";
import type { Random } from "../random.ts";
import { require, requireMessage, type Target } from "../target.ts";

const zones: readonly string[] = [
  "UTC",
  "Europe/Berlin",
  "America/St_Johns",
  "Africa/Monrovia",
  "Pacific/Apia",
  "Nowhere/X",
];
const values: readonly string[] = [
  "2026-03-29 02:30:00",
  "2026-10-25T02:30:00.123+02:00",
  "2026-01-01",
  "0000-01-01 00:00:00",
  "9999-12-31 23:59:59.999999999",
  "2026-02-30 00:00",
  "2026-01-01 24:00:00",
  "1",
  "0",
  "-1",
  "1e3",
  "0x10",
  "9007199254740993",
  " 7 ",
  "true",
  "calls",
  "Emails",
  "",
  "queue",
  '=HYPERLINK("x")',
  "a\r\nb",
];

interface Input {
  readonly dataType: DataType;
  readonly timeZone: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly csv: string;
  /** Length of the pieces that it comes in, in bytes. */
  readonly pieceBytes: number;
}

/** Makes the target: one file of rows, whose transactions are rolled back. */
export async function makeTarget(): Promise<Target> {
  const root = await Deno.makeTempDir({ prefix: "fuzz-" });
  const file = join(root, "rows.db");
  const database = openRows(file, { mode: "load" });
  database.exec("pragma synchronous = off");
  ensureTables(database);
  let sequence = 0;
  return {
    form: "json",
    words: [...values, ...zones, ...dataTypes, ...Object.values(columnsOf).flat().map(({ name }) => name)],
    generate,
    run: (input) => run(input, { database, file, sequence: ++sequence }),
    async [Symbol.asyncDispose]() {
      database.close();
      await Deno.remove(root, { recursive: true });
    },
  };
}

function generate(random: Random): string {
  const dataType = random.pick(dataTypes);
  const names = columnsOf[dataType].map(({ name }) => random.oneIn(8) ? name.toUpperCase() : name);
  const kept = names.filter(() => !random.oneIn(20));
  const header = random.oneIn(3) ? [...kept, "other"] : kept;
  const good: Readonly<Record<string, string>> = { text: "x", integer: "1", time: "2026-03-29 01:30:00", channel: "" };
  const kinds = new Map(columnsOf[dataType].map(({ name, kind }) => [name, kind]));
  const rows = random.many(
    5,
    () =>
      header.map((name) => random.oneIn(4) ? random.pick(values) : good[kinds.get(name.toLowerCase()) ?? ""] ?? "1"),
  );
  const ending = random.pick(["\r\n", "\n"]);
  return JSON.stringify({
    dataType,
    timeZone: random.pick(zones),
    fromMs: Date.UTC(2026, 2, 28),
    toMs: Date.UTC(2026, 2, 30),
    csv: [header, ...rows].map((record) => record.map((field) => csvField(field, random)).join(",") + ending).join(""),
    pieceBytes: random.pick([1, 3, 1000]),
  });
}

function csvField(field: string, random: Random): string {
  return random.oneIn(6) || /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}

async function run(
  text: string,
  { database, file, sequence }: { database: ReturnType<typeof openRows>; file: string; sequence: number },
): Promise<void> {
  const input = inputOf(text);
  if (input === undefined) return;
  const { dataType, timeZone, fromMs, toMs } = input;
  const records = recordsOf(input, text);
  if (records === undefined) return;
  const job = {
    integrationId: "i1",
    batchId: String(sequence),
    epoch: 1,
    sequence,
    dataType,
    timeZone,
    window: { fromMs, toMs },
    lane: "live",
    declaredRows: Math.max(0, records.length - 1),
    refused: { rows: 0, reasons: [] },
    receivedAtMs: 0,
  } as unknown as LoadJob;
  const load = new BatchLoad(database, job);
  try {
    load.begin();
    for (const record of records) load.row(record);
    const result = load.commit(0);
    const seen = result.rows + result.overtaken + result.refused;
    require(
      seen === Math.max(0, records.length - 1),
      () => `${seen} of ${records.length} records: ${JSON.stringify(result)}`,
    );
    if (records.length > 0) await requireHandedOut({ dataType, fromMs, toMs, rows: result.rows }, file);
    requireReasons(database, text);
  } catch (error) {
    if (!(error instanceof ColumnsMissingError)) throw error;
    requireMessage(error.message, text);
  } finally {
    if (database.isTransaction) load.rollback();
  }
}

function requireReasons(database: ReturnType<typeof openRows>, text: string): void {
  const row = database.prepare("select reasons from load order by n desc limit 1").get();
  for (const reason of JSON.parse(String(row?.["reasons"]))) {
    requireMessage(reason, text);
    require(reason.length < 1000, () => `A reason of ${reason.length} characters`);
  }
}

/** The rows of the window, in both forms. */
async function requireHandedOut(
  { dataType, fromMs, toMs, rows }: { dataType: DataType; fromMs: number; toMs: number; rows: number },
  file: string,
): Promise<void> {
  const options = { integrationId: "i1", dataType, range: { fromMs, toMs }, clock: systemClock, onEnd() {} };
  const json = await new Response(rowStream(file, { ...options, format: "json" })).json();
  require(json.length === rows, () => `${json.length} rows are handed out of ${rows}`);
  const csv = await new Response(rowStream(file, { ...options, format: "csv" })).text();
  const quotes = csv.split('"').length - 1;
  require(quotes % 2 === 0, () => `The CSV has ${quotes} quotes: ${csv.slice(0, 500)}`);
}

/** Only what the loader lets come here: known types and zones, windows that are some. */
function inputOf(text: string): Input | undefined {
  let value: Partial<Record<keyof Input, unknown>>;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || typeof value.csv !== "string") return undefined;
  const dataType = dataTypes.find((known) => known === value.dataType);
  const { timeZone, fromMs, toMs } = value;
  if (dataType === undefined || typeof timeZone !== "string" || !isTimeZone(timeZone)) return undefined;
  if (!Number.isSafeInteger(fromMs) || !Number.isSafeInteger(toMs) || Number(fromMs) >= Number(toMs)) return undefined;
  // Times of four-digit years, as BatchOrigin has them.
  if (Number(fromMs) < -62_167_219_200_000 || Number(toMs) > 253_402_300_800_000) return undefined;
  return {
    dataType,
    timeZone,
    fromMs: Number(fromMs),
    toMs: Number(toMs),
    csv: value.csv,
    pieceBytes: Math.max(1, Number(value.pieceBytes) | 0),
  };
}

/** The records, whatever the pieces; `undefined` when it is refused. */
function recordsOf({ csv, pieceBytes }: Input, text: string): readonly string[][] | undefined {
  const bytes = new TextEncoder().encode(csv);
  const records: string[][] = [];
  try {
    const reader = new CsvRecords({
      fieldCharactersMax: textCharactersMax,
      onRecord: (record) => records.push(record),
    });
    for (let at = 0; at < bytes.length; at += pieceBytes) reader.push(bytes.subarray(at, at + pieceBytes));
    reader.end();
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    requireMessage(error.message, text);
    return undefined;
  }
  const isShort = records.every((record) => record.every((field) => field.length <= textCharactersMax));
  if (isShort) {
    const expected = parse(new TextDecoder().decode(bytes), { bom: false, recordDelimiter: ["\r\n", "\n"] });
    require(
      JSON.stringify(records) === JSON.stringify(expected),
      () => `Another reader reads ${JSON.stringify(expected)} instead of ${JSON.stringify(records)}`,
    );
  }
  return records;
}
