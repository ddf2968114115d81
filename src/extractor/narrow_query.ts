/**
 * The query of a job, narrowed to its window: checked, described, its columns placed, and the time column compared in
 * the format in which the database stores it.
 */
import type { Column, Database, RowSource } from "../database/row_source.ts";
import { errorText } from "../runtime/error_text.ts";
import { placeColumns, type Placement, timeColumnOf } from "../source/columns.ts";
import { connectedDialect } from "../source/dialect.ts";
import { checkQuery } from "../source/query_check.ts";
import { describingQuery, samplingQuery, windowQuery } from "../source/query_text.ts";
import type { TimeBounds } from "../source/row_check.ts";
import type { Reading } from "../source/sql_tokens.ts";
import { needsSample, type TimeParameters, timeParameters } from "../source/time_parameters.ts";
import { wallOfInstant } from "../source/time_zone.ts";
import { QueryError } from "./job_errors.ts";
import type { ExtractJob } from "./messages.ts";

/** The columns that a query returns. */
export interface DescribedQuery {
  readonly columns: RowSource["columns"];
}

/** The connection, and what is known of it. */
export interface NarrowingOptions {
  readonly database: Database;
  readonly signal: AbortSignal;
  /** What is known about earlier queries, for as long as the connection lasts. */
  readonly described: Map<string, DescribedQuery>;
}

/** The query sent to the database. */
export interface NarrowedQuery {
  readonly sql: string;
  readonly bounds: TimeBounds;
  readonly parameters: TimeParameters["parameters"];
  /** Columns that the query returns as text with an offset. */
  readonly zonedColumns: ReadonlySet<string>;
}

/** Fails with {@linkcode QueryError} if the query cannot be narrowed, otherwise with the database's error. */
export async function narrowQuery(job: ExtractJob, options: NarrowingOptions): Promise<NarrowedQuery> {
  const { database } = options;
  const { quote } = database.info;
  const reading = await databaseReading(job, options);
  const { dialect } = reading;
  const checked = checkQuery(job.query, reading);
  if (!checked.ok) throw new QueryError(checked.reason);
  const { query } = checked;
  const { columns } = await describe(describingQuery(query, quote), job, options);
  const placed = placeColumns(columns.map((column) => column.name), job.dataType);
  if (!placed.ok) throw new QueryError(placed.reason);
  const column = columns[placed.time.index];
  if (!column) throw new QueryError(`The query lacks the column ${timeColumnOf(job.dataType)}.`);
  const { fromMs, toMs } = job.window;
  const bounds: TimeBounds = {
    fromMs,
    toMs,
    fromWallMs: wallOfInstant(fromMs, job.timeZone),
    toWallMs: wallOfInstant(toMs, job.timeZone),
  };
  const samples = needsSample(dialect, column)
    ? await valuesOf(samplingQuery(query, { quote, timeColumn: column.name }), job, options)
    : [];
  const zonedColumns = columns.filter((each) => database.info.offsetText(each, quote(each.name)) !== undefined)
    .map(({ name }) => name);
  if (zonedColumns.length > 0) requireApart(columns);
  const zoned = column.kind === "timestamp-with-zone" || zonedColumns.includes(column.name);
  const { parameters, condition, zonedText } = explained(() =>
    timeParameters(bounds, { dialect, column, zoned, samples })
  );
  const sql = windowQuery(query, {
    quote,
    timeColumn: column.name,
    condition,
    ...zonedColumns.length > 0 ? { select: columns.map((each) => selection(each, database)) } : {},
  });
  const zonedTexts = zonedText ? timeColumns(placed, columns) : [];
  return { sql, bounds, parameters, zonedColumns: new Set([...zonedColumns, ...zonedTexts]) };
}

/** How the database itself reads the query: what a backslash does depends on its settings. */
async function databaseReading(job: ExtractJob, options: NarrowingOptions): Promise<Reading> {
  const dialect = connectedDialect(options.database.info.description);
  if (!job.query.includes("\\")) return { dialect };
  const setting = async (sql: string) => (await valuesOf(sql, job, options))[0] ?? "";
  if (dialect === "postgresql") {
    const conforming = await setting("SELECT current_setting('standard_conforming_strings')");
    return { dialect, backslashEscapes: conforming !== "on" };
  }
  if (dialect === "mysql") {
    const mode = await setting("SELECT @@sql_mode");
    return {
      dialect,
      backslashEscapes: !mode.includes("NO_BACKSLASH_ESCAPES"),
      ansiQuotes: mode.includes("ANSI_QUOTES"),
    };
  }
  return { dialect };
}

/** If columns are selected individually, each must have a unique name; the database would call it ambiguous. */
function requireApart(columns: readonly Column[]): void {
  const names = columns.map(({ name }) => name);
  const doubled = new Set(names.filter((name, index) => names.indexOf(name) !== index));
  if (doubled.size === 0) return;
  const shown = [...doubled].map((name) => `"${name}"`).join(", ");
  throw new QueryError(`The query returns ${shown} more than once: give each of them an alias of its own (AS …).`);
}

/** All time columns, which are assumed to share the format of the window's. */
function timeColumns(placed: Extract<Placement, { ok: true }>, columns: readonly Column[]): string[] {
  return placed.columns.flatMap(({ rule, index }) =>
    rule.kind === "time" || rule.kind === "time?" ? columns[index]?.name ?? [] : []
  );
}

function selection(column: Column, database: Database): { name: string; expression(name: string): string } {
  return { name: column.name, expression: (name) => database.info.offsetText(column, name) ?? name };
}

async function describe(sql: string, job: ExtractJob, options: NarrowingOptions): Promise<DescribedQuery> {
  const { database, signal, described } = options;
  const known = described.get(sql);
  if (known) return known;
  await using rows = await database.query(sql, { signal, timeoutSeconds: job.timeoutSeconds });
  const found = { columns: rows.columns.map(({ name, kind, typeName }) => ({ name, kind, typeName })) };
  described.set(sql, found);
  return found;
}

/** The first column of a few rows. */
async function valuesOf(sql: string, job: ExtractJob, { database, signal }: NarrowingOptions): Promise<string[]> {
  await using rows = await database.query(sql, { signal, timeoutSeconds: job.timeoutSeconds });
  const values: string[] = [];
  for await (const block of rows.blocks()) {
    for (let row = 0; row < block.rows; row++) values.push(block.text(0, row) ?? "");
  }
  return values;
}

function explained<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw new QueryError(errorText(error), { cause: error });
  }
}
