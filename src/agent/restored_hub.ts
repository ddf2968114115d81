/**
 * Finds out that a hub was restored from a backup, and has it sent again what it has forgotten, as far as the spool still
 * has it. One sign is that the hub has fewer batches than it acknowledged. Batches of an installation that was linked
 * before count there as well, so when it is first heard of, and whenever it was away, it is asked for the newest ones: a
 * restored hub has lost those.
 */
import { getLogger } from "@logtape/logtape";
import type { DeliveryClient } from "./ports.ts";

/** So many ids are asked for at once; the protocol's limit. */
const pageMax = 1000;
/** So many of the newest tell whether the hub was restored. */
const newestMax = 100;
/**
 * How often a hub that has too few is asked, while the number does not fall, in ms: batches that are no longer kept will
 * be missing for ever.
 */
const compareEveryMs = 60 * 60_000;

const log = getLogger(["cloud-link", "uploader"]);

/** What the hub has acknowledged, of the current integration. */
export interface AcknowledgedBatches {
  /** How many there ever were. */
  acknowledgedCount(): number;
  /** Those that are kept, by rising sequence. */
  acknowledged(page: { after: number; limit: number }): readonly { readonly id: string; readonly sequence: number }[];
  /** The ids of those that were acknowledged last. */
  newestAcknowledged(limit: number): readonly string[];
  /** They wait again. Returns how many of them are still kept. */
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

  /** Whether the two have to be compared. */
  get wanted(): boolean {
    return this.#wanted !== undefined;
  }

  /** The hub says how many it has. The number only grows, unless the hub was restored. */
  told(receivedCount: number, nowMs: number): void {
    if (receivedCount >= this.#spool.acknowledgedCount()) {
      this.#lowest = Infinity;
      return;
    }
    const fell = receivedCount < this.#lowest;
    this.#lowest = receivedCount;
    if (fell || nowMs - this.#comparedAtMs >= compareEveryMs) this.#wanted = "all";
  }

  /** The hub answers, for the first time or after it was away. */
  returned(): void {
    if (this.#spool.newestAcknowledged(1).length > 0) this.#wanted ??= "newest";
  }

  /** It could not be done, and not for the hub's sake: it is tried again later. */
  putOff(nowMs: number): void {
    this.#wanted = undefined;
    this.#comparedAtMs = nowMs;
  }

  /**
   * Asks for the batches that are kept, and has those that are missing sent again. Throws what the client throws. When
   * the sign was a weak one, the newest are asked for first, and all only when one of them is missing.
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
