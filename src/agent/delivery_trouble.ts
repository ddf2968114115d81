/**
 * What does not get through, and when to retry it. Pure: told what happened and when. Trouble with the connection to
 * the hub holds up everything; trouble with one batch holds up only that batch.
 */
import { restMs } from "./early_retry.ts";
import { HubError, type HubErrorKind } from "./ports.ts";
import { retryDelayMs } from "./retry.ts";
import { strangerRetryMs, StrangerWatch } from "./stranger_watch.ts";
import { errorText } from "../runtime/error_text.ts";

/** `stale` means that an address has expired; up to this many in a row are not worth a log line. */
const quietStaleMax = 2;

/** Nothing gets through. Times are on the monotonic clock. */
export interface Outage {
  readonly kind: HubErrorKind;
  readonly reason: string;
  readonly failures: number;
  readonly sinceMs: number;
  readonly untilMs: number;
  /** Nothing is tried before this time, even if the hub answers other requests. */
  readonly notBeforeMs: number;
}

/** One batch does not get through. */
export interface BatchTrouble {
  readonly reason: string;
  /** In total. */
  readonly failures: number;
  /** Since the hub last received more of it. */
  readonly failuresInARow: number;
  /** How much of it the hub had when the previous try began, in bytes of payload. */
  readonly presentBytes: number;
  readonly sinceMs: number;
  readonly untilMs: number;
  /** Send all parts again: those the hub has do not fit together. */
  readonly afresh: boolean;
  /** Whether it is worth a log line. */
  readonly loud: boolean;
}

/**
 * A delivery that failed. `nowMs` is on the monotonic clock, like all times here: adjusting the wall clock delays no
 * retry.
 */
export interface Failure {
  readonly error: unknown;
  readonly nowMs: number;
}

/** Troubles of one uploader. */
export class DeliveryTroubles {
  readonly #random: () => number;
  readonly #batches = new Map<string, BatchTrouble>();
  readonly #strangers = new StrangerWatch();
  #outage: Outage | undefined;
  /** Kinds of trouble already logged in this outage. */
  readonly #told = new Set<HubErrorKind>();
  #round = 0;

  constructor(options: { random: () => number }) {
    this.#random = options.random;
  }

  get outage(): Outage | undefined {
    return this.#outage;
  }

  /**
   * The token a transfer passes in when it fails: failures of the same round count as one failure of the connection.
   */
  get round(): number {
    return this.#round;
  }

  /** The trouble of a batch, if any. */
  of(id: string): BatchTrouble | undefined {
    return this.#batches.get(id);
  }

  /** The first batch whose trouble is worth a log line. */
  get loudest(): { readonly id: string; readonly trouble: BatchTrouble } | undefined {
    for (const [id, trouble] of this.#batches) if (trouble.loud) return { id, trouble };
    return undefined;
  }

  /** Batches that are not to be tried yet. */
  resting(nowMs: number): string[] {
    return [...this.#batches].filter(([, { untilMs }]) => untilMs > nowMs).map(([id]) => id);
  }

  /** Batches that have failed before. */
  get troubled(): Iterable<string> {
    return this.#batches.keys();
  }

  /** When the next retry is due; `Infinity` for never. An overdue retry is waiting for something else. */
  nextMs(nowMs: number): number {
    if (this.#outage && this.#outage.untilMs > nowMs) return this.#outage.untilMs;
    let next = Infinity;
    for (const { untilMs } of this.#batches.values()) if (untilMs > nowMs && untilMs < next) next = untilMs;
    return next;
  }

  /** Nothing got through. Returns whether this is news: the beginning, or a kind of trouble not logged yet. */
  outageFailed({ error, round, nowMs }: Failure & { error: HubError; round: number }): boolean {
    const before = this.#outage;
    // Transfers running side by side fail together: that is one failure.
    if (before && round !== this.#round) return false;
    this.#round++;
    const failures = (before?.failures ?? 0) + 1;
    const waitMs = this.#strangers.failed(error, nowMs)
      ? strangerRetryMs
      : retryDelayMs(failures, { random: this.#random, error });
    this.#outage = {
      kind: error.kind,
      reason: error.message,
      failures,
      sinceMs: before?.sinceMs ?? nowMs,
      untilMs: nowMs + waitMs,
      notBeforeMs: nowMs + restMs(error, { waitMs }),
    };
    if (!before) this.#told.clear();
    const isNews = !this.#told.has(error.kind);
    this.#told.add(error.kind);
    return isNews;
  }

  /**
   * A batch did not get through. `loud`: because of the batch itself, not of the connection. Returns whether this is
   * news.
   */
  batchFailed(id: string, failure: Failure & { afresh?: boolean; loud?: boolean }): boolean {
    const { error, nowMs, afresh = false } = failure;
    const before = this.#batches.get(id);
    const failuresInARow = (before?.failuresInARow ?? 0) + 1;
    const isExpired = error instanceof HubError && error.kind === "stale" && failuresInARow <= quietStaleMax;
    const loud = before?.loud === true || (!isExpired && failure.loud !== false);
    this.#batches.set(id, {
      reason: errorText(error),
      failures: (before?.failures ?? 0) + 1,
      failuresInARow,
      presentBytes: before?.presentBytes ?? 0,
      sinceMs: before?.sinceMs ?? nowMs,
      untilMs: nowMs + (isExpired ? 0 : retryDelayMs(failuresInARow, { random: this.#random, error })),
      afresh: afresh || before?.afresh === true,
      loud,
    });
    return loud && before?.loud !== true;
  }

  /**
   * A batch is retried, and the hub says how much of it has arrived. If that is more than last time, its addresses may
   * expire just as often again: merely having sent parts proves nothing, as the store may lose them.
   */
  resumed(id: string, presentBytes: number): void {
    const trouble = this.#batches.get(id);
    if (trouble === undefined || presentBytes <= trouble.presentBytes) return;
    this.#batches.set(id, { ...trouble, presentBytes, failuresInARow: 0 });
  }

  /** The hub has answered another request: retry at once, unless the hub asked for time or is busy. */
  reachable(nowMs: number): void {
    if (!this.#outage) return;
    const untilMs = Math.min(this.#outage.untilMs, Math.max(nowMs, this.#outage.notBeforeMs));
    this.#outage = { ...this.#outage, untilMs };
    this.#endRests(untilMs);
  }

  /** Something got through. Returns the outage that this ended, if any. */
  gotThrough(nowMs: number): Outage | undefined {
    const outage = this.#outage;
    this.#outage = undefined;
    this.#strangers.answered();
    if (outage) this.#endRests(nowMs);
    return outage;
  }

  /** Batches that failed because of the outage do not wait beyond its end. */
  #endRests(untilMs: number): void {
    for (const [id, trouble] of this.#batches) {
      if (!trouble.loud) this.#batches.set(id, { ...trouble, untilMs: Math.min(trouble.untilMs, untilMs) });
    }
  }

  /** The batch was delivered, or has left the spool. Returns the trouble it had had, if any. */
  forget(id: string): BatchTrouble | undefined {
    const trouble = this.#batches.get(id);
    this.#batches.delete(id);
    return trouble;
  }
}
