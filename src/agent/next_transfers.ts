/**
 * Which of the waiting batches go next, and how: in the spool's order, small ones whole and several in one request where
 * the hub takes them so, else in parts. What the time of day holds back is left out, and what there is no place for.
 */
import type { DeliveryTroubles } from "./delivery_trouble.ts";
import type { Spool, StoredBatch } from "./ports.ts";
import { isSmall, type Transfer, type TransfersUnderWay } from "./transfers_under_way.ts";
import type { UploadHours } from "./upload_hours.ts";
import { mayGoWhole, WholeGroup } from "./whole_transfer.ts";

/** So many batches are passed over, for which there is no place, to find one that may go. */
const passedOverMax = 64;
/** So many waiting batches are asked for at once, at most. */
const lookAheadMax = 64;

/** What the choice depends on. */
export interface NextTransfersOptions {
  readonly spool: Pick<Spool, "next"> & { waiting(): { readonly batches: number } };
  readonly hours: UploadHours;
  readonly troubles: DeliveryTroubles;
  readonly underWay: TransfersUnderWay;
  /** How much payload goes in a request with whole batches. */
  readonly wholeSizing: { readonly bytes: number };
}

/** Chooses for one uploader. */
export class NextTransfers {
  readonly #options: NextTransfersOptions;
  /** Live batches that wait for the time window, so that each is passed over once; none while it is open. */
  readonly #heldBack = new Set<string>();

  constructor(options: NextTransfersOptions) {
    this.#options = options;
  }

  /**
   * What may go, until there is nothing more or no place for it. Each one is to be under way before the next is asked
   * for. Payloads up to `wholePayloadBytes` may go whole.
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
      // Smaller ones do not overtake it: it would wait as long as there are any.
      else if (isSmall(batch) || ++passedOver >= passedOverMax) break;
    }
    if (group) yield { kind: "whole", group };
  }

  /** One that tries whether things work again; not always the same one, which may be what the hub cannot cope with. */
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

  /** One that has failed goes by itself, so that it takes no others along. */
  #goesWhole(batch: StoredBatch, payloadBytesMax: number): boolean {
    return mayGoWhole(batch, { payloadBytesMax }) &&
      this.#options.troubles.of(batch.declaration.id) === undefined;
  }

  /** What may go at this time of day, in its order. Adds what it has looked at to `except`. */
  *#candidates(except: Set<string>): Generator<StoredBatch, void, undefined> {
    const { spool, hours } = this.#options;
    // One at first: there is often no place even for that.
    for (let limit = 1;; limit = lookAheadMax) {
      const batches = spool.next({ except, limit });
      for (const batch of batches) {
        except.add(batch.declaration.id);
        if (!hours.holdBack(batch.declaration)) {
          yield batch;
          continue;
        }
        if (hours.notice === null) hours.tell({ heldBack: true, batches: spool.waiting().batches });
        // Nothing but history comes after history.
        if (batch.declaration.lane === "history") return;
        // However many files these are: live rows are not to wait behind them.
        this.#heldBack.add(batch.declaration.id);
      }
      if (batches.length < limit) return;
    }
  }
}
