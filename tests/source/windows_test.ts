import fc from "fast-check";
import { assert, assertEquals } from "../assert.ts";
import { wallOfInstant } from "../../src/source/time_zone.ts";
import { onHistoryChanged, onPaused, onQueryChanged, onResumed } from "../../src/source/read_changes.ts";
import {
  historyFromMs,
  joined,
  limits,
  type ReadState,
  startState,
  type Window,
  type WindowSettings,
} from "../../src/source/read_state.ts";
import { nextRegularAt } from "../../src/source/run_times.ts";
import {
  afterHistory,
  afterHistoryTooMuch,
  afterLive,
  afterLiveTooMuch,
  nextChunkMs,
  planHistory,
  planLive,
} from "../../src/source/windows.ts";
import { HubModel, type ModelRow } from "./hub_model.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

const contacts: WindowSettings = {
  dataType: "contact",
  timeZone: "Europe/Berlin",
  everyMinutes: 15,
  historyFrom: "2026-10-01T00:00:00Z",
  reconciliation: true,
  realTime: false,
};

function live(state: ReadState, settings: WindowSettings, nowMs: number): { state: ReadState; window: Window } {
  const plan = planLive(state, { settings, nowMs, full: true });
  return { state: afterLive(state, { plan, settings, nowMs, durationMs: 100 }), window: plan.window };
}

Deno.test("history is read newest first, chunk by chunk, down to its first instant", () => {
  const nowMs = Date.UTC(2026, 9, 30, 12);
  let { state, window } = live(startState, contacts, nowMs);
  assertEquals(window.fromMs, nowMs - limits.contactOverlapMs);
  let edge = window.fromMs;
  let chunks = 0;
  for (;;) {
    const chunk = planHistory(state, contacts);
    if (!chunk) break;
    assertEquals(chunk.toMs, edge);
    assert(chunk.fromMs < chunk.toMs);
    edge = chunk.fromMs;
    state = afterHistory(state, { window: chunk, durationMs: 5000, rows: 1000, bytes: 100_000 });
    chunks++;
  }
  // Midnight of the first day is an edge of the zone's own grid.
  assertEquals(edge, Date.UTC(2026, 9, 1));
  assert(chunks > 2 && chunks < 15, `${chunks} chunks`);
});

Deno.test("what came while the clock was ahead is read when it is set back", () => {
  const start = Date.UTC(2026, 9, 15, 12);
  let { state } = live(startState, contacts, start);
  // Read so far: all of the history.
  state = { ...state, pending: [] };
  state = live(state, contacts, start + 365 * dayMs).state;
  state = { ...state, pending: [] };
  const back = live(state, contacts, start + 5 * hourMs);
  const covered = [back.window, ...back.state.pending].toSorted((a, b) => a.fromMs - b.fromMs);
  assert((covered[0]?.fromMs ?? Infinity) <= start, "what came in the first hour is not read");
  assertEquals(covered.at(-1), back.window);
  for (const [index, { fromMs }] of covered.slice(1).entries()) assertEquals(fromMs, covered[index]?.toMs);
  // Once: the next live window is as short as ever.
  assertEquals(
    live(back.state, contacts, start + 6 * hourMs).window.fromMs,
    start + 5 * hourMs - limits.contactOverlapMs,
  );
});

Deno.test("a clock that was a year ahead for weeks: what came meanwhile is read, also without a history", () => {
  const settings = { ...contacts, historyFrom: null };
  const start = Date.UTC(2026, 9, 15, 12);
  let state = live(startState, settings, start - 20 * dayMs).state;
  state = live(state, settings, start).state;
  for (const days of [0, 3, 6, 20]) state = live(state, settings, start + (365 + days) * dayMs).state;
  const back = live({ ...state, pending: [] }, settings, start + 21 * dayMs);
  assert((back.state.pending[0]?.fromMs ?? Infinity) <= start, "what came at first is not read");
  assertEquals(back.state.pending.at(-1)?.toMs, back.window.fromMs);
  const again = live({ ...back.state, pending: [] }, settings, start + 20.5 * dayMs);
  assert((again.state.pending[0]?.fromMs ?? 0) > start, "the clock was not that wrong the second time");
});

Deno.test("a clock before the start of the history reads nothing backwards, and nothing before that start afterwards", () => {
  const start = Date.UTC(2026, 9, 15, 12);
  const early = Date.UTC(2010, 0, 1);
  const read = { ...live(startState, contacts, start).state, pending: [] };
  const wrong = live(read, contacts, early);
  assertEquals(wrong.window, { fromMs: early - limits.contactOverlapMs, toMs: early + 15 * minuteMs });
  const { state, window } = live(wrong.state, contacts, start + hourMs);
  assertEquals(state.pending, [{ fromMs: Date.UTC(2026, 9, 1), toMs: window.fromMs }]);
  const without = live(wrong.state, { ...contacts, historyFrom: null }, start + 3 * dayMs).state;
  assertEquals(without.pending, [{ fromMs: start - limits.contactOverlapMs, toMs: start + 2 * dayMs }]);
});

Deno.test("an outage longer than a live window is made up by history, without overlap or hole", () => {
  const first = live(startState, { ...contacts, historyFrom: null }, Date.UTC(2026, 9, 1, 12));
  const back = live(first.state, { ...contacts, historyFrom: null }, Date.UTC(2026, 9, 11, 12));
  assertEquals(back.window.fromMs, Date.UTC(2026, 9, 10, 12));
  assertEquals(back.state.pending, [{ fromMs: Date.UTC(2026, 9, 1, 10), toMs: Date.UTC(2026, 9, 10, 12) }]);
});

Deno.test("a pause of contacts is made up in full, one of agent status as far as 24 hours back", () => {
  const pausedAt = Date.UTC(2026, 9, 1, 12);
  const nowMs = Date.UTC(2026, 9, 8, 12);
  const read = (settings: WindowSettings) => {
    const before = live(startState, settings, pausedAt);
    const resumed = onResumed(onPaused(onPaused(before.state, pausedAt), pausedAt + hourMs), { settings, nowMs });
    const after = live(resumed, settings, nowMs);
    return { from: after.window.fromMs, pending: after.state.pending };
  };
  const contact = read({ ...contacts, historyFrom: null });
  assertEquals(contact.pending, [{ fromMs: Date.UTC(2026, 9, 1, 10), toMs: Date.UTC(2026, 9, 7, 12) }]);
  for (const reconciliation of [true, false]) {
    const status = read({ ...contacts, dataType: "agent-status", historyFrom: null, reconciliation });
    assertEquals(status.from, Date.UTC(2026, 9, 7, 12));
    // What the run before the pause may have read too early.
    assertEquals(status.pending, [{ fromMs: pausedAt - limits.statusOverlapMs, toMs: pausedAt }]);
  }
});

Deno.test("an outage before a pause of agent status is made up whole", () => {
  const settings: WindowSettings = { ...contacts, dataType: "agent-status", historyFrom: null, reconciliation: false };
  const read = live(startState, settings, Date.UTC(2026, 9, 1, 12));
  const paused = onPaused(read.state, Date.UTC(2026, 9, 4, 12));
  const resumed = onResumed(paused, { settings, nowMs: Date.UTC(2026, 9, 9, 12) });
  assertEquals(resumed.pending, [{ fromMs: Date.UTC(2026, 9, 1, 11, 45), toMs: Date.UTC(2026, 9, 4, 12) }]);
});

Deno.test("agent status with reconciliation is read 24 hours back, without it only since the last time", () => {
  const settings: WindowSettings = { ...contacts, dataType: "agent-status", historyFrom: null };
  const nowMs = Date.UTC(2026, 9, 1, 12);
  const { state } = live(startState, settings, nowMs);
  const next = (reconciliation: boolean, full: boolean) =>
    planLive(state, { settings: { ...settings, reconciliation }, nowMs: nowMs + 15 * minuteMs, full }).window.fromMs;
  assertEquals(next(true, true), nowMs + 15 * minuteMs - dayMs);
  assertEquals(next(false, true), nowMs - limits.statusOverlapMs);
  assertEquals(next(true, false), nowMs - limits.statusOverlapMs);
});

Deno.test("agent status is reconciled again after the clock was a year ahead", () => {
  const settings: WindowSettings = { ...contacts, dataType: "agent-status", historyFrom: null };
  const nowMs = Date.UTC(2026, 9, 1, 12);
  const { state } = live(live(startState, settings, nowMs).state, settings, nowMs + 365 * dayMs);
  let back = live(state, settings, nowMs + hourMs).state;
  for (let chunk; (chunk = planHistory(back, settings));) {
    back = afterHistory(back, { window: chunk, durationMs: 10, rows: 10, bytes: 1000 });
  }
  const laterMs = nowMs + 2 * hourMs;
  assertEquals(planLive(back, { settings, nowMs: laterMs, full: true }).window.fromMs, laterMs - dayMs);
});

Deno.test("in real time the same window is read again until the grid moves on", () => {
  const settings: WindowSettings = { ...contacts, dataType: "agent-status", historyFrom: null, realTime: true };
  let state = live(startState, settings, Date.UTC(2026, 9, 1, 12)).state;
  const windows = new Set<string>();
  for (let ms = Date.UTC(2026, 9, 1, 12, 0, 10); ms < Date.UTC(2026, 9, 1, 12, 30); ms += limits.realTimeMs) {
    const plan = planLive(state, { settings, nowMs: ms, full: false });
    assert(plan.window.toMs > ms);
    windows.add(JSON.stringify(plan.window));
    state = afterLive(state, { plan, settings, nowMs: ms, durationMs: 50 });
  }
  // 180 readings; per five minutes one more for the run that goes back to before the grid moved on.
  assert(windows.size <= 12, `${windows.size} windows`);
});

Deno.test("a chunk grows while queries are quick and shrinks when one is slow, within its limits", () => {
  const step = (durationMs: number) => nextChunkMs({ chunkMs: dayMs, aimedMs: dayMs, durationMs, fullness: 0 });
  assertEquals(step(1), 4 * dayMs);
  assertEquals(step(15_000), dayMs);
  assertEquals(step(60_000), dayMs / 4);
  assertEquals(step(10_000_000), limits.chunkMsMin);
  assertEquals(
    nextChunkMs({ chunkMs: limits.chunkMsMax, aimedMs: dayMs, durationMs: 1, fullness: 0 }),
    limits.chunkMsMax,
  );
  let state: ReadState = { ...startState, chunkMs: dayMs };
  for (let i = 0; i < 10; i++) {
    state = afterLiveTooMuch(afterHistoryTooMuch(state, { fromMs: 0, toMs: state.chunkMs }));
  }
  assertEquals([state.chunkMs, state.liveSpanMs], [limits.chunkMsMin, limits.liveSpanMsMin]);
});

Deno.test("a chunk holds no more rows and bytes than a batch may, and fewer if the driver holds them in memory", () => {
  const pending = [{ fromMs: 0, toMs: 100 * dayMs }];
  const after = (size: { rows: number; bytes: number }, holdsResults = false) =>
    afterHistory({ ...startState, chunkMs: dayMs, pending }, {
      window: { fromMs: 99 * dayMs, toMs: 100 * dayMs },
      durationMs: 1,
      ...size,
      holdsResults,
    }).chunkMs;
  const { chunkMax, chunkHeldMax } = limits;
  assertEquals(after({ rows: 1, bytes: 100 }), 4 * dayMs);
  assertEquals(after({ rows: chunkMax.rows, bytes: 100 }), dayMs / 2);
  assertEquals(after({ rows: 1, bytes: chunkMax.bytes }), dayMs / 2);
  assertEquals(after({ rows: chunkHeldMax.rows, bytes: 100 }, true), dayMs / 2);
  assertEquals(after({ rows: 1, bytes: chunkHeldMax.bytes }, true), dayMs / 2);
  assertEquals(after({ rows: chunkHeldMax.rows, bytes: chunkHeldMax.bytes }), 4 * dayMs);
});

Deno.test("what was too much is not asked for again at once, and a chunk is cut by its own length", () => {
  const state: ReadState = {
    ...startState,
    liveToMs: 1001 * dayMs,
    chunkMs: 92 * dayMs,
    pending: [],
  };
  const cut = afterHistoryTooMuch(state, { fromMs: 0, toMs: dayMs });
  assertEquals(cut.chunkMs, dayMs / 4);
  const lengths: number[] = [];
  for (let after = { ...cut, pending: [{ fromMs: 0, toMs: 1000 * dayMs }] }; after.chunkMs < dayMs;) {
    const window = planHistory(after, contacts);
    assert(window);
    lengths.push(after.chunkMs);
    after = {
      ...after,
      ...afterHistory(after, { window, durationMs: 1, rows: 1, bytes: 100 }),
      pending: after.pending,
    };
  }
  assert(lengths.length > 6, `after ${lengths.length} chunks the same length is tried again`);
  assertEquals(lengths[1], dayMs / 2);
});

Deno.test("live leaves to history what is pending, also when it may reach further back again", () => {
  const settings: WindowSettings = { ...contacts, dataType: "agent-status", historyFrom: null };
  let state = live(startState, settings, Date.UTC(2026, 9, 1, 12)).state;
  for (let i = 0; i < 5; i++) state = afterLiveTooMuch(state);
  state = live(state, settings, Date.UTC(2026, 9, 3, 12)).state;
  const pendingTo = state.pending.at(-1)?.toMs ?? 0;
  assertEquals(pendingTo, Date.UTC(2026, 9, 3, 9));
  for (let i = 1; i < 8; i++) {
    const next = live(state, settings, Date.UTC(2026, 9, 3, 12) + i * 15 * minuteMs);
    assert(next.window.fromMs >= pendingTo, new Date(next.window.fromMs).toISOString());
    state = next.state;
  }
  const history = planHistory(state, settings);
  assert(history);
  state = afterHistory(state, { window: { fromMs: 0, toMs: history.toMs }, durationMs: 10, rows: 1, bytes: 100 });
  const free = live(state, settings, Date.UTC(2026, 9, 3, 15));
  assertEquals(free.window.fromMs, Date.UTC(2026, 9, 2, 15));
});

Deno.test("what live reads again anyway is not history's: a lost batch of live is made up by live", () => {
  const at = (hour: number, minute = 0) => Date.UTC(2026, 9, 1, hour, minute);
  const { state } = live(startState, { ...contacts, historyFrom: null }, at(12, 20));
  const reopened = {
    ...state,
    pending: [{ fromMs: at(9), toMs: at(9, 30) }, { fromMs: at(11, 15), toMs: at(12, 15) }],
  };
  assertEquals(planHistory(reopened, contacts), { fromMs: at(9), toMs: at(9, 30) });
  const next = live(reopened, contacts, at(12, 35));
  assertEquals(next.window, { fromMs: at(10, 15), toMs: at(12, 45) });
  assertEquals(next.state.pending, [{ fromMs: at(9), toMs: at(9, 30) }]);
});

Deno.test("a regular run is due at each multiple of its minutes, and at once when one was missed", () => {
  const at = (lastMs: number | null, nowMs: number) =>
    nextRegularAt({ lastMs, everyMinutes: 15, offsetMs: 5000, nowMs });
  const slot = Date.UTC(2026, 9, 1, 12) + 5000;
  assertEquals(at(null, slot + 1), slot + 1);
  assertEquals(at(slot + 100, slot + 200), slot + 15 * minuteMs);
  assertEquals(at(slot - 100, slot + 200), slot + 200);
  assertEquals(at(slot + dayMs, slot), slot);
});

Deno.test("an earlier start of the history adds what lies before, a later one takes it away", () => {
  const nowMs = Date.UTC(2026, 9, 30, 12);
  let { state } = live(startState, contacts, nowMs);
  const beforeMs = Date.UTC(2026, 9, 1);
  for (let chunk; (chunk = planHistory(state, contacts));) {
    state = afterHistory(state, { window: chunk, durationMs: 10, rows: 10, bytes: 1000 });
  }
  const earlier = onHistoryChanged(state, { settings: { ...contacts, historyFrom: "2026-09-01T00:00:00Z" }, beforeMs });
  assertEquals(earlier.pending, [{ fromMs: Date.UTC(2026, 8, 1), toMs: beforeMs }]);
  const later = onHistoryChanged(earlier, { settings: contacts, beforeMs: Date.UTC(2026, 8, 1) });
  assertEquals(later.pending, []);
});

Deno.test("without a history what an outage has left is still read, and a history set later ends where live began", () => {
  const nowMs = Date.UTC(2026, 9, 15, 12);
  const historyMs = Date.UTC(2026, 9, 1);
  const liveSinceMs = nowMs - limits.contactOverlapMs;
  const first = live(startState, contacts, nowMs).state;
  const back = live(first, contacts, nowMs + 4 * dayMs).state;
  assertEquals(back.pending, [{ fromMs: historyMs, toMs: nowMs + 3 * dayMs }]);
  const without = { ...contacts, historyFrom: null };
  const none = onHistoryChanged(back, { settings: without, beforeMs: historyMs });
  assertEquals(none.pending, [{ fromMs: liveSinceMs, toMs: nowMs + 3 * dayMs }]);
  assertEquals(onHistoryChanged(none, { settings: contacts, beforeMs: null }).pending, back.pending);
  const { state } = live(live(startState, without, nowMs).state, without, nowMs + hourMs);
  const later = onHistoryChanged(state, { settings: contacts, beforeMs: null });
  assertEquals(later.pending, [{ fromMs: historyMs, toMs: liveSinceMs }]);
});

Deno.test("without a history, in a corrected time zone all is read again since live reading began", () => {
  const nowMs = Date.UTC(2026, 9, 15, 12);
  const utc = { ...contacts, historyFrom: null, timeZone: "UTC", dataType: "interval", intervalMinutes: 30 } as const;
  const first = live(startState, utc, nowMs).state;
  const back = live(first, utc, nowMs + 90 * dayMs).state;
  // Its half hours are not those of UTC.
  const nepal = { ...utc, timeZone: "Asia/Kathmandu" };
  const { state, window } = live(onQueryChanged(back, nepal), nepal, nowMs + 90 * dayMs);
  const liveSinceMs = nowMs - limits.contactOverlapMs - 15 * minuteMs;
  assertEquals(state.liveSinceMs, liveSinceMs);
  assertEquals(state.pending, [{ fromMs: liveSinceMs, toMs: window.fromMs }]);
});

Deno.test("whatever happens, in the end the hub has every row exactly once", () => {
  const between = (min: number, max: number) => fc.integer({ min, max });
  const event = fc.oneof(
    { weight: 12, arbitrary: fc.record({ do: fc.constant("live" as const), afterMinutes: between(1, 70) }) },
    { weight: 8, arbitrary: fc.record({ do: fc.constant("history" as const), durationMs: between(1, 60_000) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("deliver" as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("outage" as const), afterMinutes: between(60, 5000) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("pause" as const), afterMinutes: between(60, 5000) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("timeout" as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("lose" as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("change history" as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("change query" as const) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant("wrong clock" as const),
        aheadMs: fc.constantFrom(-16 * 365 * dayMs, -2 * dayMs, 3 * hourMs, 3 * dayMs, 365 * dayMs),
        afterMinutes: fc.array(between(1, 2000), { minLength: 1, maxLength: 4 }),
      }),
    },
  );
  const zones = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Africa/Casablanca"];
  // Shortly before a change of the clock in each of them.
  const starts = [
    "2026-10-24T00:00Z",
    "2026-03-27T18:00Z",
    "2026-10-31T00:00Z",
    "2026-04-03T00:00Z",
    "2026-03-20T00:00Z",
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(...zones),
      fc.constantFrom(...starts),
      fc.constantFrom("interval" as const, "contact" as const, "agent-status" as const),
      fc.constantFrom(15 as const, 30 as const),
      fc.array(event, { maxLength: 60 }),
      fc.array(
        fc.record({
          minute: fc.integer({ min: -5 * 1440, max: 20_000 }),
          lateMinutes: fc.integer({ min: 0, max: 100 }),
        }),
        {
          maxLength: 80,
        },
      ),
      (timeZone, start, dataType, intervalMinutes, events, made) => {
        const startMs = Date.parse(start);
        const historyFrom = new Date(startMs - 6 * dayMs).toISOString();
        let settings: WindowSettings = { ...contacts, timeZone, dataType, intervalMinutes, historyFrom };
        // Agent status is read again for a quarter of an hour only.
        const lateMinutesMax = dataType === "agent-status" ? 14 : 100;
        const rows = made.map(({ minute, lateMinutes }, index) => ({
          id: `${index}`,
          atMs: startMs + minute * minuteMs,
          wallMs: wallOfInstant(startMs + minute * minuteMs, timeZone),
          committedMs: startMs + (minute + Math.min(lateMinutes, lateMinutesMax)) * minuteMs,
        }));
        const hub = new HubModel(timeZone);
        let waiting: { window: Window; seen: ModelRow[] }[] = [];
        let trueMs = startMs;
        let aheadMs = 0;
        let state = startState;
        const read = (window: Window) => {
          assert(window.fromMs < window.toMs, "a window ends before it begins");
          const from = wallOfInstant(window.fromMs, timeZone);
          const to = wallOfInstant(window.toMs, timeZone);
          const seen = rows.filter((row) => row.committedMs <= trueMs && row.wallMs >= from && row.wallMs < to);
          waiting.push({ window, seen });
        };
        const deliver = () => {
          for (const { window, seen } of waiting) hub.replace(window, seen);
          waiting = [];
        };
        const runLive = (afterMinutes: number) => {
          trueMs += afterMinutes * minuteMs;
          const nowMs = trueMs + aheadMs;
          const plan = planLive(state, { settings, nowMs, full: true });
          read(plan.window);
          state = afterLive(state, { plan, settings, nowMs, durationMs: 1000 });
        };
        const runHistory = (durationMs: number) => {
          const window = planHistory(state, settings);
          if (!window) return false;
          read(window);
          state = afterHistory(state, { window, durationMs, rows: 5, bytes: 500 });
          return true;
        };
        runLive(0);
        for (const event of events) {
          if (event.do === "live") runLive(event.afterMinutes);
          else if (event.do === "history") runHistory(event.durationMs);
          else if (event.do === "deliver") deliver();
          else if (event.do === "outage") trueMs += event.afterMinutes * minuteMs;
          else if (event.do === "timeout") {
            const chunk = planHistory(state, settings);
            state = afterLiveTooMuch(chunk ? afterHistoryTooMuch(state, chunk) : state);
          } else if (event.do === "lose") {
            const lost = waiting.splice(-2, 1);
            state = { ...state, pending: joined([...state.pending, ...lost.map(({ window }) => window)]) };
          } else if (event.do === "change history") {
            const beforeMs = historyFromMs(settings);
            settings = { ...settings, historyFrom: beforeMs === null ? historyFrom : null };
            state = onHistoryChanged(state, { settings, beforeMs });
          } else if (event.do === "change query") state = onQueryChanged(state, settings);
          else if (event.do === "wrong clock") {
            aheadMs = event.aheadMs;
            for (const afterMinutes of event.afterMinutes) {
              runLive(afterMinutes);
              runHistory(1000);
            }
            aheadMs = 0;
            // Not seen if nothing runs until the right clock is where the wrong one was.
            runLive(1);
          } else if (dataType !== "agent-status") {
            // A pause of agent status is not made up in full.
            state = onPaused(state, trueMs);
            trueMs += event.afterMinutes * minuteMs;
            state = onResumed(state, { settings, nowMs: trueMs });
          }
        }
        runLive(101);
        while (runHistory(100));
        deliver();
        const isDue = ({ atMs }: { atMs: number }) => settings.historyFrom !== null || atMs >= startMs;
        const due = rows.filter((row) => row.committedMs <= trueMs && isDue(row)).map(({ id }) => id).sort();
        const found = hub.ids();
        assertEquals(due.filter((id) => !found.includes(id)), []);
        assertEquals(found, [...new Set(found)]);
        const next = planLive(state, { settings, nowMs: trueMs, full: true }).window;
        if (dataType === "agent-status") assert(next.fromMs <= trueMs - state.liveSpanMs, "status is not reconciled");
      },
    ),
    { numRuns: 300 },
  );
});
