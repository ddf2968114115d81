/** How a pause, its end, a changed query and a changed start of the history affect how far a source has been read. */
import {
  gridMinutes,
  historyFromMs,
  joined,
  limits,
  overlapMs,
  type ReadState,
  startState,
  type Window,
  type WindowSettings,
  without,
} from "./read_state.ts";
import { edgeAtOrAfter, edgeAtOrBefore } from "./time_zone.ts";

/** The integration is paused: records since when. */
export function onPaused(state: ReadState, nowMs: number): ReadState {
  return state.pausedSinceMs === null ? { ...state, pausedSinceMs: nowMs } : state;
}

/**
 * The integration is resumed. Contacts are caught up on in full; agent status only for the last 24 hours of the pause,
 * while an outage before the pause is still caught up on completely.
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
  // Live reading starts its overlap before this, so that it begins exactly 24 hours back.
  const liveFrom = Math.max(liveToMs, backTo + overlapMs(settings));
  return { ...resumed, liveToMs: liveFrom, pending: joined([...state.pending, before]) };
}

/** What is read, or where, has changed: nothing counts as read any more, but what was due stays due. */
export function onQueryChanged({ liveSinceMs }: ReadState, settings: WindowSettings): ReadState {
  if (liveSinceMs === undefined) return startState;
  const grid = { timeZone: settings.timeZone, minutes: gridMinutes(settings) };
  return { ...startState, liveSinceMs: edgeAtOrBefore(liveSinceMs, grid) };
}

/**
 * An earlier start of the history, set in the hub later on, adds what lies before; a later start removes it. Without a
 * history what live reading has left is still read: an outage that is being made up, and lost batches.
 */
export function onHistoryChanged(
  state: ReadState,
  options: { settings: WindowSettings; beforeMs: number | null },
): ReadState {
  const { settings, beforeMs } = options;
  const historyMs = historyFromMs(settings);
  if (state.liveToMs === null || historyMs === beforeMs) return state;
  const { liveSinceMs = state.liveToMs } = state;
  const fromMs = historyMs ?? liveSinceMs;
  const kept = without(state.pending, { fromMs: -Infinity, toMs: fromMs });
  return { ...state, pending: joined([...kept, { fromMs, toMs: beforeMs ?? liveSinceMs }]) };
}
