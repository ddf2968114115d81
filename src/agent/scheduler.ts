/**
 * Reads a database integration: live on its schedule, and history in parallel, each on its own connection.
 * `source/windows.ts` decides which window is next from what the ledger holds; the ledger's step is committed in the
 * same transaction as the batch, so after a kill at any instant the worst case is that a window is read again.
 */
import { getLogger } from "@logtape/logtape";
import { sentence } from "../runtime/error_text.ts";
import { Waker } from "../runtime/waker.ts";
import { untilAborted } from "../runtime/until_aborted.ts";
import type { Approval, QueryIdentity } from "../source/query_approval.ts";
import { limits, type ReadState, type SourceProgress, type Window } from "../source/read_state.ts";
import { nextRegularAt, restAfterMs } from "../source/run_times.ts";
import {
  afterHistory,
  afterHistoryTooMuch,
  afterLive,
  afterLiveTooMuch,
  type LivePlan,
  planLive,
} from "../source/windows.ts";
import { LaneAttempts } from "./lane_attempts.ts";
import type { Lane } from "./ports.ts";
import type { QueryRunner } from "./scheduler_ports.ts";
import { progressOf, takeUp } from "./source_progress.ts";
import type { SourceRunner } from "./source_switch.ts";
import { runTogether } from "./tasks.ts";
import { UnreadableWindows } from "./unreadable_windows.ts";
import { WindowReader, type WindowReaderOptions } from "./window_reader.ts";

const log = getLogger(["cloud-link", "database"]);

/** How long queries may take, in seconds; after that, less is asked for. */
const queryTimeoutSeconds = 120;
/** The smallest window may take longer: it cannot be made smaller. */
const lastQueryTimeoutSeconds = 900;
/** Regular runs of different installations are spread over this time after each full quarter of an hour, in ms. */
const regularSpreadMs = 20_000;
/** Longest wait, in ms: a computer waking from sleep soon notices that a run is due. */
const waitMsMax = 30_000;

/** What the scheduler works with, besides what reads one window. */
export interface SchedulerOptions extends WindowReaderOptions {
  /** The integration's name, for messages. */
  readonly integration: string;
  readonly live: QueryRunner;
  readonly history: QueryRunner;
  readonly random: () => number;
  /** The installation's decision on the hub's query, requested at every start of the source. */
  readonly approve: (query: QueryIdentity) => Approval;
}

/** The runner of one database integration. */
export class Scheduler implements SourceRunner {
  readonly #options: SchedulerOptions;
  readonly #reader: WindowReader;
  readonly #attempts: Readonly<Record<Lane, LaneAttempts>>;
  readonly #unreadable: UnreadableWindows;
  readonly #wakers: Readonly<Record<Lane, Waker>> = { live: new Waker(), history: new Waker() };
  /** Why this query is not accepted. */
  #refusal: string | null = null;
  #liveIdle: Promise<void> = Promise.resolve();
  #importNow = false;
  /** Live reading has worked since history last did. */
  #liveWorks = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#reader = new WindowReader(options);
    const { integration, random } = options;
    this.#unreadable = new UnreadableWindows(options);
    this.#attempts = {
      live: new LaneAttempts("live", { integration, random, onTooMuch: () => this.#step(afterLiveTooMuch) }),
      history: new LaneAttempts("history", {
        integration,
        random,
        onTooMuch: (window, reason) => this.#onHistoryTooMuch(window, reason),
      }),
    };
  }

  get problem(): string | null {
    const { live, history } = this.#attempts;
    return this.#refusal ?? live.problem ?? history.problem ?? this.#unreadable.problem;
  }

  importNow(): void {
    this.#importNow = true;
    this.#wakers.live.wake();
  }

  async run(signal: AbortSignal): Promise<void> {
    if (!this.#begin()) return await untilAborted(signal);
    try {
      await runTogether([(inner) => this.#runLive(inner), (inner) => this.#runHistory(inner)], signal);
    } finally {
      await Promise.all([this.#options.live.rest(), this.#options.history.rest()]);
    }
  }

  /** Resumes where the ledger is; `false` when this query is not accepted. */
  #begin(): boolean {
    const { source, reach, ledger, clock, approve } = this.#options;
    const approval = approve(source);
    if (approval.state === "refused") {
      this.#refusal = approval.reason;
      log.error("{reason} The query is: {query}", { reason: sentence(approval.reason), query: source.query });
      return false;
    }
    const { fingerprint } = approval;
    takeUp(source, { ledger, fingerprint, database: reach.database, nowMs: clock.now() });
    return true;
  }

  async #runLive(signal: AbortSignal): Promise<void> {
    const { source, clock, random } = this.#options;
    const offsetMs = Math.round(random() * regularSpreadMs);
    const realTime = source.realTime && source.dataType === "agent-status";
    let startedMs = -Infinity;
    let notBeforeMs = -Infinity;
    while (!signal.aborted) {
      const { lastRegularMs } = this.#progress();
      const nowMs = clock.now();
      const regularAt = nextRegularAt({ lastMs: lastRegularMs, everyMinutes: source.everyMinutes, offsetMs, nowMs });
      const full = regularAt <= nowMs || this.#importNow;
      const dueMs = full ? 0 : realTime ? startedMs + limits.realTimeMs - clock.monotonicMs() : regularAt - nowMs;
      const waitMs = this.#importNow ? 0 : Math.max(dueMs, notBeforeMs - clock.monotonicMs());
      if (waitMs > 0) {
        await this.#nap(waitMs, "live", signal);
        continue;
      }
      this.#importNow = false;
      startedMs = clock.monotonicMs();
      const plan = planLive(this.#progress().state, { settings: source, nowMs, full });
      const read = async () => {
        await this.#readLive(plan, { nowMs, full, keepConnection: realTime, signal });
        return true;
      };
      const retryMs = await this.#attempts.live.attempt(read, { window: plan.window, signal });
      notBeforeMs = retryMs === undefined ? -Infinity : clock.monotonicMs() + retryMs;
    }
  }

  async #runHistory(signal: AbortSignal): Promise<void> {
    const { source, clock } = this.#options;
    while (!signal.aborted) {
      await this.#liveIdle;
      signal.throwIfAborted();
      const { state } = this.#progress();
      const window = state.liveToMs === null ? undefined : this.#unreadable.plan(state, source);
      if (!window) {
        await this.#options.history.rest();
        await this.#nap(waitMsMax, "history", signal);
        continue;
      }
      if (this.#attempts.history.problem === null) this.#liveWorks = false;
      let restMs = 0;
      const read = async () => {
        restMs = restAfterMs(await this.#readHistory(window, signal));
      };
      const retryMs = await this.#attempts.history.attempt(() => this.#unreadable.read(window, read), {
        window,
        signal,
      });
      await clock.sleep(retryMs ?? restMs, signal);
    }
  }

  async #readLive(
    plan: LivePlan,
    options: { nowMs: number; full: boolean; keepConnection: boolean; signal: AbortSignal },
  ): Promise<void> {
    const { source, live } = this.#options;
    const { nowMs } = options;
    const idle = Promise.withResolvers<void>();
    this.#liveIdle = idle.promise;
    try {
      await this.#reader.read(plan.window, {
        lane: "live",
        runner: live,
        keepConnection: options.keepConnection,
        timeoutSeconds: timeoutSeconds({ isSmallest: this.#progress().state.liveSpanMs <= limits.liveSpanMsMin }),
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
    this.#liveWorks = true;
    // There may now be history to read.
    this.#wakers.history.wake();
  }

  /** Returns how long the query took, in ms. */
  async #readHistory(window: Window, signal: AbortSignal): Promise<number> {
    const { durationMs } = await this.#reader.read(window, {
      lane: "history",
      runner: this.#options.history,
      keepConnection: true,
      timeoutSeconds: timeoutSeconds({ isSmallest: window.toMs - window.fromMs <= limits.chunkMsMin }),
      signal,
      advance: (progress, { durationMs, rows, file, holdsResults }) => ({
        ...progress,
        state: afterHistory(progress.state, { window, durationMs, rows, bytes: file?.bytes ?? 0, holdsResults }),
      }),
    });
    return durationMs;
  }

  /** What cannot be made smaller is put off, provided that it is not the whole database that fails. */
  #onHistoryTooMuch(window: Window, reason: string): void {
    if (this.#progress().state.chunkMs > limits.chunkMsMin) this.#step((state) => afterHistoryTooMuch(state, window));
    else if (this.#liveWorks) this.#unreadable.add(window, reason);
  }

  #progress(): SourceProgress {
    return progressOf(this.#options.ledger);
  }

  #step(change: (state: ReadState) => ReadState): void {
    const progress = this.#progress();
    this.#options.ledger.setProgress({ ...progress, state: change(progress.state) });
  }

  /** Waits, at most until the lane is woken. */
  async #nap(ms: number, lane: Lane, signal: AbortSignal): Promise<void> {
    await this.#wakers[lane].nap(Math.min(ms, waitMsMax), { clock: this.#options.clock, signal });
  }
}

/** What cannot be asked for in smaller pieces may take longer. */
function timeoutSeconds({ isSmallest }: { isSmallest: boolean }): number {
  return isSmallest ? lastQueryTimeoutSeconds : queryTimeoutSeconds;
}
