/**
 * Which time window to read next: pure decisions on a {@linkcode ReadState}, which the ledger stores.
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
import { edgeAtOrAfter, edgeAtOrBefore } from "./time_zone.ts";
import {
  gridMinutes,
  historyFromMs,
  joined,
  limits,
  overlapMs,
  type ReadState,
  type Window,
  type WindowSettings,
  without,
} from "./read_state.ts";

/** What live reads next, and what a long outage has left to history. */
export interface LivePlan {
  readonly window: Window;
  /** Too far back for this window: left to history. */
  readonly gap: Window | undefined;
}

/** What live reads now. `full` reads what the regular schedule does; without it, in real time, only what is new. */
export function planLive(
  state: ReadState,
  options: { settings: WindowSettings; nowMs: number; full: boolean },
): LivePlan {
  const { settings, nowMs } = options;
  const { timeZone } = settings;
  const minutes = options.full ? gridMinutes(settings) : limits.realTimeGridMinutes;
  const toMs = edgeAtOrAfter(nowMs + 1, { timeZone, minutes });
  const backTo = (ms: number) => edgeAtOrBefore(ms, { timeZone, minutes });

  const unreadFrom = backTo(readToMs(state, { settings, nowMs }) - overlapMs(settings));
  const again = settings.dataType === "agent-status" && settings.reconciliation && options.full
    ? backTo(nowMs - limits.reconciliationMs)
    : unreadFrom;
  const wanted = Math.min(unreadFrom, again);
  // Pending ranges belong to history: two readers in one range could overtake each other.
  const newest = state.pending.findLast((range) => range.fromMs < unreadFrom);
  const pendingTo = Math.min(newest?.toMs ?? -Infinity, unreadFrom);
  const fromMs = Math.max(wanted, backTo(nowMs - state.liveSpanMs), pendingTo);
  if (state.liveToMs === null) return { window: { fromMs, toMs }, gap: undefined };
  // The clock may have been years back.
  const gap = { fromMs: Math.max(unreadFrom, dueFromMs(state, { settings, nowMs })), toMs: fromMs };
  return { window: { fromMs, toMs }, gap: gap.fromMs < gap.toMs ? gap : undefined };
}

/** The state after a live window was read and stored. `nowMs` is when its query began: later rows may be missing. */
export function afterLive(
  state: ReadState,
  options: { plan: LivePlan; settings: WindowSettings; nowMs: number; durationMs: number },
): ReadState {
  const { plan, settings } = options;
  const isFirst = state.liveToMs === null;
  const pending = [...state.pending];
  if (isFirst) pending.push(...history(state, { settings, toMs: plan.window.fromMs }));
  const gaps = (state.gaps ?? []).filter(({ toMs }) => toMs <= plan.window.toMs);
  if (plan.gap) {
    pending.push(plan.gap);
    gaps.push(plan.gap);
  }
  const quick = options.durationMs < limits.queryMsTarget / 2;
  return {
    ...state,
    liveToMs: Math.min(options.nowMs, plan.window.toMs),
    liveSinceMs: isFirst ? Math.min(state.liveSinceMs ?? Infinity, plan.window.fromMs) : state.liveSinceMs,
    gaps: gaps.slice(-limits.gapsMax),
    // A batch of live that was lost may have left some to be read again: it has been.
    pending: without(joined(pending), plan.window),
    liveSpanMs: quick
      ? Math.max(Math.min(state.liveSpanMs * 2, limits.liveSpanMsMax, bearable(state.liveTooMuchMs)), state.liveSpanMs)
      : state.liveSpanMs,
    liveTooMuchMs: forgotten(state.liveTooMuchMs, { growth: 1.5, lengthMsMax: limits.liveSpanMsMax }),
  };
}

/** A live window was too much for the database or its driver: the next one is smaller. */
export function afterLiveTooMuch(state: ReadState): ReadState {
  const { liveSpanMs } = state;
  return {
    ...state,
    liveSpanMs: Math.max(Math.round(liveSpanMs / 2), limits.liveSpanMsMin),
    liveTooMuchMs: liveSpanMs,
  };
}

/** What history reads next, newest first; `undefined` when everything has been read. */
export function planHistory(state: ReadState, settings: WindowSettings): Window | undefined {
  const grid = { timeZone: settings.timeZone, minutes: gridMinutes(settings) };
  // What lies in the next overlap is live's.
  const liveFromMs = state.liveToMs === null ? Infinity : edgeAtOrBefore(state.liveToMs - overlapMs(settings), grid);
  const newest = state.pending.findLast(({ fromMs }) => fromMs < liveFromMs);
  if (!newest) return undefined;
  const toMs = Math.min(newest.toMs, liveFromMs);
  return { fromMs: Math.max(edgeAtOrBefore(toMs - state.chunkMs, grid), newest.fromMs), toMs };
}

/** The state after a history chunk was read and stored. */
export function afterHistory(
  state: ReadState,
  options: {
    window: Window;
    durationMs: number;
    rows: number;
    /** Of these rows as CSV. */
    bytes: number;
    /** The driver held all rows in memory. @default false */
    holdsResults?: boolean;
  },
): ReadState {
  const most = options.holdsResults === true ? limits.chunkHeldMax : limits.chunkMax;
  return {
    ...state,
    pending: without(state.pending, options.window),
    chunkTooMuchMs: forgotten(state.chunkTooMuchMs, { growth: 1.1, lengthMsMax: limits.chunkMsMax }),
    chunkMs: nextChunkMs({
      // A chunk cut short by the end of its range says nothing against the intended length.
      chunkMs: Math.max(options.window.toMs - options.window.fromMs, limits.chunkMsMin),
      aimedMs: state.chunkMs,
      durationMs: options.durationMs,
      fullness: Math.max(options.rows / most.rows, options.bytes / most.bytes),
      chunkMsMax: bearable(state.chunkTooMuchMs),
    }),
  };
}

/** A history chunk was too much for the database or its driver. It may have been shorter than intended. */
export function afterHistoryTooMuch(state: ReadState, chunk: Window): ReadState {
  const lengthMs = Math.min(state.chunkMs, chunk.toMs - chunk.fromMs);
  return { ...state, chunkMs: Math.max(Math.round(lengthMs / 4), limits.chunkMsMin), chunkTooMuchMs: lengthMs };
}

/**
 * Length of the next chunk, given how long the last one took and how full it was (1: as large as it may be). Aims at
 * half of either, since a database's load and rows vary; grows at most fourfold, and shrinks as far as needed.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * const day = 86_400_000;
 * assertEquals(nextChunkMs({ chunkMs: day, aimedMs: day, durationMs: 100, fullness: 0 }), 4 * day);
 * assertEquals(nextChunkMs({ chunkMs: day, aimedMs: day, durationMs: 60_000, fullness: 0 }), day / 4);
 * assertEquals(nextChunkMs({ chunkMs: day, aimedMs: day, durationMs: 100, fullness: 1 }), day / 2);
 * ```
 */
export function nextChunkMs(
  last: { chunkMs: number; aimedMs: number; durationMs: number; fullness: number; chunkMsMax?: number },
): number {
  const byTime = limits.queryMsTarget / 2 / Math.max(last.durationMs, 1);
  const bySize = 1 / 2 / last.fullness;
  const factor = Math.min(byTime, bySize, 4);
  const next = last.chunkMs * factor;
  // Growing from a chunk that was cut short could end up below a length that already worked.
  const kept = factor >= 1 ? Math.max(next, last.aimedMs) : next;
  const most = Math.min(limits.chunkMsMax, last.chunkMsMax ?? Infinity);
  return Math.round(Math.max(Math.min(kept, most), limits.chunkMsMin));
}

/** Longest window to try after one of `tooMuchMs` failed. */
function bearable(tooMuchMs: number | undefined): number {
  return tooMuchMs === undefined ? Infinity : tooMuchMs / 2;
}

/** After a success a slightly longer window may be tried: the failure may have been bad luck. */
function forgotten(
  tooMuchMs: number | undefined,
  { growth, lengthMsMax }: { growth: number; lengthMsMax: number },
): number | undefined {
  const laterMs = Math.round((tooMuchMs ?? Infinity) * growth);
  return bearable(laterMs) >= lengthMsMax ? undefined : laterMs;
}

/**
 * How far live has read. A clock that is set back had been wrong for a while: rows that arrived meanwhile were looked
 * for at the wrong time.
 */
function readToMs(state: ReadState, { settings, nowMs }: { settings: WindowSettings; nowMs: number }): number {
  if (state.liveToMs === null) return nowMs;
  if (state.liveToMs <= nowMs + limits.clockToleranceMs) return Math.min(state.liveToMs, nowMs);
  const ahead = (state.gaps ?? []).find(({ toMs }) => toMs > nowMs);
  const wrongSinceMs = Math.min(ahead?.fromMs ?? nowMs, nowMs) - limits.clockBackMs;
  return Math.min(Math.max(wrongSinceMs, dueFromMs(state, { settings, nowMs })), nowMs);
}

/** Rows before this need not be read; -Infinity if nobody knows, because the first clock was ahead. */
function dueFromMs(state: ReadState, { settings, nowMs }: { settings: WindowSettings; nowMs: number }): number {
  const { liveSinceMs = Infinity } = state;
  return historyFromMs(settings) ?? (liveSinceMs <= nowMs ? liveSinceMs : -Infinity);
}

/** What is due before the first live window: without a history, what came since that of an earlier query. */
function history(state: ReadState, { settings, toMs }: { settings: WindowSettings; toMs: number }): Window[] {
  const fromMs = historyFromMs(settings) ?? state.liveSinceMs ?? toMs;
  return fromMs >= toMs ? [] : [{ fromMs, toMs }];
}
