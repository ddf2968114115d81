/**
 * Detects that a hub was restored from a backup, and sends again what it has lost, as far as the spool still has it.
 * One sign is that the hub has fewer batches than it acknowledged. But its count includes batches of an installation
 * linked earlier; so on first contact, and after every absence, the hub is asked for the newest batches: a restored hub
 * has lost those.
 */
import { getLogger } from "@logtape/logtape";
import type { DeliveryClient } from "./ports.ts";

/** How many ids are queried at once; the protocol's limit. */
const pageMax = 1000;
/** How many of the newest batches tell whether the hub was restored. */
const newestMax = 100;
/**
 * How often a hub that has too few is asked while the number does not fall, in ms: batches no longer kept stay missing
 * for ever.
 */
const compareEveryMs = 60 * 60_000;

const log = getLogger(["cloud-link", "uploader"]);

/** What the hub has acknowledged, of the current integration. */
export interface AcknowledgedBatches {
  /** How many there have ever been. */
  acknowledgedCount(): number;
  /** Those still kept, in ascending sequence. */
  acknowledged(page: { after: number; limit: number }): readonly { readonly id: string; readonly sequence: number }[];
  /** The ids of the most recently acknowledged ones. */
  newestAcknowledged(limit: number): readonly string[];
  /** Makes them wait for delivery again. Returns how many of them are still kept. */
  resend(ids: readonly string[]): number;
}

/** Compares what was acknowledged with what the hub has. */
export class RestoredHub {
  readonly #spool: AcknowledgedBatches;
  #lowest = Infinity;
  #comparedAtMs = -Infinity;
  #wanted: "all" | "newest" | undefined;

  constructor(spool: AcknowledgedBatches) {
    this.#spool = spool;
  }

  /** Whether a comparison is due. */
  get wanted(): boolean {
    return this.#wanted !== undefined;
  }

  /** The hub says how many it has. That number only grows, unless the hub was restored. */
  told(receivedCount: number, nowMs: number): void {
    if (receivedCount >= this.#spool.acknowledgedCount()) {
      this.#lowest = Infinity;
      return;
    }
    const fell = receivedCount < this.#lowest;
    this.#lowest = receivedCount;
    if (fell || nowMs - this.#comparedAtMs >= compareEveryMs) this.#wanted = "all";
  }

  /** The hub answers, for the first time or after having been away. */
  returned(): void {
    if (this.#spool.newestAcknowledged(1).length > 0) this.#wanted ??= "newest";
  }

  /** The comparison failed for a reason that is not the hub's: try again later. */
  putOff(nowMs: number): void {
    this.#wanted = undefined;
    this.#comparedAtMs = nowMs;
  }

  /**
   * Asks which of the kept batches are missing, and has those sent again. Throws what the client throws. After a weak
   * sign only the newest are asked for at first, and all only if one of them is missing.
   */
  async compare(
    client: Pick<DeliveryClient, "missing">,
    options: { nowMs: number; signal: AbortSignal },
  ): Promise<void> {
    if (this.#wanted === "newest") {
      const newest = this.#spool.newestAcknowledged(newestMax);
      const forgotten = newest.length === 0 ? [] : await client.missing(newest, options.signal);
      if (forgotten.length === 0) {
        if (this.#wanted === "newest") this.#wanted = undefined;
        return;
      }
    }
    let after = 0;
    let missing = 0;
    while (true) {
      const page = this.#spool.acknowledged({ after, limit: pageMax });
      const last = page.at(-1);
      if (!last) break;
      const forgotten = await client.missing(page.map(({ id }) => id), options.signal);
      missing += this.#spool.resend(forgotten);
      after = last.sequence;
    }
    this.putOff(options.nowMs);
    if (missing > 0) {
      log.warn("The hub has forgotten {missing} batches that it had: it was restored. They are sent again.", {
        missing,
      });
    }
  }
}
