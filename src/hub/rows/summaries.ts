/** Summaries of an integration's rows, cached until something is loaded. */
import type { DatabaseSync } from "node:sqlite";
import type { DataType } from "../../protocol/database.ts";
import type { Clock } from "../../runtime/clock.ts";
import { instantOfWall, wallOfInstant } from "../../source/time_zone.ts";
import type { RowsSummary } from "../services.ts";
import { databaseSource, type StoredSettings } from "../settings/database_settings.ts";
import { gapsBetween, type TimeRange } from "./coverage.ts";
import { instants, loadedWindow, type LoadRow, windowColumns } from "./loaded_windows.ts";

/** Days in the chart, today included. */
const daysShown = 14;
/** How many windows with refused rows are reported. */
const refusedShown = 5;
/** How many windows with refused rows are searched for one that still counts. */
const refusedLookedAt = 1000;
/** How many time ranges and gaps are reported: the newest. */
const rangesShown = 100;
/** How many summaries are cached: the newest. */
const keptMax = 100;
const dayMs = 86_400_000;

/** What the summary is about. */
export interface SummaryOf {
  readonly integrationId: string;
  /** The integration's key in the tables. */
  readonly source: number;
  readonly settings: StoredSettings;
}

/** Summaries from an open file of rows. */
export class Summaries {
  readonly #rows: DatabaseSync;
  readonly #clock: Clock;
  readonly #kept = new Map<string, { readonly state: string; readonly summary: RowsSummary }>();

  constructor(options: { rows: DatabaseSync; clock: Clock }) {
    this.#rows = options.rows;
    this.#clock = options.clock;
  }

  /** The current summary. */
  get(of: SummaryOf): RowsSummary {
    const { integrationId, settings } = of;
    const { dataType, timeZone, history } = settings;
    const today = Math.floor(wallOfInstant(this.#clock.now(), timeZone) / dayMs);
    // Changes with every commit of the worker.
    const version = this.#rows.prepare("pragma data_version").get()?.["data_version"];
    const state = JSON.stringify([version, dataType, timeZone, history, today]);
    const kept = this.#kept.get(integrationId);
    if (kept?.state === state) return kept.summary;
    const summary = this.#make(of, today);
    this.#kept.delete(integrationId);
    this.#kept.set(integrationId, { state, summary });
    if (this.#kept.size > keptMax) this.#kept.delete(this.#kept.keys().next().value ?? integrationId);
    return summary;
  }

  #make({ integrationId, source, settings }: SummaryOf, today: number): RowsSummary {
    const { dataType, timeZone } = settings;
    const of = { source, dataType };
    const imported = (this.#rows.prepare(
      `select fromMs, toMs from imported where source = :source and dataType = :dataType
       order by fromMs desc limit ${rangesShown}`,
    ).all(of) as unknown as TimeRange[]).reverse();
    const total = this.#rows.prepare("select rows from total where source = :source and dataType = :dataType").get(of);
    const refused = this.#rows.prepare(
      `select ${windowColumns} from (select * from load where source = :source and dataType = :dataType
       and agentRefused + hubRefused > 0 order by n desc limit ${refusedLookedAt}) as load
       where exists (select 1 from segment where segment.load = n) order by n desc limit ${refusedShown}`,
    ).all(of) as unknown as LoadRow[];
    return {
      dataType,
      timeZone,
      rows: Number(total?.["rows"] ?? 0),
      imported: imported.map(instants),
      gaps: gapsBetween(imported).map(instants),
      historyLeft: historyLeft(settings, { integrationId, first: imported[0] }),
      refused: refused.map(loadedWindow),
      days: this.#days({ source, dataType, timeZone, today }),
    };
  }

  #days(options: { source: number; dataType: DataType; timeZone: string; today: number }): RowsSummary["days"] {
    const { source, dataType, timeZone, today } = options;
    const first = today - daysShown + 1;
    const counts = new Map(
      Array.from({ length: daysShown }, (_, index) => [first + index, { contacts: 0, answered: 0 }]),
    );
    const quarters = this.#rows.prepare(
      "select at, contacts, answered from quarter where source = ? and dataType = ? and at >= ? and at < ?",
    ).all(source, dataType, instantOfWall(first * dayMs, timeZone), instantOfWall((today + 1) * dayMs, timeZone));
    for (const { at, contacts, answered } of quarters) {
      const day = counts.get(Math.floor(wallOfInstant(Number(at), timeZone) / dayMs));
      if (day === undefined) continue;
      day.contacts += Number(contacts);
      day.answered += Number(answered);
    }
    return [...counts].map(([day, count]) => ({ day: new Date(day * dayMs).toISOString().slice(0, 10), ...count }));
  }
}

function historyLeft(
  settings: StoredSettings,
  { integrationId, first }: { integrationId: string; first: TimeRange | undefined },
): RowsSummary["historyLeft"] {
  const noBox = { seal: () => "", open: () => undefined };
  const { historyFrom } = databaseSource(settings, { box: noBox, integrationId });
  if (historyFrom === null || first === undefined || Date.parse(historyFrom) >= first.fromMs) return null;
  return { from: historyFrom, to: new Date(first.fromMs).toISOString() };
}
