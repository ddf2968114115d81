/**
 * Logs what was delivered: every file and every window of history. In real time, live windows of a database come every
 * few seconds, so each kind of live data gets one line now and then, which says how many there were.
 */
import { getLogger } from "@logtape/logtape";
import { batchTitle } from "../protocol/batch_title.ts";
import type { Clock } from "../runtime/clock.ts";
import type { StoredBatch } from "./ports.ts";

const log = getLogger(["cloud-link", "uploader"]);

/** Minimum time between two lines about the same kind of live data, in ms. */
const liveLineEveryMs = 5 * 60_000;

/** What was delivered of one kind of data since its last line. */
interface Unsaid {
  saidAtMs: number;
  batches: number;
}

/** One for each uploader. */
export class DeliveryLog {
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #unsaid = new Map<string, Unsaid>();

  constructor(clock: Pick<Clock, "monotonicMs">) {
    this.#clock = clock;
  }

  /** `tries`: given when it was not the first try. */
  delivered(batch: StoredBatch, { ms, tries }: { ms: number; tries: number }): void {
    const { bytes, lane, origin } = batch.declaration;
    const facts = {
      title: batchTitle(origin),
      bytes,
      seconds: Math.round(ms / 10) / 100,
      ...(tries > 1 ? { tries } : {}),
    };
    if (lane === "history" || origin.kind === "csv" || tries > 1) {
      return log.info("Delivered {title}, {bytes} bytes, in {seconds} s.", facts);
    }
    const unsaid = this.#unsaid.get(origin.dataType) ?? { saidAtMs: -Infinity, batches: 0 };
    this.#unsaid.set(origin.dataType, unsaid);
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - unsaid.saidAtMs < liveLineEveryMs) {
      unsaid.batches++;
      return log.debug("Delivered {title}, {bytes} bytes, in {seconds} s.", facts);
    }
    const { batches } = unsaid;
    this.#unsaid.set(origin.dataType, { saidAtMs: nowMs, batches: 0 });
    if (batches === 0) return log.info("Delivered {title}, {bytes} bytes, in {seconds} s.", facts);
    log.info("Delivered {title}, {bytes} bytes, in {seconds} s, and {batches} more since the last such line.", {
      ...facts,
      batches,
    });
  }
}
