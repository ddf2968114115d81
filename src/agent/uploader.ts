/**
 * Delivers what waits in the spool: live data before history, each oldest first. Small batches go whole, several in one
 * request, if the hub accepts that, otherwise several at a time; large ones go one per lane. History waits while live
 * data is being sent.
 *
 * Trouble with the connection pauses everything and is logged once; then one batch at a time probes whether it works
 * again. Trouble with one batch delays that batch. A batch that will never be accepted is set aside.
 *
 * This file is the loop. next_transfers.ts chooses what goes next, batch_sender.ts sends it, and delivery_failures.ts
 * decides what follows a failure.
 */
import type { Assignment } from "../protocol/assignment.ts";
import { wholePayloadBytesMax } from "../protocol/delivery.ts";
import { anySignal } from "../runtime/any_signal.ts";
import type { Clock } from "../runtime/clock.ts";
import type { DailyWindow } from "../runtime/daily_window.ts";
import { Waker } from "../runtime/waker.ts";
import { untilAborted } from "../runtime/until_aborted.ts";
import { BatchSender } from "./batch_sender.ts";
import { DeliveryFailures, isOfWay } from "./delivery_failures.ts";
import { LineSizing } from "./line_sizing.ts";
import { NextTransfers } from "./next_transfers.ts";
import { partBytesMaxAt } from "./part_size.ts";
import { type DeliveryClient, HubError, type Spool } from "./ports.ts";
import { type AcknowledgedBatches, RestoredHub } from "./restored_hub.ts";
import { type DeliveryProgress, type Transfer, TransfersUnderWay } from "./transfers_under_way.ts";
import { UploadHours } from "./upload_hours.ts";
import { wholeSizing } from "./whole_transfer.ts";

/** What the uploader needs of the spool. */
export interface DeliverySpool extends Pick<Spool, "next" | "acknowledge" | "setAside"> {
  /** Fires `change` when there may be more to deliver. */
  readonly changed: EventTarget;
  /** What waits. */
  waiting(): { readonly batches: number };
}

/** The spool to empty and the hub to deliver to; one uploader per link. */
export interface UploaderOptions {
  readonly spool: DeliverySpool & AcknowledgedBatches;
  readonly client: DeliveryClient;
  readonly clock: Clock;
  readonly random: () => number;
  readonly limits?: UploadLimits;
  /** The hub says that the link has ended; nothing is sent after that. */
  readonly onUnlinked: (error: HubError) => void;
}

/** What `[upload]` sets. */
export interface UploadLimits {
  /** Bandwidth limit for payloads, in bytes. */
  readonly bytesPerSecondMax?: number;
  /** Outside it, CSV files and history wait. */
  readonly window?: DailyWindow;
  /**
   * IANA name of the zone that the window refers to.
   * @default this machine's
   */
  readonly timeZone?: () => string;
}

/** Delivers the batches of one link. */
export class Uploader {
  readonly #options: UploaderOptions;
  readonly #waker = new Waker();
  readonly #underWay: TransfersUnderWay;
  readonly #failures: DeliveryFailures;
  readonly #restored: RestoredHub;
  readonly #hours: UploadHours;
  readonly #next: NextTransfers;
  readonly #sender: BatchSender;
  /** Payloads up to this length may go whole, in bytes; 0 until the hub says so. */
  #wholePayloadBytes = 0;
  /** Whether the hub has answered yet. */
  #heard = false;
  /** Nothing got through when it was last tried. */
  #isAway = false;
  #comparing: Promise<void> | undefined;

  constructor(options: UploaderOptions) {
    this.#options = options;
    const { clock, limits: { bytesPerSecondMax, window, timeZone } = {} } = options;
    this.#failures = new DeliveryFailures(options);
    this.#restored = new RestoredHub(options.spool);
    this.#hours = new UploadHours({ clock, window, timeZone: timeZone ?? (() => Temporal.Now.timeZoneId()) });
    const sizing = new LineSizing(partBytesMaxAt(bytesPerSecondMax));
    this.#underWay = new TransfersUnderWay({ sizing });
    const sizings = { sizing, wholeSizing: wholeSizing(bytesPerSecondMax) };
    const shared = { ...options, ...sizings, hours: this.#hours, underWay: this.#underWay };
    this.#next = new NextTransfers({ ...shared, troubles: this.#failures.troubles });
    this.#sender = new BatchSender({
      ...shared,
      bytesPerSecondMax,
      failures: this.#failures,
      onWholeRefused: () => this.#wholePayloadBytes = 0,
    });
  }

  /** What is broken now, one line with the remedy; `null` when all is well. */
  get problem(): string | null {
    const { outage, loudest } = this.#failures.troubles;
    if (outage) return `Nothing is being delivered: ${outage.reason}`;
    return loudest ? `A batch is waiting to be delivered: ${loudest.trouble.reason}` : null;
  }

  /** Why batches are waiting although nothing is broken, one line; `null` when nothing is held back. */
  get notice(): string | null {
    return this.#hours.notice;
  }

  /** Progress of the largest batch under way. */
  get progress(): DeliveryProgress | undefined {
    return this.#underWay.progress;
  }

  /** The hub no longer answers other requests. */
  away(): void {
    this.#restored.away();
  }

  /** The hub has answered another request: pending retries go at once. `again`: after having been unreachable. */
  reachable({ again = false }: { again?: boolean } = {}): void {
    // On first contact, too: the hub may have been restored while this agent was not running.
    if (again || !this.#heard) {
      this.#heard = true;
      this.#restored.returned();
      this.#waker.wake();
    }
    if (!this.#failures.troubles.outage) return;
    this.#failures.troubles.reachable(this.#options.clock.monotonicMs());
    this.#waker.wake();
  }

  /** The hub says how many batches of the integration it has, and what it accepts whole. */
  assigned({ received, wholePayloadBytes = 0 }: Pick<Assignment, "received" | "wholePayloadBytes">): void {
    this.#wholePayloadBytes = Math.min(wholePayloadBytes, wholePayloadBytesMax);
    this.#restored.told(received.count, this.#options.clock.monotonicMs());
    this.#waker.wake();
  }

  /** Delivers until aborted; then rejects with the signal's reason. One run at a time. */
  async run(signal: AbortSignal): Promise<void> {
    const { spool, clock } = this.#options;
    const stop = new AbortController();
    using inner = anySignal(signal, stop.signal);
    const onChange = () => this.#waker.wake();
    this.#restored.away();
    spool.changed.addEventListener("change", onChange);
    try {
      while (!this.#failures.unlinked) {
        // One timestamp for both: a retry falling due between two readings of the clock would have to wait for another
        // event, possibly for ever.
        const nowMs = clock.monotonicMs();
        this.#start(inner.signal, nowMs);
        const nextMs = Math.min(this.#failures.troubles.nextMs(nowMs), this.#restored.nextMs(nowMs));
        const napMs = Math.max(0, nextMs - clock.monotonicMs());
        await this.#waker.nap(Math.min(napMs, this.#hours.waitMs), { clock, signal });
      }
      stop.abort();
      await untilAborted(signal);
    } finally {
      stop.abort();
      spool.changed.removeEventListener("change", onChange);
      await Promise.all([this.#comparing, this.#underWay.settled()]);
    }
    signal.throwIfAborted();
  }

  /** Starts whatever may go now. */
  #start(signal: AbortSignal, nowMs: number): void {
    const { spool } = this.#options;
    // Only if needed: counting takes longer the more there is to deliver.
    if (this.#hours.waitMs === 0) this.#hours.tell({ heldBack: false, batches: spool.waiting().batches });
    const { outage } = this.#failures.troubles;
    if (outage && !this.#isAway) this.#restored.away();
    this.#isAway = outage !== undefined;
    if (outage && (nowMs < outage.untilMs || !this.#underWay.isEmpty || this.#comparing)) return;
    if (this.#restored.isDue(nowMs) && !this.#comparing) this.#comparing = this.#compare(signal);
    if (!outage) {
      for (const transfer of this.#next.all({ nowMs, wholePayloadBytes: this.#wholePayloadBytes })) {
        this.#send(transfer, signal);
      }
    } else if (!this.#comparing) {
      const probe = this.#next.probe({ nowMs });
      if (probe) this.#send(probe, signal);
    }
  }

  #send(transfer: Transfer, signal: AbortSignal): void {
    const done = this.#sender.send(transfer, signal).finally(() => {
      this.#underWay.remove(transfer);
      this.#waker.wake();
    });
    this.#underWay.add(transfer, done);
  }

  async #compare(signal: AbortSignal): Promise<void> {
    const { client, clock, random } = this.#options;
    const { round } = this.#failures.troubles;
    try {
      await this.#restored.compare(client, { nowMs: clock.monotonicMs(), signal });
      this.#failures.gotThrough();
    } catch (error) {
      if (signal.aborted) return;
      this.#restored.failed(error, { nowMs: clock.monotonicMs(), random });
      if (error instanceof HubError && isOfWay(error)) this.#failures.way(error, { round });
    } finally {
      this.#comparing = undefined;
      this.#waker.wake();
    }
  }
}
