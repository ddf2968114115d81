/**
 * Detects that a hub was restored from a backup, and sends again what it has lost, as far as the spool still has it.
 * One sign is that the hub has fewer batches than it had before, or than it acknowledged. But its count includes batches
 * of an installation linked earlier, and may have risen again; so on first contact, and after every absence, the hub is
 * asked for those that it acknowledged last before: a restored hub has lost them.
 */
import { getLogger } from "@logtape/logtape";
import { errorText, sentence } from "../runtime/error_text.ts";
import { isOfWay } from "./delivery_failures.ts";
import { type DeliveryClient, HubError } from "./ports.ts";
import { retryDelayMs } from "./retry.ts";

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
  /** The ids of the most recently acknowledged ones, whatever the clock said at the time. */
  newestAcknowledged(limit: number): readonly string[];
  /** Makes them wait for delivery again. Returns how many of them are still kept. */
  resend(ids: readonly string[]): number;
}

/** Compares what was acknowledged with what the hub has. */
export class RestoredHub {
  readonly #spool: AcknowledgedBatches;
  /** How many the hub had when it last said so. */
  #receivedCount = -Infinity;
  #comparedAtMs = -Infinity;
  #wanted: "all" | "newest" | undefined;
  /** What was newest whenever the hub went away or returned, and has not been asked for yet; newest first. */
  #newest: readonly string[] = [];
  /** In a row, since the hub was last asked with success or returned. */
  #failures = 0;
  /** Before this the hub is not asked again, by the monotonic clock. */
  #untilMs = -Infinity;

  constructor(spool: AcknowledgedBatches) {
    this.#spool = spool;
  }

  /** Whether the two are to be compared now. */
  isDue(nowMs: number): boolean {
    return this.#wanted !== undefined && nowMs >= this.#untilMs;
  }

  /** When they are to be compared after a failure; `Infinity` for never. What is overdue waits for something else. */
  nextMs(nowMs: number): number {
    return this.#wanted !== undefined && this.#untilMs > nowMs ? this.#untilMs : Infinity;
  }

  /** The hub says how many it has. That number only grows, unless the hub was restored. */
  told(receivedCount: number, nowMs: number): void {
    const fell = receivedCount < this.#receivedCount;
    this.#receivedCount = receivedCount;
    if (fell) this.#wanted = "all";
    if (receivedCount >= this.#spool.acknowledgedCount()) return;
    if (nowMs - this.#comparedAtMs >= compareEveryMs) this.#wanted = "all";
  }

  /** The hub has not answered yet, or no longer does: what it acknowledges after its return may say nothing. */
  away(): void {
    this.#newest = [...new Set([...this.#spool.newestAcknowledged(newestMax), ...this.#newest])].slice(0, pageMax);
  }

  /** The hub answers, for the first time or after having been away. */
  returned(): void {
    this.away();
    if (this.#newest.length > 0) this.#wanted ??= "newest";
    this.#answered();
  }

  /**
   * It could not be done. Where that is for the hub's sake it is tried again soon, but not before whatever else failed at the
   * same time: a hub, or something on the way, that cannot cope with this question alone holds up no delivery.
   */
  failed(error: unknown, { nowMs, random }: { nowMs: number; random: () => number }): void {
    const reason = sentence(errorText(error));
    if (!(error instanceof HubError)) {
      log.warn("Cannot compare with what the hub has: {reason}", { reason });
      this.#putOff(nowMs);
      return;
    }
    if (this.#failures++ === 0 && !isOfWay(error)) {
      log.warn(
        "Cannot ask the hub whether it still has what it had received: {reason} This is retried; delivery continues.",
        { reason },
      );
    }
    this.#untilMs = nowMs + retryDelayMs(this.#failures + 1, { random, error });
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
      const newest = this.#newest;
      const forgotten = await client.missing(newest, options.signal);
      if (forgotten.length === 0) {
        this.#answered();
        // Unless there was another sign meanwhile.
        if (this.#wanted === "newest" && this.#newest === newest) this.#settled();
        return;
      }
      this.#wanted = "all";
    }
    const receivedCount = this.#receivedCount;
    // All at once: should a page fail, or the agent be killed, the sign is still there.
    const missing = this.#spool.resend(await this.#forgotten(client, options.signal));
    this.#putOff(options.nowMs);
    // It may have lost more of those that were asked for first.
    if (this.#receivedCount < receivedCount) this.#wanted = "all";
    if (missing > 0) {
      log.warn(
        "The hub has lost {missing} batches that it had received: it was restored from a backup. They are sent again.",
        { missing },
      );
    }
  }

  /** The ids of all kept batches that the hub no longer has. */
  async #forgotten(client: Pick<DeliveryClient, "missing">, signal: AbortSignal): Promise<readonly string[]> {
    const forgotten: string[] = [];
    let page = this.#spool.acknowledged({ after: 0, limit: pageMax });
    for (let last = page.at(-1); last !== undefined; last = page.at(-1)) {
      forgotten.push(...await client.missing(page.map(({ id }) => id), signal));
      page = this.#spool.acknowledged({ after: last.sequence, limit: pageMax });
    }
    return forgotten;
  }

  /** It is compared again when there is another sign. */
  #putOff(nowMs: number): void {
    this.#settled();
    this.#comparedAtMs = nowMs;
    this.#answered();
  }

  #settled(): void {
    this.#wanted = undefined;
    this.#newest = [];
  }

  #answered(): void {
    this.#failures = 0;
    this.#untilMs = -Infinity;
  }
}
