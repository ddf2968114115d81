/**
 * What happens after a delivery has failed: the whole connection backs off, or only the batch does, or the batch is set
 * aside. Logs when trouble begins and when it is over.
 */
import { getLogger } from "@logtape/logtape";
import { batchTitle } from "../protocol/batch_title.ts";
import type { Clock } from "../runtime/clock.ts";
import { errorText, sentence } from "../runtime/error_text.ts";
import { type BatchTrouble, DeliveryTroubles } from "./delivery_trouble.ts";
import { BatchDamagedError, HubError, type Spool, type StoredBatch } from "./ports.ts";
import { verifyPayload } from "./verify_payload.ts";

const log = getLogger(["cloud-link", "uploader"]);

/** Parts that arrive after this long show that a busy hub works again, in ms. */
const busyProbeMs = 10_000;

/** Whether no request gets through, or the hub asks to be left alone, rather than that it cannot answer this one. */
export function isOfWay({ kind, retryAfterMs }: HubError): boolean {
  switch (kind) {
    case "unreachable":
    case "not-a-hub":
    case "unknown-installation":
    case "unlinked":
      return true;
    case "busy":
      return retryAfterMs !== undefined;
    case "stale":
    case "too-large":
    case "refused":
    case "checksum":
      return false;
  }
}

/** Whether the hub knows nothing of this declaration, or more than the agent does: declared again, it is seen what holds. */
function isOutdated({ status }: HubError): boolean {
  return status === 404 || status === 409;
}

/** What a failure can lead to: setting the batch aside, waiting, or the end of the link. */
export interface DeliveryFailuresOptions {
  readonly spool: Pick<Spool, "setAside"> & { waiting(): { readonly batches: number } };
  readonly clock: Clock;
  readonly random: () => number;
  /** The hub says that the link has ended. Called once. */
  readonly onUnlinked: (error: HubError) => void;
}

/** Failures of one uploader. */
export class DeliveryFailures {
  readonly #options: DeliveryFailuresOptions;
  readonly troubles: DeliveryTroubles;
  #deliveredAtMs = -Infinity;
  #unlinked = false;

  constructor(options: DeliveryFailuresOptions) {
    this.#options = options;
    this.troubles = new DeliveryTroubles(options);
  }

  /** Whether the link has ended. */
  get unlinked(): boolean {
    return this.#unlinked;
  }

  /** A batch failed. Never throws: what cannot be done now is retried. */
  async batch(
    batch: StoredBatch,
    failure: { error: unknown; startedMs: number; round: number; signal: AbortSignal },
  ): Promise<void> {
    const { error, signal } = failure;
    if (error instanceof BatchDamagedError) return await this.#setAside(batch, error.message);
    if (!(error instanceof HubError)) return this.#rest(batch, { error });
    if (error.kind === "busy") return this.#busy(batch, { ...failure, error });
    if (isOfWay(error)) return this.way(error, failure);
    switch (error.kind) {
      case "stale":
      case "too-large":
        return this.#rest(batch, { error });
      case "refused":
        return isOutdated(error) ? this.#rest(batch, { error }) : await this.#setAside(batch, error.message);
      case "checksum":
        return await this.#checkPayload(batch, { error, signal });
    }
  }

  /** Nothing gets through. */
  way(error: HubError, { round }: { round: number }): void {
    if (error.kind === "unlinked") {
      if (!this.#unlinked) this.#options.onUnlinked(error);
      this.#unlinked = true;
      return;
    }
    if (!this.troubles.outageFailed({ error, round, nowMs: this.#options.clock.monotonicMs() })) return;
    const { batches } = this.#options.spool.waiting();
    const reason = sentence(error.message);
    log.warn(
      batches === 1
        ? "Cannot deliver to the hub: {reason} One batch is waiting; it is sent as soon as delivery works again."
        : "Cannot deliver to the hub: {reason} {batches} batches are waiting; they are sent as soon as delivery works again.",
      { reason, batches },
    );
  }

  /** A batch was delivered. Returns the trouble it had had, if any. */
  delivered(id: string): BatchTrouble | undefined {
    this.#deliveredAtMs = this.#options.clock.monotonicMs();
    this.gotThrough();
    return this.troubles.forget(id);
  }

  /**
   * A part arrived: things work again, long before a large batch is delivered. A busy hub may still take parts but no
   * batches, so those count only after a while.
   */
  partArrived(startedMs: number): void {
    const { outage } = this.troubles;
    if (!outage) return;
    const tookMs = this.#options.clock.monotonicMs() - startedMs;
    if (outage.kind !== "busy" || tookMs >= busyProbeMs) this.gotThrough();
  }

  /** The hub gave a proper answer. */
  gotThrough(): void {
    const nowMs = this.#options.clock.monotonicMs();
    const outage = this.troubles.gotThrough(nowMs);
    if (!outage) return;
    const { batches } = this.#options.spool.waiting();
    log.info(
      batches === 1
        ? "Delivery to the hub works again after {seconds} s; one batch was waiting."
        : "Delivery to the hub works again after {seconds} s; {batches} batches were waiting.",
      { seconds: Math.round((nowMs - outage.sinceMs) / 1000), batches },
    );
  }

  /** If other batches were delivered since this one began to fail, it is this batch that the hub cannot cope with. */
  #busy(batch: StoredBatch, failure: { error: HubError; startedMs: number; round: number }): void {
    const { error, startedMs, round } = failure;
    const sinceMs = this.troubles.of(batch.declaration.id)?.sinceMs ?? startedMs;
    const all = isOfWay(error) || this.#deliveredAtMs < sinceMs;
    this.#rest(batch, { error, loud: !all });
    if (all) this.way(error, { round });
  }

  /** The hub received something other than what was declared: is the file damaged, or did it happen on the way? */
  async #checkPayload(batch: StoredBatch, { error, signal }: { error: HubError; signal: AbortSignal }): Promise<void> {
    try {
      await verifyPayload(batch, signal);
    } catch (reason) {
      if (signal.aborted) return;
      if (reason instanceof BatchDamagedError) return await this.#setAside(batch, reason.message);
      return this.#rest(batch, { error: reason });
    }
    this.#rest(batch, { error, afresh: true });
  }

  async #setAside(batch: StoredBatch, reason: string): Promise<void> {
    try {
      await this.#options.spool.setAside(batch.declaration.id, reason);
      this.troubles.forget(batch.declaration.id);
    } catch (error) {
      this.#rest(batch, { error });
    }
  }

  #rest(batch: StoredBatch, failure: { error: unknown; afresh?: boolean; loud?: boolean }): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (!this.troubles.batchFailed(batch.declaration.id, { ...failure, nowMs })) return;
    const { error } = failure;
    log.warn("Cannot deliver {title}: {reason} It is kept and will be retried; other data is still delivered.", {
      title: batchTitle(batch.declaration.origin),
      reason: sentence(errorText(error)),
    });
  }
}
