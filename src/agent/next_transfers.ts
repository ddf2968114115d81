/**
 * Chooses which waiting batches go next, and how: in the spool's order; small ones whole, several in one request, if
 * the hub accepts that, otherwise in parts. Skips batches that the time of day holds back and those without a free
 * slot.
 */
import type { DeliveryTroubles } from "./delivery_trouble.ts";
import type { Spool, StoredBatch } from "./ports.ts";
import { isSmall, type Transfer, type TransfersUnderWay } from "./transfers_under_way.ts";
import type { UploadHours } from "./upload_hours.ts";
import { mayGoWhole, WholeGroup } from "./whole_transfer.ts";

/** How many batches without a free slot are skipped at most in search of one that may go. */
const passedOverMax = 64;
/** How many waiting batches are requested at once, at most. */
const lookAheadMax = 64;

/** What the choice depends on. */
export interface NextTransfersOptions {
  readonly spool: Pick<Spool, "next"> & { waiting(): { readonly batches: number } };
  readonly hours: UploadHours;
  readonly troubles: DeliveryTroubles;
  readonly underWay: TransfersUnderWay;
  /** How much payload to put into a request with whole batches. */
  readonly wholeSizing: { readonly bytes: number };
}

/** Chooses for one uploader. */
export class NextTransfers {
  readonly #options: NextTransfersOptions;
  /** Live batches that wait for the upload window, so that each is skipped only once; empty while it is open. */
  readonly #heldBack = new Set<string>();

  constructor(options: NextTransfersOptions) {
    this.#options = options;
  }

  /**
   * Yields what may go until nothing is left or no slot is free. The caller starts each one before asking for the next.
   * Payloads up to `wholePayloadBytes` may go whole.
   */
  *all(
    { nowMs, wholePayloadBytes }: { nowMs: number; wholePayloadBytes: number },
  ): Generator<Transfer, void, undefined> {
    const { underWay } = this.#options;
    let group: WholeGroup | undefined;
    let passedOver = 0;
    for (const batch of this.#candidates(this.#notNow(nowMs))) {
      if (underWay.isFull) break;
      if (this.#goesWhole(batch, wholePayloadBytes)) {
        if (group && !group.takes(batch)) {
          yield { kind: "whole", group };
          group = undefined;
        }
        const { lane } = batch.declaration;
        if (!group && !underWay.hasPlaceForWhole(lane)) break;
        group ??= new WholeGroup(lane, { bytesMax: this.#options.wholeSizing.bytes });
        group.add(batch);
      } else if (underWay.hasPlaceFor(batch)) yield { kind: "parts", batch };
      // Smaller ones must not overtake it, or it would wait as long as any are left.
      else if (isSmall(batch) || ++passedOver >= passedOverMax) break;
    }
    if (group) yield { kind: "whole", group };
  }

  /** One batch to try whether things work again; not always the same, which may be the one the hub cannot cope with. */
  probe({ nowMs }: { nowMs: number }): Transfer | undefined {
    const except = this.#notNow(nowMs);
    const [fresh] = this.#candidates(new Set([...except, ...this.#options.troubles.troubled]));
    const [batch = undefined] = fresh ? [fresh] : this.#candidates(except);
    return batch && { kind: "parts", batch };
  }

  #notNow(nowMs: number): Set<string> {
    const { underWay, troubles, hours } = this.#options;
    if (hours.areOpen) this.#heldBack.clear();
    return new Set([...underWay.ids, ...troubles.resting(nowMs), ...this.#heldBack]);
  }

  /** A batch that has failed goes alone, so that it does not make others fail. */
  #goesWhole(batch: StoredBatch, payloadBytesMax: number): boolean {
    return mayGoWhole(batch, { payloadBytesMax }) &&
      this.#options.troubles.of(batch.declaration.id) === undefined;
  }

  /** Yields what may go at this time of day, in order. Adds every batch it has looked at to `except`. */
  *#candidates(except: Set<string>): Generator<StoredBatch, void, undefined> {
    const { spool, hours } = this.#options;
    // One at first: often there is no slot even for that.
    for (let limit = 1;; limit = lookAheadMax) {
      const batches = spool.next({ except, limit });
      for (const batch of batches) {
        except.add(batch.declaration.id);
        if (!hours.holdBack(batch.declaration)) {
          yield batch;
          continue;
        }
        if (hours.notice === null) hours.tell({ heldBack: true, batches: spool.waiting().batches });
        // Only history follows history.
        if (batch.declaration.lane === "history") return;
        // However many files these are: live rows must not wait behind them.
        this.#heldBack.add(batch.declaration.id);
      }
      if (batches.length < limit) return;
    }
  }
}
