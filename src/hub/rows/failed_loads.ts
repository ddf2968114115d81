/**
 * Batches whose loading has failed and is retried: each waits for itself, so that one that cannot be loaded holds up no
 * other. In memory: a hub that starts tries them all at once. Pure.
 */

/** How long a batch waits after its first failure, and at most; each failure doubles it, in ms. */
const waitMsMin = 15_000;
const waitMsMax = 5 * 60_000;
/** How many are remembered; of more, the longest known are tried like new ones. */
const failedMax = 1000;

interface FailedLoad {
  readonly integrationId: string;
  readonly sinceMs: number;
  readonly waitMs: number;
  readonly retryAtMs: number;
}

/** Keeps them. `nowMs` is monotonic, `atMs` is the time of day. */
export class FailedLoads {
  readonly #failed = new Map<string, FailedLoad>();
  /** Those that have failed since a batch was loaded. */
  readonly #inARow = new Set<string>();
  #inARowSinceMs = 0;
  #told: string | undefined;

  /** How many batches have failed since one was loaded; if several have, it may be the disk. */
  get inARow(): number {
    return this.#inARow.size;
  }

  /** Since when nothing, or something of this integration, cannot be loaded. */
  sinceMs(integrationId: string): number | undefined {
    if (this.inARow > 1) return this.#inARowSinceMs;
    const own = [...this.#failed.values()].filter((failed) => failed.integrationId === integrationId);
    return own.length === 0 ? undefined : Math.min(...own.map(({ sinceMs }) => sinceMs));
  }

  /** A batch could not be loaded. Returns whether that is news: neither known of this batch nor the last reason told. */
  add(
    batch: { readonly id: string; readonly integrationId: string },
    { reason, nowMs, atMs }: { reason: string; nowMs: number; atMs: number },
  ): boolean {
    if (this.#inARow.size === 0) this.#inARowSinceMs = atMs;
    this.#inARow.add(batch.id);
    const before = this.#failed.get(batch.id);
    const waitMs = before === undefined ? waitMsMin : Math.min(before.waitMs * 2, waitMsMax);
    const { id, integrationId } = batch;
    this.#failed.set(id, { integrationId, sinceMs: before?.sinceMs ?? atMs, waitMs, retryAtMs: nowMs + waitMs });
    if (this.#failed.size > failedMax) this.#forget(this.#failed.keys().next().value ?? "");
    if (before !== undefined || reason === this.#told) return false;
    this.#told = reason;
    return true;
  }

  #forget(id: string): void {
    this.#failed.delete(id);
    this.#inARow.delete(id);
  }

  /** A batch was loaded. Returns whether it was the last one that had failed. */
  loaded(id: string): boolean {
    this.#inARow.clear();
    const hadFailed = this.#failed.delete(id);
    if (this.#failed.size === 0) this.#told = undefined;
    return hadFailed && this.#failed.size === 0;
  }

  /** All that have failed. */
  get ids(): readonly string[] {
    return [...this.#failed.keys()];
  }

  /** Those that are not to be tried yet. */
  resting(nowMs: number): readonly string[] {
    return [...this.#failed].filter(([, { retryAtMs }]) => retryAtMs > nowMs).map(([id]) => id);
  }

  /** Those not resting are no longer in the queue: their integration was deleted, for example. */
  forgetOthers(nowMs: number): void {
    for (const [id, { retryAtMs }] of this.#failed) if (retryAtMs <= nowMs) this.#failed.delete(id);
  }

  /** When the next one is to be tried. */
  get nextAtMs(): number {
    return Math.min(Infinity, ...[...this.#failed.values()].map(({ retryAtMs }) => retryAtMs));
  }
}
