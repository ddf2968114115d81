/** How far a source has been read and with which settings, and the numbers behind the decisions about it. */
import type { DatabaseSource } from "../protocol/database.ts";
import { edgeAtOrBefore } from "./time_zone.ts";

const secondMs = 1000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** From inclusive, to exclusive, in ms since the epoch; both settled edges. */
export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

/** How far one source has been read. */
export interface ReadState {
  /** Live reading has read everything up to here, in ms since the epoch; `null` before its first success. */
  readonly liveToMs: number | null;
  /** Start of the very first live window, in ms: from here on every row is due, with or without a history. */
  readonly liveSinceMs?: number | undefined;
  /** What live reading has last left to history. Where one ends after the present, it was a clock that was ahead. */
  readonly gaps?: readonly Window[] | undefined;
  /** Not yet read, disjoint, oldest first. */
  readonly pending: readonly Window[];
  /** Length of the next history chunk, in ms. */
  readonly chunkMs: number;
  /** Longest live window, in ms: less than {@linkcode limits.liveSpanMsMax} if the database is slow. */
  readonly liveSpanMs: number;
  /** A history chunk or a live window of this length was recently too much, in ms; absent if none was. */
  readonly chunkTooMuchMs?: number | undefined;
  readonly liveTooMuchMs?: number | undefined;
  /** Since when nothing is read because the integration is paused. */
  readonly pausedSinceMs: number | null;
}

/** Everything that is kept about reading one source: how far, and with what. */
export interface SourceProgress {
  /** Identifies what is read (see `query_approval.ts`): a different query starts from the beginning. */
  readonly fingerprint: string;
  /** Identifies the database that is read; `undefined` until known: a different one starts from the beginning. */
  readonly database: string | undefined;
  readonly state: ReadState;
  /** Start of the history when last checked. */
  readonly historyFromMs: number | null;
  /** When the last regular live run succeeded. */
  readonly lastRegularMs: number | null;
  /** The query that was accepted on the premises. */
  readonly accepted: string | undefined;
}

/** The settings of a source that determine its windows. */
export type WindowSettings = Pick<
  DatabaseSource,
  "dataType" | "intervalMinutes" | "timeZone" | "everyMinutes" | "historyFrom" | "reconciliation" | "realTime"
>;

/** The numbers behind the decisions. */
export const limits = {
  /** One query should not take longer. */
  queryMsTarget: 30 * secondMs,
  chunkMsMin: 15 * minuteMs,
  chunkMsFirst: hourMs,
  chunkMsMax: 92 * dayMs,
  liveSpanMsMax: dayMs,
  /** At least an overlap plus the longest pause between two runs. */
  liveSpanMsMin: 3 * hourMs,
  /** A contact's row is often written when the contact ends, hours after its timestamp. */
  contactOverlapMs: 2 * hourMs,
  statusOverlapMs: 15 * minuteMs,
  /** How far back agent status is reread, and caught up on after a pause. */
  reconciliationMs: dayMs,
  /** Setting the clock back by less than this stays within every overlap. */
  clockToleranceMs: 5 * minuteMs,
  /** How far back to reread when the clock is set back: nobody knows since when it was wrong, unless it left a gap. */
  clockBackMs: 7 * dayMs,
  /** Gaps remembered: many if the computer is often off while its clock is ahead. */
  gapsMax: 16,
  realTimeMs: 10 * secondMs,
  /** Windows of contacts and of agent status have their edges on this grid. */
  gridMinutes: 15,
  realTimeGridMinutes: 5,
  /** The largest batch, however fast the database is. */
  chunkMax: { rows: 2_000_000, bytes: 2_000_000_000 },
  /** The same if the driver holds it in memory: about 100 bytes a row besides its values. */
  chunkHeldMax: { rows: 200_000, bytes: 20_000_000 },
} as const;

/** Nothing read yet. */
export const startState: ReadState = {
  liveToMs: null,
  pending: [],
  chunkMs: limits.chunkMsFirst,
  liveSpanMs: limits.liveSpanMsMax,
  pausedSinceMs: null,
};

/** First instant of the history, on an edge; `null` for none. */
export function historyFromMs(settings: WindowSettings): number | null {
  if (settings.historyFrom === null) return null;
  const { timeZone } = settings;
  return edgeAtOrBefore(Date.parse(settings.historyFrom), { timeZone, minutes: gridMinutes(settings) });
}

/** The grid on which edges lie, in minutes. */
export function gridMinutes(settings: WindowSettings): number {
  return settings.dataType === "interval" ? settings.intervalMinutes ?? 15 : limits.gridMinutes;
}

/** How far live reading goes back before what it has already read. */
export function overlapMs(settings: WindowSettings): number {
  return settings.dataType === "agent-status" ? limits.statusOverlapMs : limits.contactOverlapMs;
}

/** Oldest first, with adjacent ranges merged. */
export function joined(ranges: readonly Window[]): Window[] {
  const result: Window[] = [];
  for (const range of ranges.toSorted((a, b) => a.fromMs - b.fromMs)) {
    const last = result.at(-1);
    if (last && range.fromMs <= last.toMs) {
      result[result.length - 1] = { fromMs: last.fromMs, toMs: Math.max(last.toMs, range.toMs) };
    } else if (range.fromMs < range.toMs) result.push(range);
  }
  return result;
}

/** The ranges minus `hole`. */
export function without(ranges: readonly Window[], hole: Window): Window[] {
  return ranges.flatMap((range) =>
    [
      { fromMs: range.fromMs, toMs: Math.min(range.toMs, hole.fromMs) },
      { fromMs: Math.max(range.fromMs, hole.toMs), toMs: range.toMs },
    ].filter((part) => part.fromMs < part.toMs)
  );
}
