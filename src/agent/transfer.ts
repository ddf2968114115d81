/**
 * Sends one batch: declare it, send the parts the hub does not have, complete it, get the receipt. Every failure is
 * thrown; the next try begins with the declaration and continues where this one stopped.
 *
 * While a part is on its way, the next ones are read, hashed and given addresses. At most twice
 * `partBytesLargest` is in memory, and what fetch copies of it.
 */
import { createHash } from "node:crypto";
import {
  type Part,
  type PartsAnswer,
  partsPerRequestMax,
  type Receipt,
  singlePartBytesMax,
} from "../protocol/delivery.ts";
import type { Clock } from "../runtime/clock.ts";
import type { LaneGate } from "./lane_gate.ts";
import { layOut, type Range, runsOf } from "./part_layout.ts";
import { partBytesLargest } from "./part_size.ts";
import { type DeliveryClient, HubError, type StoredBatch } from "./ports.ts";
import { type UploadHours, UploadHoursOverError } from "./upload_hours.ts";

/** How often the hub is asked whether it has checked a large batch: first and longest interval, in ms. */
const completionPollMs = { first: 100, max: 5000 };
/** How long that check may take, in ms. */
const completionMsMax = 30 * 60_000;

/**
 * Very large batches use larger parts, to stay below this number while possible: then, even if no two consecutive parts
 * have the same length, the request that names them stays below `requestBytesMax`.
 */
const partsWanted = 8000;
/** Up to this many parts are listed one by one, within `requestBytesMax`; beyond that, as runs. */
const namedPartsMax = 1000;

/** Size of the next part, and what is learnt from the last. */
export interface PartSizing {
  readonly bytes: number;
  sent(part: { bytes: number; ms: number }): void;
  failed(): void;
}

/** What the transfers of one uploader share (client, gate, sizing), and what is specific to one try. */
export interface TransferOptions {
  readonly client: DeliveryClient;
  readonly clock: Clock;
  readonly gate: LaneGate;
  /** Throws {@linkcode UploadHoursOverError}, leaving the batch, when they hold it back. */
  readonly hours: Pick<UploadHours, "holdBack">;
  readonly sizing: PartSizing;
  /** Sends all parts again, even those the hub has, because they do not fit together. */
  readonly afresh: boolean;
  /** Called with how much of the payload the hub has: first what it has from earlier tries, then as parts arrive. */
  readonly onProgress: (progress: { sentBytes: number; arrived: boolean }) => void;
  readonly signal: AbortSignal;
}

/** Sends a batch and returns the hub's receipt. */
export async function transfer(batch: StoredBatch, options: TransferOptions): Promise<Receipt> {
  const { client, signal, onProgress } = options;
  const { declaration } = batch;
  const answer = await client.declare(declaration, signal);
  if (answer.state === "received") return answer.receipt;
  const { present, gaps } = layOut(declaration.payloadBytes, options.afresh ? [] : answer.parts);
  let sentBytes = present.reduce((sum, part) => sum + part.bytes, 0);
  onProgress({ sentBytes, arrived: false });
  const parts = [...present];
  const portions = new Portions(batch, { gaps, ...options });
  const prepare = () => {
    const portion = portions.next();
    // Awaited only after the preceding parts have been sent, which may be after it has failed.
    portion.catch(() => {});
    return portion;
  };
  let ahead = prepare();
  try {
    for (let portion = await ahead; portion.length > 0; portion = await ahead) {
      ahead = prepare();
      for (const { part, bytes, address } of portion) {
        await put({ bytes, address, declaration }, options);
        release(bytes);
        parts.push(part);
        sentBytes += part.bytes;
        onProgress({ sentBytes, arrived: true });
      }
    }
  } catch (error) {
    await ahead.catch(() => {});
    throw error;
  }
  parts.sort((a, b) => a.offset - b.offset);
  return await complete(declaration.id, parts, { ...options, asRuns: answer.takesRuns === true });
}

interface ReadyPart {
  readonly part: Part;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly address: PartsAnswer["addresses"][number];
}

/** Cuts the gaps into parts, a portion at a time, and gets an address for each. */
class Portions {
  readonly #batch: StoredBatch;
  readonly #options: Pick<TransferOptions, "client" | "sizing" | "signal">;
  readonly #gaps: Range[];
  #isFirst = true;

  constructor(
    batch: StoredBatch,
    options: Pick<TransferOptions, "client" | "sizing" | "signal"> & { gaps: readonly Range[] },
  ) {
    this.#batch = batch;
    this.#options = options;
    this.#gaps = [...options.gaps];
  }

  /**
   * The next parts; empty when all have been cut. One at first, later up to two parts' worth, within
   * `partBytesLargest`.
   */
  async next(): Promise<ReadyPart[]> {
    const { client, signal } = this.#options;
    const portionBytesMax = this.#isFirst ? this.#partBytes : Math.min(partBytesLargest, this.#partBytes * 2);
    this.#isFirst = false;
    const cut: { part: Part; bytes: Uint8Array<ArrayBuffer> }[] = [];
    for (let left = portionBytesMax; left > 0 && cut.length < partsPerRequestMax;) {
      const range = this.#cut(left);
      if (!range) break;
      signal.throwIfAborted();
      const bytes = await this.#batch.read(range.offset, range.bytes);
      cut.push({ part: { ...range, sha256: sha256(bytes) }, bytes });
      left -= range.bytes;
    }
    if (cut.length === 0) return [];
    const addresses = await client.addresses(this.#batch.declaration.id, cut.map(({ part }) => part), signal);
    return cut.map((one, index) => {
      const address = addresses[index];
      if (!address) throw new HubError("The hub gave fewer addresses than it was asked for", { kind: "stale" });
      return { ...one, address };
    });
  }

  get #partBytes(): number {
    const { payloadBytes } = this.#batch.declaration;
    if (payloadBytes <= singlePartBytesMax) return payloadBytes;
    return Math.max(this.#options.sizing.bytes, Math.min(partBytesLargest, Math.ceil(payloadBytes / partsWanted)));
  }

  #cut(bytesMax: number): Range | undefined {
    const gap = this.#gaps[0];
    if (!gap) return undefined;
    const bytes = Math.min(gap.bytes, this.#partBytes, bytesMax);
    if (bytes === gap.bytes) this.#gaps.shift();
    else this.#gaps[0] = { offset: gap.offset + bytes, bytes: gap.bytes - bytes };
    return { offset: gap.offset, bytes };
  }
}

async function put(
  part: Pick<ReadyPart, "bytes" | "address"> & Pick<StoredBatch, "declaration">,
  options: TransferOptions,
): Promise<void> {
  const { client, clock, gate, hours, sizing, signal } = options;
  await gate.pass({ lane: part.declaration.lane, bytes: part.bytes.length }, signal);
  if (hours.holdBack(part.declaration)) throw new UploadHoursOverError();
  const startedMs = clock.monotonicMs();
  try {
    const { tries } = await client.put(part.address, part.bytes, signal);
    if (tries > 1) return sizing.failed();
  } catch (error) {
    // The part may have been too large, or have taken until its address expired.
    const mayBeOfSize = error instanceof HubError && (error.kind === "unreachable" || error.kind === "stale");
    if (!signal.aborted && mayBeOfSize) sizing.failed();
    throw error;
  }
  sizing.sent({ bytes: part.bytes.length, ms: clock.monotonicMs() - startedMs });
}

async function complete(
  id: string,
  parts: readonly Part[],
  options: TransferOptions & { asRuns: boolean },
): Promise<Receipt> {
  const { client, clock, signal } = options;
  const startedMs = clock.monotonicMs();
  let asRuns = options.asRuns && parts.length > namedPartsMax;
  let waitMs = completionPollMs.first;
  while (true) {
    try {
      const receipt = await client.complete(id, asRuns ? { runs: runsOf(parts) } : { parts: [...parts] }, signal);
      if (receipt) return receipt;
    } catch (error) {
      // While hubs are being replaced one by one, an older hub may answer.
      if (!asRuns || !(error instanceof HubError) || error.kind !== "refused") throw error;
      asRuns = false;
      continue;
    }
    if (clock.monotonicMs() - startedMs > completionMsMax) {
      throw new HubError("The hub has all parts but does not finish checking them", { kind: "busy" });
    }
    await clock.sleep(waitMs, signal);
    waitMs = Math.min(completionPollMs.max, waitMs * 2);
  }
}

/**
 * Frees a part's memory immediately. Sending allocates so few objects that the collector hardly runs: half a minute's
 * worth of parts would pile up.
 */
function release(bytes: Uint8Array<ArrayBuffer>): void {
  bytes.buffer.transfer(0);
}

/** Not with `crypto.subtle`, which copies its input. */
function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
