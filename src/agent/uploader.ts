/**
 * Delivers what waits in the spool: live data before history, each oldest first. Small batches go whole, several in
 * one request, where the hub takes them so, else several at a time; of the large ones goes one of each lane. History waits
 * while live data is being sent.
 *
 * Trouble on the way to the hub pauses everything and is logged once; then one batch at a time tries whether it works
 * again. Trouble with one batch delays that batch. A batch that will never be taken is set aside.
 *
 * Here is the loop. What goes next is chosen in next_transfers.ts and sent by batch_sender.ts; what becomes of a failure is
 * decided in delivery_failures.ts.
 */
import { getLogger } from "@logtape/logtape";
import type { Assignment } from "../protocol/assignment.ts";
import { wholePayloadBytesMax } from "../protocol/delivery.ts";
import { anySignal } from "../runtime/any_signal.ts";
import type { Clock } from "../runtime/clock.ts";
import type { DailyWindow } from "../runtime/daily_window.ts";
import { errorText, sentence } from "../runtime/error_text.ts";
import { Waker } from "../runtime/waker.ts";
import { BatchSender } from "./batch_sender.ts";
import { DeliveryFailures } from "./delivery_failures.ts";
import { LineSizing } from "./line_sizing.ts";
import { NextTransfers } from "./next_transfers.ts";
import { partBytesMaxAt } from "./part_size.ts";
import { type DeliveryClient, HubError, type Spool } from "./ports.ts";
import { type AcknowledgedBatches, RestoredHub } from "./restored_hub.ts";
import { untilAborted } from "./tasks.ts";
import { type DeliveryProgress, type Transfer, TransfersUnderWay } from "./transfers_under_way.ts";
import { UploadHours } from "./upload_hours.ts";
import { wholeSizing } from "./whole_transfer.ts";

const log = getLogger(["cloud-link", "uploader"]);

/** What the uploader needs of the spool. */
export interface DeliverySpool extends Pick<Spool, "next" | "acknowledge" | "setAside"> {
  /** Fires `change` when there may be more to deliver. */
  readonly changed: EventTarget;
  /** What waits. */
  waiting(): { readonly batches: number };
}

/** The spool that is emptied and the hub that it goes to; made anew for each link. */
export interface UploaderOptions {
  readonly spool: DeliverySpool & AcknowledgedBatches;
  readonly client: DeliveryClient;
  readonly clock: Clock;
  readonly random: () => number;
  readonly limits?: UploadLimits;
  /** The hub says that the link has ended; nothing is sent from then on. */
  readonly onUnlinked: (error: HubError) => void;
}

/** What `[upload]` sets. */
export interface UploadLimits {
  /** Payloads take no more of the line than this, in bytes. */
  readonly bytesPerSecondMax?: number;
  /** Outside of it CSV files and history wait. */
  readonly window?: DailyWindow;
  /**
   * IANA name of the zone in which the window is meant.
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
  /** Payloads up to this length may go whole, in bytes; 0 until the hub has said so. */
  #wholePayloadBytes = 0;
  /** Whether the hub has answered yet. */
  #heard = false;
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

  /** What does not work now, one line with the remedy; `null` when all is well. */
  get problem(): string | null {
    const { outage, loudest } = this.#failures.troubles;
    if (outage) return `Nothing is delivered: ${outage.reason}`;
    return loudest ? `A batch waits to be delivered: ${loudest.trouble.reason}` : null;
  }

  /** Why what waits does so though all is well, one line; `null` when nothing is held back. */
  get notice(): string | null {
    return this.#hours.notice;
  }

  /** How far the largest batch under way is. */
  get progress(): DeliveryProgress | undefined {
    return this.#underWay.progress;
  }

  /** The hub has answered something else: what waits for it goes at once. `again`: it had not, the last time. */
  reachable({ again = false }: { again?: boolean } = {}): void {
    // At first, too: a hub may have been restored while this agent did not run.
    if (again || !this.#heard) {
      this.#heard = true;
      this.#restored.returned();
      if (this.#restored.wanted) this.#waker.wake();
    }
    if (!this.#failures.troubles.outage) return;
    this.#failures.troubles.reachable(this.#options.clock.monotonicMs());
    this.#waker.wake();
  }

  /** The hub says how many batches of the integration it has, and which it takes whole. */
  assigned({ received, wholePayloadBytes = 0 }: Pick<Assignment, "received" | "wholePayloadBytes">): void {
    this.#wholePayloadBytes = Math.min(wholePayloadBytes, wholePayloadBytesMax);
    this.#restored.told(received.count, this.#options.clock.monotonicMs());
    if (this.#restored.wanted) this.#waker.wake();
  }

  /** Delivers until aborted; then rejects with the signal's reason. One run at a time. */
  async run(signal: AbortSignal): Promise<void> {
    const { spool, clock } = this.#options;
    const stop = new AbortController();
    using inner = anySignal(signal, stop.signal);
    const onChange = () => this.#waker.wake();
    spool.changed.addEventListener("change", onChange);
    try {
      while (!this.#failures.unlinked) {
        // One time for both: what became due between two looks at the clock would wait for something else, if need be for ever.
        const nowMs = clock.monotonicMs();
        this.#start(inner.signal, nowMs);
        const napMs = Math.max(0, this.#failures.troubles.nextMs(nowMs) - clock.monotonicMs());
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

  /** Starts what may be under way now. */
  #start(signal: AbortSignal, nowMs: number): void {
    const { spool } = this.#options;
    // Asked for only when it is worth it: counting takes as long as there is much to deliver.
    if (this.#hours.waitMs === 0) this.#hours.tell({ heldBack: false, batches: spool.waiting().batches });
    const { outage } = this.#failures.troubles;
    if (outage && (nowMs < outage.untilMs || !this.#underWay.isEmpty || this.#comparing)) return;
    if (this.#restored.wanted && !this.#comparing) this.#comparing = this.#compare(signal);
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
    const { client, clock } = this.#options;
    const { round } = this.#failures.troubles;
    try {
      await this.#restored.compare(client, { nowMs: clock.monotonicMs(), signal });
      this.#failures.gotThrough();
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof HubError) return this.#failures.way(error, { round });
      log.warn("Cannot compare with what the hub has: {reason}", { reason: sentence(errorText(error)) });
      this.#restored.putOff(clock.monotonicMs());
    } finally {
      this.#comparing = undefined;
      this.#waker.wake();
    }
  }
}
