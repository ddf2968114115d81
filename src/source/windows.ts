/**
 * Which window of time is read next: pure decisions on a {@linkcode ReadState}, which the ledger keeps.
 *
 * Two readers work side by side, never in each other's time range:
 *
 * - **Live** reads from the overlap before `liveToMs` to the present, so that rows committed late are caught. It never
 *   spans more than `liveSpanMs`; what a long outage left unread before that is handed to history as a pending range.
 * - **History** takes chunks from the newest end of `pending`, each as long as the last one lets expect to stay short.
 *
 * Everything before the first live window's start is either pending or read, so a crash at any point reads a window
 * again at worst. The present is rounded up to a grid: the same window is read again until the grid moves on, and an
 * unchanged one need not be sent. Edges are settled (`time_zone.ts`), so daylight saving loses and doubles no row.
 */
import type { DatabaseSource } from "../protocol/database.ts";
import { edgeAtOrAfter, edgeAtOrBefore } from "./time_zone.ts";

const secondMs = 1000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** From inclusive, to exclusive, in ms since the epoch; both settled. */
export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

/** How far one source has been read. */
export interface ReadState {
  /** Live has read everything up to here, in ms since the epoch; `null` before its first success. */
  readonly liveToMs: number | null;
  /** Not yet read, disjoint, oldest first. */
  readonly pending: readonly Window[];
  /** Length of the next history chunk, in ms. */
  readonly chunkMs: number;
  /** Longest live window, in ms: less than {@linkcode limits.liveSpanMsMax} when the database is slow. */
  readonly liveSpanMs: number;
  /** Since when nothing is read because the integration is paused. */
  readonly pausedSinceMs: number | null;
}

/** What a source says about its windows. */
export type WindowSettings = Pick<
  DatabaseSource,
  "dataType" | "intervalMinutes" | "timeZone" | "everyMinutes" | "historyFrom" | "reconciliation" | "realTime"
>;

/** The numbers behind the decisions. */
export const limits = {
  /** One query should not take longer. */
  queryMsTarget: 30 * secondMs,
  chunkMsMin: 15 * minuteMs,
  chunkMsFirst: dayMs,
  chunkMsMax: 92 * dayMs,
  liveSpanMsMax: dayMs,
  /** Not less than an overlap and the longest pause between two runs. */
  liveSpanMsMin: 3 * hourMs,
  /** A contact's row is often written when it ends, hours after its timestamp. */
  contactOverlapMs: 2 * hourMs,
  statusOverlapMs: 15 * minuteMs,
  /** Agent status is read again, and made up after a pause, this far back. */
  reconciliationMs: dayMs,
  realTimeMs: 10 * secondMs,
  /** Edges of the windows of contacts and of agent status lie on this grid. */
  gridMinutes: 15,
  realTimeGridMinutes: 5,
  /** A batch should not hold more rows, however fast the database is. */
  chunkRowsMax: 2_000_000,
} as const;

export const startState: ReadState = {
  liveToMs: null,
  pending: [],
  chunkMs: limits.chunkMsFirst,
  liveSpanMs: limits.liveSpanMsMax,
  pausedSinceMs: null,
};

/** What live reads next, and what a long outage has left for history. */
export interface LivePlan {
  readonly window: Window;
  /** Too far back for this window: for history to read. */
  readonly gap: Window | undefined;
}

/**
 * What live reads now. `full` reads what the regular schedule does; without it, in real time, only what is new.
 */
export function planLive(
  state: ReadState,
  options: { settings: WindowSettings; nowMs: number; full: boolean },
): LivePlan {
  const { settings, nowMs } = options;
  const { timeZone } = settings;
  const minutes = options.full ? gridMinutes(settings) : limits.realTimeGridMinutes;
  const toMs = edgeAtOrAfter(nowMs + 1, { timeZone, minutes });
  const backTo = (ms: number) => edgeAtOrBefore(ms, { timeZone, minutes });

  // A clock that was set back must not make a window that ends before it begins.
  const readTo = state.liveToMs === null ? nowMs : Math.min(state.liveToMs, nowMs);
  const unreadFrom = backTo(readTo - overlapMs(settings));
  const again = settings.dataType === "agent-status" && settings.reconciliation && options.full
    ? backTo(nowMs - limits.reconciliationMs)
    : unreadFrom;
  const wanted = Math.min(unreadFrom, again);
  // What is pending is history's: two readers in one range could be overtaken by one another.
  const pendingTo = Math.min(state.pending.at(-1)?.toMs ?? -Infinity, unreadFrom);
  const fromMs = Math.max(wanted, backTo(nowMs - state.liveSpanMs), pendingTo);
  const gap = state.liveToMs !== null && unreadFrom < fromMs ? { fromMs: unreadFrom, toMs: fromMs } : undefined;
  return { window: { fromMs, toMs }, gap };
}

/** After a live window was read and kept. `nowMs` is when its query began: later rows may be missing. */
export function afterLive(
  state: ReadState,
  options: { plan: LivePlan; settings: WindowSettings; nowMs: number; durationMs: number },
): ReadState {
  const { plan, settings } = options;
  const pending = [...state.pending];
  if (state.liveToMs === null) pending.push(...history(settings, plan.window.fromMs));
  if (plan.gap) pending.push(plan.gap);
  const quick = options.durationMs < limits.queryMsTarget / 2;
  return {
    ...state,
    liveToMs: Math.min(options.nowMs, plan.window.toMs),
    pending: joined(pending),
    liveSpanMs: quick ? Math.min(state.liveSpanMs * 2, limits.liveSpanMsMax) : state.liveSpanMs,
  };
}

/** A live query ran into its time limit: the next one asks for less. */
export function afterLiveTimeout(state: ReadState): ReadState {
  return { ...state, liveSpanMs: Math.max(Math.round(state.liveSpanMs / 2), limits.liveSpanMsMin) };
}

/** What history reads next, the newest first; `undefined` when all is read. */
export function planHistory(state: ReadState, settings: WindowSettings): Window | undefined {
  const newest = state.pending.at(-1);
  if (!newest) return undefined;
  const minutes = gridMinutes(settings);
  const fromMs = edgeAtOrBefore(newest.toMs - state.chunkMs, { timeZone: settings.timeZone, minutes });
  return { fromMs: Math.max(fromMs, newest.fromMs), toMs: newest.toMs };
}

/** After a history chunk was read and kept. */
export function afterHistory(
  state: ReadState,
  options: { window: Window; durationMs: number; rows: number },
): ReadState {
  return {
    ...state,
    pending: without(state.pending, options.window),
    chunkMs: nextChunkMs({
      // A chunk cut short by the end of its range says nothing against the length aimed at.
      chunkMs: Math.max(options.window.toMs - options.window.fromMs, limits.chunkMsMin),
      aimedMs: state.chunkMs,
      durationMs: options.durationMs,
      rows: options.rows,
    }),
  };
}

/** A history query ran into its time limit. */
export function afterHistoryTimeout(state: ReadState): ReadState {
  return { ...state, chunkMs: Math.max(Math.round(state.chunkMs / 4), limits.chunkMsMin) };
}

/**
 * Length of the next chunk, from how the last one did: aims at half of the target, since the load of a database varies,
 * grows at most fourfold, and shrinks as far as needed.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * const day = 86_400_000;
 * assertEquals(nextChunkMs({ chunkMs: day, aimedMs: day, durationMs: 100, rows: 1000 }), 4 * day);
 * assertEquals(nextChunkMs({ chunkMs: day, aimedMs: day, durationMs: 60_000, rows: 1000 }), day / 4);
 * ```
 */
export function nextChunkMs(
  last: { chunkMs: number; aimedMs: number; durationMs: number; rows: number },
): number {
  const byTime = limits.queryMsTarget / 2 / Math.max(last.durationMs, 1);
  const byRows = limits.chunkRowsMax / 2 / Math.max(last.rows, 1);
  const factor = Math.min(byTime, byRows, 4);
  const next = last.chunkMs * factor;
  // Growing from a chunk that was cut short could come out below what was already fine.
  const kept = factor >= 1 ? Math.max(next, last.aimedMs) : next;
  return Math.round(Math.min(Math.max(kept, limits.chunkMsMin), limits.chunkMsMax));
}

/** The integration is paused: remembers since when. */
export function onPaused(state: ReadState, nowMs: number): ReadState {
  return state.pausedSinceMs === null ? { ...state, pausedSinceMs: nowMs } : state;
}

/**
 * The integration is resumed. Contacts are made up in full; agent status only the last 24 hours of the pause, while an
 * outage before the pause is still made up whole.
 */
export function onResumed(state: ReadState, options: { settings: WindowSettings; nowMs: number }): ReadState {
  const { pausedSinceMs, liveToMs } = state;
  if (pausedSinceMs === null) return state;
  const resumed = { ...state, pausedSinceMs: null };
  const { settings, nowMs } = options;
  const backTo = nowMs - limits.reconciliationMs;
  if (settings.dataType !== "agent-status" || liveToMs === null || pausedSinceMs >= backTo) return resumed;
  const { timeZone } = settings;
  const grid = { timeZone, minutes: limits.gridMinutes };
  const before: Window = {
    fromMs: edgeAtOrBefore(liveToMs - overlapMs(settings), grid),
    toMs: edgeAtOrAfter(pausedSinceMs, grid),
  };
  // Live starts its overlap before this, so that it begins 24 hours back and not earlier.
  const liveFrom = Math.max(liveToMs, backTo + overlapMs(settings));
  return { ...resumed, liveToMs: liveFrom, pending: joined([...state.pending, before]) };
}

/** An earlier start of the history, set in the hub later on, adds what lies before; a later start takes it away. */
export function onHistoryChanged(
  state: ReadState,
  options: { settings: WindowSettings; beforeMs: number | null },
): ReadState {
  const { settings, beforeMs } = options;
  const fromMs = historyFromMs(settings);
  if (state.liveToMs === null || fromMs === beforeMs) return state;
  if (fromMs === null) return { ...state, pending: [] };
  const kept = state.pending.flatMap((range) =>
    range.toMs <= fromMs ? [] : [{ ...range, fromMs: Math.max(range.fromMs, fromMs) }]
  );
  const until = beforeMs ?? edgeAtOrBefore(state.liveToMs - limits.liveSpanMsMax, {
    timeZone: settings.timeZone,
    minutes: limits.gridMinutes,
  });
  const added = fromMs < until ? [{ fromMs, toMs: until }] : [];
  return { ...state, pending: joined([...kept, ...added]) };
}

/** First instant of the history, on an edge; `null` for none. */
export function historyFromMs(settings: WindowSettings): number | null {
  if (settings.historyFrom === null) return null;
  const { timeZone } = settings;
  return edgeAtOrBefore(Date.parse(settings.historyFrom), { timeZone, minutes: gridMinutes(settings) });
}

/**
 * When the next regular live run is due: at each multiple of `everyMinutes`, `offsetMs` later so that not all
 * installations ask at once; at once when a run was missed.
 */
export function nextRegularAt(
  options: { lastMs: number | null; everyMinutes: number; offsetMs: number; nowMs: number },
): number {
  const { lastMs, nowMs } = options;
  const everyMs = options.everyMinutes * minuteMs;
  const slot = Math.floor((nowMs - options.offsetMs) / everyMs) * everyMs + options.offsetMs;
  // A last run in the future: the clock was set back.
  if (lastMs === null || lastMs > nowMs || lastMs < slot) return nowMs;
  return slot + everyMs;
}

/** How long history rests after a query: as long as it took, so that half of the time is the database's own. */
export function restAfterMs(durationMs: number): number {
  return Math.min(Math.max(durationMs, 50), 2 * limits.queryMsTarget);
}

function gridMinutes(settings: WindowSettings): number {
  return settings.dataType === "interval" ? settings.intervalMinutes ?? 15 : limits.gridMinutes;
}

function overlapMs(settings: WindowSettings): number {
  return settings.dataType === "agent-status" ? limits.statusOverlapMs : limits.contactOverlapMs;
}

function history(settings: WindowSettings, toMs: number): Window[] {
  const fromMs = historyFromMs(settings);
  return fromMs === null || fromMs >= toMs ? [] : [{ fromMs, toMs }];
}

/** Oldest first, neighbours that touch made one. */
function joined(ranges: readonly Window[]): Window[] {
  const result: Window[] = [];
  for (const range of ranges.toSorted((a, b) => a.fromMs - b.fromMs)) {
    const last = result.at(-1);
    if (last && range.fromMs <= last.toMs) {
      result[result.length - 1] = { fromMs: last.fromMs, toMs: Math.max(last.toMs, range.toMs) };
    } else if (range.fromMs < range.toMs) result.push(range);
  }
  return result;
}

function without(ranges: readonly Window[], hole: Window): Window[] {
  return ranges.flatMap((range) =>
    [
      { fromMs: range.fromMs, toMs: Math.min(range.toMs, hole.fromMs) },
      { fromMs: Math.max(range.fromMs, hole.toMs), toMs: range.toMs },
    ].filter((part) => part.fromMs < part.toMs)
  );
}
