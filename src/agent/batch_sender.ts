/** Sends the chosen batches, acknowledges what the hub has received, and reports failures. */
import { getLogger } from "@logtape/logtape";
import type { Receipt } from "../protocol/delivery.ts";
import type { Clock } from "../runtime/clock.ts";
import type { DeliveryFailures } from "./delivery_failures.ts";
import { DeliveryLog } from "./delivery_log.ts";
import { LaneGate } from "./lane_gate.ts";
import { type DeliveryClient, HubError, type Spool, type StoredBatch } from "./ports.ts";
import { type PartSizing, transfer } from "./transfer.ts";
import type { Transfer, TransfersUnderWay } from "./transfers_under_way.ts";
import { type UploadHours, UploadHoursOverError } from "./upload_hours.ts";
import { transferWhole, type WholeGroup } from "./whole_transfer.ts";

const log = getLogger(["cloud-link", "uploader"]);

/** After this many failures in a row of whole batches, while batches in parts get through, all are sent in parts. */
const wholeFailuresMax = 2;

/** Where batches come from and go to, and who learns the outcome. */
export interface BatchSenderOptions {
  readonly spool: Pick<Spool, "acknowledge">;
  readonly client: DeliveryClient;
  readonly clock: Clock;
  /** Absent: unlimited. */
  readonly bytesPerSecondMax?: number | undefined;
  readonly hours: UploadHours;
  readonly failures: DeliveryFailures;
  readonly underWay: Pick<TransfersUnderWay, "sent">;
  /** Learns how large parts should be. */
  readonly sizing: PartSizing;
  /** Learns how much payload to put into a request with whole batches. */
  readonly wholeSizing: PartSizing;
  /** The hub does not take requests with whole batches. */
  readonly onWholeRefused: () => void;
}

interface Delivered {
  readonly batch: StoredBatch;
  readonly receipt: Receipt;
}

/** Sends the batches of one uploader; they share the line. */
export class BatchSender {
  readonly #options: BatchSenderOptions;
  readonly #gate: LaneGate;
  readonly #log: DeliveryLog;
  #wholeFailures = 0;
  /** Whether a batch in parts has got through since whole ones stopped doing so. */
  #partsPassed = false;

  constructor(options: BatchSenderOptions) {
    this.#options = options;
    this.#gate = new LaneGate(options);
    this.#log = new DeliveryLog(options.clock);
  }

  /** Resolves when it is delivered, has failed or was aborted. Never rejects because of the hub, the line or a file. */
  send(what: Transfer, signal: AbortSignal): Promise<void> {
    return what.kind === "whole" ? this.#sendWhole(what.group, signal) : this.#sendParts(what.batch, signal);
  }

  async #sendParts(batch: StoredBatch, signal: AbortSignal): Promise<void> {
    const { client, clock, hours, failures, underWay, sizing } = this.#options;
    const { id, lane } = batch.declaration;
    const startedMs = clock.monotonicMs();
    const { round } = failures.troubles;
    const onProgress = ({ sentBytes, arrived }: { sentBytes: number; arrived: boolean }) => {
      underWay.sent(id, sentBytes);
      if (arrived) failures.partArrived(startedMs);
      else failures.troubles.resumed(id, sentBytes);
    };
    try {
      using _ = this.#gate.enter(lane);
      const afresh = failures.troubles.of(id)?.afresh ?? false;
      const line = { gate: this.#gate, sizing };
      const receipt = await transfer(batch, { client, clock, hours, ...line, afresh, onProgress, signal });
      this.#acknowledge([{ batch, receipt }], startedMs);
      this.#partsPassed = true;
    } catch (error) {
      if (error instanceof UploadHoursOverError) return;
      if (!signal.aborted) await failures.batch(batch, { error, startedMs, round, signal });
    }
  }

  async #sendWhole(group: WholeGroup, signal: AbortSignal): Promise<void> {
    const { client, clock, hours, failures, wholeSizing: sizing } = this.#options;
    const startedMs = clock.monotonicMs();
    const { round } = failures.troubles;
    const failed = (batch: StoredBatch, error: unknown) => failures.batch(batch, { error, startedMs, round, signal });
    const inParts: StoredBatch[] = [];
    try {
      using _ = this.#gate.enter(group.lane);
      const outcomes = await transferWhole(group, { client, clock, gate: this.#gate, hours, sizing, signal });
      this.#wholeFailures = 0;
      const received: Delivered[] = [];
      const notTaken: { readonly batch: StoredBatch; readonly error: unknown }[] = [];
      for (const [index, batch] of group.batches.entries()) {
        const outcome = outcomes[index];
        if (outcome?.state === "received") received.push({ batch, receipt: outcome.receipt });
        else if (outcome?.state === "failed") notTaken.push({ batch, error: outcome.error });
        else inParts.push(batch);
      }
      this.#acknowledge(received, startedMs);
      for (const { batch, error } of notTaken) await failed(batch, error);
    } catch (error) {
      if (error instanceof UploadHoursOverError || signal.aborted) return;
      if (error instanceof HubError && this.#isOfWhole(error)) return this.#wholeRefused(error);
      for (const batch of group.batches) await failed(batch, error);
    }
    for (const batch of inParts) await this.#sendParts(batch, signal);
  }

  /** Whether the failure concerns sending whole: something refuses or drops such requests, but lets parts through. */
  #isOfWhole({ kind }: HubError): boolean {
    if (kind === "refused" || kind === "too-large") return true;
    if (kind !== "unreachable" && kind !== "not-a-hub") return false;
    if (this.#partsPassed) this.#wholeFailures++;
    this.#partsPassed = false;
    return this.#wholeFailures >= wholeFailuresMax;
  }

  /**
   * An older hub, or something on the way, does not accept such requests: until the next assignment everything goes in
   * parts.
   */
  #wholeRefused({ message }: HubError): void {
    this.#options.onWholeRefused();
    log.debug("Small batches are sent in parts for now: {reason}", { reason: message });
  }

  #acknowledge(delivered: readonly Delivered[], startedMs: number): void {
    const { spool, clock, failures } = this.#options;
    for (const { batch: { declaration: { id } }, receipt } of delivered) {
      if (receipt.batch !== id) throw new Error(`Cannot acknowledge batch ${id}: the receipt is for ${receipt.batch}`);
    }
    spool.acknowledge(delivered.map(({ receipt }) => receipt));
    const ms = clock.monotonicMs() - startedMs;
    for (const { batch } of delivered) {
      const failedBefore = failures.delivered(batch.declaration.id)?.failures ?? 0;
      this.#log.delivered(batch, { ms, tries: failedBefore + 1 });
    }
  }
}
