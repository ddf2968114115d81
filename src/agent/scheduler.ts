/**
 * Reads a database integration: live on its schedule, and history beside it, each on a connection of its own. Which
 * window is next is decided by `source/windows.ts` from what the ledger keeps; the ledger's step is committed in the same
 * transaction as the batch, so a kill at any instant reads a window again at worst.
 */
import { getLogger } from "@logtape/logtape";
import type { Approval, QueryIdentity } from "../source/query_approval.ts";
import { onHistoryChanged, onPaused, onResumed } from "../source/read_changes.ts";
import { historyFromMs, limits, type ReadState, startState, type Window } from "../source/read_state.ts";
import { nextRegularAt, restAfterMs } from "../source/run_times.ts";
import {
  afterHistory,
  afterHistoryTimeout,
  afterLive,
  afterLiveTimeout,
  planHistory,
  planLive,
} from "../source/windows.ts";
import type { Lane } from "./ports.ts";
import { retryDelayMs } from "./retry.ts";
import { failureOf, type Progress, type ProgressLedger, type QueryRunner } from "./scheduler_ports.ts";
import type { SourceRunner } from "./source_switch.ts";
import { runTogether, untilAborted } from "./tasks.ts";
import { WindowReader, type WindowReaderOptions } from "./window_reader.ts";

const log = getLogger(["cloud-link", "database"]);

/** Queries may take this long, in seconds; then less is asked for. */
export const queryTimeoutSeconds = 120;
/** The smallest window may take longer: nothing less can be asked for. */
export const lastQueryTimeoutSeconds = 900;
/** Regular runs of different installations start within this time after the full quarter of an hour, in ms. */
export const regularSpreadMs = 20_000;
/** No wait is longer: a computer that was asleep notices soon that a run is due, in ms. */
const waitMsMax = 30_000;
/** What the scheduler works with, besides what reads one window. */
export interface SchedulerOptions extends WindowReaderOptions {
  readonly live: QueryRunner;
  readonly history: QueryRunner;
  readonly random: () => number;
  /** The installation's word on the hub's query, asked for at every start of the source. */
  readonly approve: (query: QueryIdentity) => Approval;
}

/** Notes that the integration is paused, so that resuming knows since when. To be called with every assignment. */
export function notePause(ledger: ProgressLedger, { nowMs }: { nowMs: number }): void {
  const progress = ledger.progress();
  if (progress) ledger.setProgress({ ...progress, state: onPaused(progress.state, nowMs) });
}

/** The runner of one database integration. */
export class Scheduler implements SourceRunner {
  readonly #options: SchedulerOptions;
  readonly #reader: WindowReader;
  readonly #problems = new Map<Lane | "query", string>();
  #wakeLive = new AbortController();
  #wakeHistory = new AbortController();
  #liveIdle: Promise<void> = Promise.resolve();
  #importNow = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#reader = new WindowReader(options);
  }

  get problem(): string | null {
    return this.#problems.get("query") ?? this.#problems.get("live") ?? this.#problems.get("history") ?? null;
  }

  importNow(): void {
    this.#importNow = true;
    this.#wakeLive.abort();
  }

  async run(signal: AbortSignal): Promise<void> {
    if (!this.#begin()) return await untilAborted(signal);
    try {
      await runTogether([(inner) => this.#runLive(inner), (inner) => this.#runHistory(inner)], signal);
    } finally {
      await Promise.all([this.#options.live.rest(), this.#options.history.rest()]);
    }
  }

  /** Takes up where the ledger is; `false` when this query is not accepted. */
  #begin(): boolean {
    const { source, ledger, clock } = this.#options;
    const known = ledger.progress();
    const approval = this.#options.approve(source);
    if (approval.state === "refused") {
      this.#problems.set("query", approval.reason);
      log.error("{reason} The query is: {query}", { reason: approval.reason, query: source.query });
      return false;
    }
    const { fingerprint } = approval;
    const from = historyFromMs(source);
    let state: ReadState = known?.fingerprint === fingerprint ? known.state : startState;
    if (known !== undefined && known.fingerprint !== fingerprint) {
      log.info("The query has changed: the history is read again with the new one.");
    }
    const nowMs = clock.now();
    state = onResumed(state, { settings: source, nowMs });
    state = onHistoryChanged(state, { settings: source, beforeMs: known?.historyFromMs ?? null });
    const lastRegularMs = known?.fingerprint === fingerprint ? known.lastRegularMs : null;
    ledger.setProgress({
      fingerprint,
      state,
      historyFromMs: from,
      lastRegularMs,
      accepted: fingerprint,
    });
    return true;
  }

  async #runLive(signal: AbortSignal): Promise<void> {
    const { source, clock, random } = this.#options;
    const offsetMs = Math.round(random() * regularSpreadMs);
    const realTime = source.realTime && source.dataType === "agent-status";
    let startedMs = -Infinity;
    let notBeforeMs = -Infinity;
    let failures = 0;
    while (!signal.aborted) {
      const { lastRegularMs } = this.#progress();
      const nowMs = clock.now();
      const regularAt = nextRegularAt({ lastMs: lastRegularMs, everyMinutes: source.everyMinutes, offsetMs, nowMs });
      const full = regularAt <= nowMs || this.#importNow;
      const dueMs = full ? 0 : realTime ? startedMs + limits.realTimeMs - clock.monotonicMs() : regularAt - nowMs;
      const waitMs = this.#importNow ? 0 : Math.max(dueMs, notBeforeMs - clock.monotonicMs());
      if (waitMs > 0) {
        await this.#wait(waitMs, "live", signal);
        continue;
      }
      this.#importNow = false;
      startedMs = clock.monotonicMs();
      failures = await this.#attempt(
        "live",
        failures,
        () => this.#readLive({ full, keepConnection: realTime, signal }),
        signal,
      );
      notBeforeMs = failures > 0 ? clock.monotonicMs() + retryDelayMs(failures + 2, { random }) : -Infinity;
    }
  }

  async #runHistory(signal: AbortSignal): Promise<void> {
    const { source, random } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      await this.#liveIdle;
      signal.throwIfAborted();
      const { state } = this.#progress();
      const window = state.liveToMs === null ? undefined : planHistory(state, source);
      if (!window) {
        await this.#options.history.rest();
        await this.#wait(waitMsMax, "history", signal);
        continue;
      }
      let restMs = 0;
      failures = await this.#attempt("history", failures, async () => {
        restMs = restAfterMs(await this.#readHistory(window, signal));
      }, signal);
      await this.#pause(failures > 0 ? retryDelayMs(failures + 2, { random }) : restMs, signal);
    }
  }

  /** Returns how often this has failed in a row now. */
  async #attempt(lane: Lane, failures: number, act: () => Promise<void>, signal: AbortSignal): Promise<number> {
    try {
      await act();
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      // Whatever it is (a full disk, too), it must not take CSV delivery, linking and the log down with it.
      const reason = error instanceof Error ? error.message : String(error);
      if (failureOf(error) === "timeout") this.#step(lane === "live" ? afterLiveTimeout : afterHistoryTimeout);
      if (this.#problems.get(lane) !== reason) {
        log.error("Cannot read {what} from the database: {reason} It is tried again by itself.", {
          what: lane === "live" ? "new data" : "history",
          reason,
        });
      }
      this.#problems.set(lane, reason);
      return failures + 1;
    }
    if (this.#problems.delete(lane)) {
      log.info("Reading {what} from the database works again.", { what: lane === "live" ? "new data" : "history" });
    }
    return 0;
  }

  async #readLive(options: { full: boolean; keepConnection: boolean; signal: AbortSignal }): Promise<void> {
    const { source, clock, live } = this.#options;
    const idle = Promise.withResolvers<void>();
    this.#liveIdle = idle.promise;
    try {
      const nowMs = clock.now();
      const plan = planLive(this.#progress().state, { settings: source, nowMs, full: options.full });
      await this.#reader.read(plan.window, {
        lane: "live",
        runner: live,
        keepConnection: options.keepConnection,
        timeoutSeconds: this.#timeoutSeconds("live"),
        signal: options.signal,
        advance: (progress, { durationMs }) => ({
          ...progress,
          state: afterLive(progress.state, { plan, settings: source, nowMs, durationMs }),
          lastRegularMs: options.full ? nowMs : progress.lastRegularMs,
        }),
      });
    } finally {
      idle.resolve();
    }
    // There may be history to read now.
    this.#wakeHistory.abort();
  }

  /** Returns how long the query took, in ms. */
  async #readHistory(window: Window, signal: AbortSignal): Promise<number> {
    const { durationMs } = await this.#reader.read(window, {
      lane: "history",
      runner: this.#options.history,
      keepConnection: true,
      timeoutSeconds: this.#timeoutSeconds("history"),
      signal,
      advance: (progress, { durationMs, rows }) => ({
        ...progress,
        state: afterHistory(progress.state, { window, durationMs, rows }),
      }),
    });
    return durationMs;
  }

  #timeoutSeconds(lane: Lane): number {
    const { state } = this.#progress();
    const smallest = lane === "live" ? state.liveSpanMs <= limits.liveSpanMsMin : state.chunkMs <= limits.chunkMsMin;
    return smallest ? lastQueryTimeoutSeconds : queryTimeoutSeconds;
  }

  #progress(): Progress {
    const progress = this.#options.ledger.progress();
    if (!progress) throw new Error("Cannot read the database integration: its ledger was removed");
    return progress;
  }

  #step(change: (state: ReadState) => ReadState): void {
    const progress = this.#progress();
    this.#options.ledger.setProgress({ ...progress, state: change(progress.state) });
  }

  /** Waits, but not longer than until the lane is woken. */
  async #wait(ms: number, lane: Lane, signal: AbortSignal): Promise<void> {
    let wake = lane === "live" ? this.#wakeLive : this.#wakeHistory;
    if (!wake.signal.aborted) {
      try {
        await this.#options.clock.sleep(Math.min(ms, waitMsMax), AbortSignal.any([signal, wake.signal]));
      } catch {
        signal.throwIfAborted();
      }
    }
    wake = lane === "live" ? this.#wakeLive : this.#wakeHistory;
    if (!wake.signal.aborted) return;
    if (lane === "live") this.#wakeLive = new AbortController();
    else this.#wakeHistory = new AbortController();
  }

  /** Waits for the whole of the time. */
  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    await this.#options.clock.sleep(ms, signal);
  }
}
