/** What has been loaded, for those who plan with it: which time ranges, how many rows, what was refused, and the rows. */
import type { DatabaseSync } from "node:sqlite";
import type { DataType } from "../../protocol/database.ts";
import type { Clock } from "../../runtime/clock.ts";
import { instantOfWall, wallOfInstant } from "../../source/time_zone.ts";
import { decodeCursor, encodeCursor } from "../cursor.ts";
import type { Database } from "../database/schema.ts";
import { integrationRow } from "../integrations.ts";
import { pageItemsDefault, pageItemsMax } from "../limits.ts";
import { type Actor, HubProblem, type LoadedWindow, type Page, type Rows, type RowsSummary } from "../services.ts";
import { databaseSource, type StoredSettings, storedSettings } from "../settings/database_settings.ts";
import { gapsBetween, type TimeRange } from "./coverage.ts";
import { type RowFormat, rowStream } from "./row_stream.ts";
import { StreamSlots } from "./stream_slots.ts";

/** Days in the chart, today included. */
const daysShown = 14;
/** Windows with refused rows that are told. */
const refusedShown = 5;
/** Windows with refused rows that are looked at for one that still counts. */
const refusedLookedAt = 1000;
/** Time ranges and gaps that are told: the newest. */
const rangesShown = 100;
const dayMs = 86_400_000;

/** Reads only: loading is a worker's. */
export class StoredRows implements Rows {
  readonly #options: StoredRowsOptions;
  readonly #slots = new StreamSlots();

  constructor(options: StoredRowsOptions) {
    this.#options = options;
  }

  async summary(actor: Actor, integrationId: string): Promise<RowsSummary> {
    const settings = await this.#settings(actor, integrationId);
    const { dataType, timeZone } = settings;
    const key = this.#key(integrationId);
    const of = { source: key, dataType };
    const { rows: database, clock } = this.#options;
    const imported = (database.prepare(
      `select fromMs, toMs from imported where source = :source and dataType = :dataType
       order by fromMs desc limit ${rangesShown}`,
    ).all(of) as unknown as TimeRange[]).reverse();
    const total = database.prepare("select rows from total where source = :source and dataType = :dataType").get(of);
    const refused = database.prepare(
      `select ${loadColumns} from (select * from load where source = :source and dataType = :dataType
       and agentRefused + hubRefused > 0 order by n desc limit ${refusedLookedAt}) as refused
       where exists (select 1 from segment where segment.load = refused.n) order by n desc limit ${refusedShown}`,
    ).all(of) as unknown as LoadRow[];
    return {
      dataType,
      timeZone,
      rows: Number(total?.["rows"] ?? 0),
      imported: imported.map(instants),
      gaps: gapsBetween(imported).map(instants),
      historyLeft: this.#historyLeft(settings, { integrationId, first: imported[0] }),
      refused: refused.map((row) => this.#window(row)),
      days: this.#days({ ...of, timeZone, nowMs: clock.now() }),
    };
  }

  async windows(
    actor: Actor,
    options: { integrationId: string; cursor?: string | undefined; limit?: number | undefined },
  ): Promise<Page<LoadedWindow>> {
    const { dataType } = await this.#settings(actor, options.integrationId);
    const limit = Math.min(options.limit ?? pageItemsDefault, pageItemsMax);
    const before = options.cursor === undefined ? Number.MAX_SAFE_INTEGER : decodeCursor(options.cursor, "number")[0];
    const rows = this.#options.rows.prepare(
      `select ${loadColumns} from load where source = ? and dataType = ? and n < ? order by n desc limit ?`,
    ).all(this.#key(options.integrationId), dataType, before, limit + 1) as unknown as LoadRow[];
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    return {
      items: page.map((row) => this.#window(row)),
      next: rows.length > limit && last !== undefined ? encodeCursor([last.n, ""]) : null,
    };
  }

  async stream(
    actor: Actor,
    options: { integrationId: string; from?: string | undefined; to?: string | undefined; format: RowFormat },
  ): Promise<{ dataType: DataType; body: ReadableStream<Uint8Array<ArrayBuffer>> }> {
    const { integrationId, format } = options;
    const { dataType } = await this.#settings(actor, integrationId);
    const range = {
      fromMs: options.from === undefined ? -8.64e15 : Date.parse(options.from),
      toMs: options.to === undefined ? 8.64e15 : Date.parse(options.to),
    };
    const { file, clock } = this.#options;
    const onEnd = this.#slots.take(actor);
    try {
      return { dataType, body: rowStream(file, { integrationId, dataType, range, format, clock, onEnd }) };
    } catch (error) {
      onEnd();
      throw error;
    }
  }

  async #settings(actor: Actor, integrationId: string): Promise<StoredSettings> {
    const { settings } = await integrationRow(this.#options.database, { actor, id: integrationId });
    const stored = storedSettings(settings);
    if (stored === undefined) {
      throw new HubProblem("conflict", "This integration has no rows: it is not one of a database that was saved.");
    }
    return stored;
  }

  #key(integrationId: string): number {
    return Number(this.#options.rows.prepare("select key from source where id = ?").get(integrationId)?.["key"] ?? -1);
  }

  #historyLeft(
    settings: StoredSettings,
    { integrationId, first }: { integrationId: string; first: TimeRange | undefined },
  ): RowsSummary["historyLeft"] {
    const noBox = { seal: () => "", open: () => undefined };
    const { historyFrom } = databaseSource(settings, { box: noBox, integrationId });
    if (historyFrom === null || first === undefined || Date.parse(historyFrom) >= first.fromMs) return null;
    return { from: historyFrom, to: new Date(first.fromMs).toISOString() };
  }

  #window(row: LoadRow): LoadedWindow {
    const owned = this.#options.rows.prepare(
      "select coalesce(sum(toMs - fromMs), 0) as ms, coalesce(sum(rows), 0) as rows from segment where load = ?",
    ).get(row.n);
    const ownedMs = Number(owned?.["ms"]);
    return {
      ...instants(row),
      lane: row.lane === "live" ? "live" : "history",
      sequence: row.sequence,
      state: row.error !== null
        ? "failed"
        : ownedMs === 0
        ? "replaced"
        : ownedMs < row.toMs - row.fromMs
        ? "partly-replaced"
        : "current",
      rows: {
        source: row.sourceRows,
        refused: row.agentRefused + row.hubRefused,
        batch: row.batchRows,
        hub: row.rows,
        overtaken: row.overtaken,
        now: Number(owned?.["rows"]),
      },
      agrees: row.error === null && row.sourceRows - row.agentRefused === row.batchRows &&
        row.batchRows === row.rows + row.overtaken,
      reasons: JSON.parse(row.reasons) as string[],
      error: row.error,
      receivedAt: new Date(row.receivedAt).toISOString(),
      loadedAt: new Date(row.loadedAt).toISOString(),
    };
  }

  #days(options: { source: number; dataType: DataType; timeZone: string; nowMs: number }): RowsSummary["days"] {
    const { source, dataType, timeZone, nowMs } = options;
    const today = Math.floor(wallOfInstant(nowMs, timeZone) / dayMs);
    const counts = new Map(
      Array.from({ length: daysShown }, (_, index) => [today - daysShown + 1 + index, { contacts: 0, answered: 0 }]),
    );
    const quarters = this.#options.rows.prepare(
      "select at, contacts, answered from quarter where source = ? and dataType = ? and at >= ? and at <= ?",
    ).all(source, dataType, instantOfWall((today - daysShown + 1) * dayMs, timeZone), nowMs + dayMs);
    for (const { at, contacts, answered } of quarters) {
      const day = counts.get(Math.floor(wallOfInstant(Number(at), timeZone) / dayMs));
      if (day === undefined) continue;
      day.contacts += Number(contacts);
      day.answered += Number(answered);
    }
    return [...counts].map(([day, count]) => ({ day: new Date(day * dayMs).toISOString().slice(0, 10), ...count }));
  }
}

/** Two databases: who may see an integration is in the hub's own, its rows are in a file beside it. */
export interface StoredRowsOptions {
  /** The hub's own database. */
  readonly database: Database;
  /** The open file with the rows, and where it is. */
  readonly rows: DatabaseSync;
  readonly file: string;
  readonly clock: Clock;
}

const loadColumns = `n, fromMs, toMs, sequence, lane, sourceRows, agentRefused, batchRows, rows, overtaken, hubRefused,
  reasons, receivedAt, loadedAt, error`;

interface LoadRow extends TimeRange {
  readonly n: number;
  readonly sequence: number;
  readonly lane: string;
  readonly sourceRows: number;
  readonly agentRefused: number;
  readonly batchRows: number;
  readonly rows: number;
  readonly overtaken: number;
  readonly hubRefused: number;
  readonly reasons: string;
  readonly receivedAt: number;
  readonly loadedAt: number;
  readonly error: string | null;
}

function instants({ fromMs, toMs }: TimeRange): { readonly from: string; readonly to: string } {
  return { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
}
