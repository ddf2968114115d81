/**
 * Delivers what waits in the spool: live data before history, each oldest first. Small batches go whole, several in
 * one request, where the hub takes them so, else several at a time; of the large ones goes one of each lane. History waits
 * while live data is being sent.
 *
 * Trouble on the way to the hub pauses everything and is logged once; then one batch at a time tries whether it works
 * again. Trouble with one batch delays that batch. A batch that will never be taken is set aside.
 */
import { getLogger } from "@logtape/logtape";
import type { Assignment } from "../protocol/assignment.ts";
import { batchTitle } from "../protocol/batch_title.ts";
import { type Receipt, wholePayloadBytesMax } from "../protocol/delivery.ts";
import type { Clock } from "../runtime/clock.ts";
import type { DailyWindow } from "../runtime/daily_window.ts";
import { Waker } from "../runtime/waker.ts";
import { DeliveryFailures } from "./delivery_failures.ts";
import { DeliveryLog } from "./delivery_log.ts";
import { LaneGate } from "./lane_gate.ts";
import { LineSizing } from "./line_sizing.ts";
import { partBytesMaxAt } from "./part_size.ts";
import { type DeliveryClient, HubError, type Lane, type Spool, type StoredBatch } from "./ports.ts";
import { type AcknowledgedBatches, RestoredHub } from "./restored_hub.ts";
import { untilAborted } from "./tasks.ts";
import { transfer } from "./transfer.ts";
import { UploadHours, UploadHoursOverError } from "./upload_hours.ts";
import { mayGoWhole, transferWhole, WholeGroup } from "./whole_transfer.ts";

const log = getLogger(["cloud-link", "uploader"]);

/** Payloads up to this length are small, in bytes. */
const smallBytesMax = 256 * 1024;
/** So many small batches are sent in parts at the same time. */
const smallMax = 8;
/** So many requests with whole batches are under way: while one is answered, the next one is gathered. */
const wholeRequestsMax: Readonly<Record<Lane, number>> = { live: 2, history: 1 };
/** So many large batches are passed over to find a small one that may go. */
const passedOverMax = 64;

/** So many waiting batches are asked for at once, at most. */
const lookAheadMax = 64;

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

/** How far a batch is. */
export interface DeliveryProgress {
  readonly title: string;
  readonly sentBytes: number;
  readonly totalBytes: number;
}

interface Transfer {
  readonly batch: StoredBatch;
  readonly size: "whole" | "small" | "large";
  readonly done: Promise<void>;
  sentBytes: number;
}

interface Delivered {
  readonly batch: StoredBatch;
  readonly receipt: Receipt;
}

/** Delivers the batches of one link. */
export class Uploader {
  readonly #options: UploaderOptions;
  readonly #failures: DeliveryFailures;
  readonly #restored: RestoredHub;
  readonly #waker = new Waker();
  readonly #gate: LaneGate;
  readonly #hours: UploadHours;
  readonly #sizing: LineSizing;
  readonly #transfers = new Map<string, Transfer>();
  readonly #log: DeliveryLog;
  readonly #wholeRequests: Record<Lane, number> = { live: 0, history: 0 };
  /** Payloads up to this length may go whole, in bytes; 0 until the hub has said so. */
  #wholePayloadBytes = 0;
  #comparing: Promise<void> | undefined;

  constructor(options: UploaderOptions) {
    this.#options = options;
    this.#failures = new DeliveryFailures(options);
    this.#restored = new RestoredHub(options.spool);
    const { clock, limits: { bytesPerSecondMax, window, timeZone } = {} } = options;
    this.#log = new DeliveryLog(clock);
    this.#gate = new LaneGate({ clock, bytesPerSecondMax });
    this.#hours = new UploadHours({ clock, window, timeZone: timeZone ?? (() => Temporal.Now.timeZoneId()) });
    this.#sizing = new LineSizing(partBytesMaxAt(bytesPerSecondMax));
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
    const size = ({ batch }: Transfer) => batch.declaration.payloadBytes;
    const largest = [...this.#transfers.values()].toSorted((a, b) => size(b) - size(a))[0];
    if (!largest) return undefined;
    return {
      title: batchTitle(largest.batch.declaration.origin),
      sentBytes: largest.sentBytes,
      totalBytes: size(largest),
    };
  }

  /** The hub has answered something else: what waits for it goes at once. `again`: it had not, the last time. */
  reachable({ again = false }: { again?: boolean } = {}): void {
    if (again) {
      this.#restored.returned();
      this.#waker.wake();
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
    const inner = AbortSignal.any([signal, stop.signal]);
    const onChange = () => this.#waker.wake();
    spool.changed.addEventListener("change", onChange);
    try {
      while (!this.#failures.unlinked) {
        this.#start(inner);
        const nowMs = clock.monotonicMs();
        const napMs = Math.max(0, this.#failures.troubles.nextMs(nowMs) - nowMs);
        await this.#waker.nap(Math.min(napMs, this.#hours.waitMs), { clock, signal });
      }
      stop.abort();
      await untilAborted(signal);
    } finally {
      stop.abort();
      spool.changed.removeEventListener("change", onChange);
      await Promise.all([this.#comparing, ...[...this.#transfers.values()].map(({ done }) => done)]);
    }
    signal.throwIfAborted();
  }

  /** Starts what may be under way now. */
  #start(signal: AbortSignal): void {
    const { spool, clock } = this.#options;
    // Asked for only when it is worth it: counting takes as long as there is much to deliver.
    if (this.#hours.waitMs === 0) this.#hours.tell({ heldBack: false, batches: spool.waiting().batches });
    const nowMs = clock.monotonicMs();
    const { outage } = this.#failures.troubles;
    if (outage && (nowMs < outage.untilMs || this.#transfers.size > 0 || this.#comparing)) return;
    if (this.#restored.wanted && !this.#comparing) this.#comparing = this.#compare(signal);
    const except = new Set([...this.#transfers.keys(), ...this.#failures.troubles.resting(nowMs)]);
    if (outage) {
      if (!this.#comparing) this.#probe(except, signal);
      return;
    }
    this.#fill(except, signal);
  }

  /** Starts until there is nothing more that may go, or no place for it. */
  #fill(except: Set<string>, signal: AbortSignal): void {
    let group: WholeGroup | undefined;
    const sendGroup = () => {
      if (group) this.#sendWhole(group, signal);
      group = undefined;
    };
    let passedOver = 0;
    for (const batch of this.#candidates(except)) {
      if (this.#running("small") >= smallMax) break;
      const { lane, payloadBytes } = batch.declaration;
      if (this.#goesWhole(batch)) {
        if (!group?.takes(batch)) sendGroup();
        if (!group && this.#wholeRequests[lane] >= wholeRequestsMax[lane]) break;
        group ??= new WholeGroup(lane);
        group.add(batch);
      } else if (payloadBytes <= smallBytesMax || this.#running(lane) === 0) this.#send(batch, signal);
      else if (++passedOver >= passedOverMax) break;
    }
    sendGroup();
  }

  /** One that has failed goes by itself, so that it takes no others along. */
  #goesWhole(batch: StoredBatch): boolean {
    return mayGoWhole(batch, { payloadBytesMax: this.#wholePayloadBytes }) &&
      this.#failures.troubles.of(batch.declaration.id) === undefined;
  }

  /** One batch tries whether things work again; not always the same one, which may be what the hub cannot cope with. */
  #probe(except: Set<string>, signal: AbortSignal): void {
    const [fresh] = this.#candidates(new Set([...except, ...this.#failures.troubles.troubled]));
    const [batch = undefined] = fresh ? [fresh] : this.#candidates(except);
    if (batch) this.#send(batch, signal);
  }

  /** What may go at this time of day, in its order. Adds what it has looked at to `except`. */
  *#candidates(except: Set<string>): Generator<StoredBatch, void, undefined> {
    const { spool } = this.#options;
    let heldBack = 0;
    // One at first: there is often no place even for that.
    for (let limit = 1;; limit = lookAheadMax) {
      const batches = spool.next({ except, limit });
      for (const batch of batches) {
        except.add(batch.declaration.id);
        if (!this.#hours.holdBack(batch.declaration)) {
          yield batch;
          continue;
        }
        if (this.#hours.notice === null) this.#hours.tell({ heldBack: true, batches: spool.waiting().batches });
        // Nothing but history comes after history.
        if (batch.declaration.lane === "history" || ++heldBack >= passedOverMax) return;
      }
      if (batches.length < limit) return;
    }
  }

  /** How many small batches are under way in parts, or large ones of a lane. */
  #running(which: "small" | Lane): number {
    const matches = ({ size, batch }: Transfer) =>
      which === "small" ? size === "small" : size === "large" && batch.declaration.lane === which;
    return [...this.#transfers.values()].filter(matches).length;
  }

  #send(batch: StoredBatch, signal: AbortSignal): void {
    const { id, payloadBytes } = batch.declaration;
    const size = payloadBytes > smallBytesMax ? "large" : "small";
    const done = this.#sendNow(batch, signal).finally(() => {
      this.#transfers.delete(id);
      this.#waker.wake();
    });
    this.#transfers.set(id, { batch, size, done, sentBytes: 0 });
  }

  #sendWhole(group: WholeGroup, signal: AbortSignal): void {
    this.#wholeRequests[group.lane]++;
    const done = this.#sendWholeNow(group, signal).finally(() => {
      for (const { declaration } of group.batches) this.#transfers.delete(declaration.id);
      this.#wholeRequests[group.lane]--;
      this.#waker.wake();
    });
    for (const batch of group.batches) {
      this.#transfers.set(batch.declaration.id, { batch, size: "whole", done, sentBytes: 0 });
    }
  }

  async #sendWholeNow(group: WholeGroup, signal: AbortSignal): Promise<void> {
    const { client, clock } = this.#options;
    const startedMs = clock.monotonicMs();
    const { round } = this.#failures.troubles;
    const failed = (batch: StoredBatch, error: unknown) =>
      this.#failures.batch(batch, { error, startedMs, round, signal });
    const inParts: StoredBatch[] = [];
    try {
      using _ = this.#gate.enter(group.lane);
      const outcomes = await transferWhole(group, { client, gate: this.#gate, hours: this.#hours, signal });
      const received: Delivered[] = [];
      const failures: { readonly batch: StoredBatch; readonly error: unknown }[] = [];
      for (const [index, batch] of group.batches.entries()) {
        const outcome = outcomes[index];
        if (outcome?.state === "received") received.push({ batch, receipt: outcome.receipt });
        else if (outcome?.state === "failed") failures.push({ batch, error: outcome.error });
        else inParts.push(batch);
      }
      this.#acknowledge(received, startedMs);
      for (const { batch, error } of failures) await failed(batch, error);
    } catch (error) {
      if (error instanceof UploadHoursOverError || signal.aborted) return;
      if (error instanceof HubError && error.kind === "refused") return this.#withoutWhole(error);
      for (const batch of group.batches) await failed(batch, error);
    }
    for (const batch of inParts) await this.#sendNow(batch, signal);
  }

  /** A hub of before, or something on the way, does not take such requests: until the next assignment all go in parts. */
  #withoutWhole({ message }: HubError): void {
    this.#wholePayloadBytes = 0;
    log.debug("Small batches are sent in parts for now: {reason}", { reason: message });
  }

  #acknowledge(delivered: readonly Delivered[], startedMs: number): void {
    const { spool, clock } = this.#options;
    for (const { batch: { declaration: { id } }, receipt } of delivered) {
      if (receipt.batch !== id) throw new Error(`Cannot acknowledge batch ${id}: the receipt is for ${receipt.batch}`);
    }
    spool.acknowledge(delivered.map(({ receipt }) => receipt));
    const ms = clock.monotonicMs() - startedMs;
    for (const { batch } of delivered) {
      const failures = this.#failures.delivered(batch.declaration.id)?.failures ?? 0;
      this.#log.delivered(batch, { ms, tries: failures + 1 });
    }
  }

  async #sendNow(batch: StoredBatch, signal: AbortSignal): Promise<void> {
    const { client, clock } = this.#options;
    const { id, lane } = batch.declaration;
    const startedMs = clock.monotonicMs();
    const { round } = this.#failures.troubles;
    const onProgress = ({ sentBytes, arrived }: { sentBytes: number; arrived: boolean }) => {
      const current = this.#transfers.get(id);
      if (current) current.sentBytes = sentBytes;
      if (arrived) this.#failures.partArrived(startedMs);
    };
    try {
      using _ = this.#gate.enter(lane);
      const afresh = this.#failures.troubles.of(id)?.afresh ?? false;
      const { sizing, gate, hours } = { sizing: this.#sizing, gate: this.#gate, hours: this.#hours };
      const receipt = await transfer(batch, { client, clock, gate, hours, sizing, afresh, onProgress, signal });
      this.#acknowledge([{ batch, receipt }], startedMs);
    } catch (error) {
      if (error instanceof UploadHoursOverError) return;
      if (!signal.aborted) await this.#failures.batch(batch, { error, startedMs, round, signal });
    }
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
      log.warn("Cannot compare with what the hub has: {reason}.", { reason: String(error) });
      this.#restored.putOff(clock.monotonicMs());
    } finally {
      this.#comparing = undefined;
      this.#waker.wake();
    }
  }
}
