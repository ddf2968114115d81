/**
 * Sends small batches whole, several in one request. A failure of one batch is its outcome; a failure of the request is
 * thrown, and everything may be sent again.
 */
import { Buffer } from "node:buffer";
import { requestBytesMax, wholeBatchesMax, wholeContentBytesMax } from "../protocol/delivery.ts";
import type { Clock } from "../runtime/clock.ts";
import type { LaneGate } from "./lane_gate.ts";
import { LineSizing } from "./line_sizing.ts";
import { partBytesMaxAt } from "./part_size.ts";
import {
  type DeliveryClient,
  HubError,
  type Lane,
  type StoredBatch,
  type WholeBatch,
  type WholeDelivery,
} from "./ports.ts";
import type { PartSizing } from "./transfer.ts";
import { type UploadHours, UploadHoursOverError } from "./upload_hours.ts";

/** Overhead around a declaration and its payload in a request, in bytes. */
const wrappingBytes = 32;

/**
 * How much payload to put into one request, adapted to the line: on a thin line, which requests share, a large one
 * would not get through in time and would be resent in vain.
 */
export function wholeSizing(bytesPerSecondMax: number | undefined): LineSizing {
  return new LineSizing(Math.min(requestBytesMax, partBytesMaxAt(bytesPerSecondMax)));
}

/** Batches of one lane that will go in one request. */
export class WholeGroup {
  readonly lane: Lane;
  readonly batches: StoredBatch[] = [];
  readonly #bytesMax: number;
  #bytes = 0;
  #requestBytes = wrappingBytes;

  /** `bytesMax`: of payload. */
  constructor(lane: Lane, options: { bytesMax: number }) {
    this.lane = lane;
    this.#bytesMax = options.bytesMax;
  }

  /** Whether the batch belongs to this lane and still fits. */
  takes(batch: StoredBatch): boolean {
    const { lane, payloadBytes } = batch.declaration;
    return lane === this.lane && this.batches.length < wholeBatchesMax &&
      this.#bytes + payloadBytes <= this.#bytesMax && this.#requestBytes + bytesInRequest(batch) <= requestBytesMax;
  }

  add(batch: StoredBatch): void {
    this.batches.push(batch);
    this.#bytes += batch.declaration.payloadBytes;
    this.#requestBytes += bytesInRequest(batch);
  }
}

/** What a batch takes up in a request, in bytes. The payload is in Base64. */
function bytesInRequest({ declaration }: Pick<StoredBatch, "declaration">): number {
  return Math.ceil(declaration.payloadBytes / 3) * 4 + Buffer.byteLength(JSON.stringify(declaration)) + wrappingBytes;
}

/** The outcome for one batch. The error may also come from reading its file. */
export type WholeOutcome =
  | Exclude<WholeDelivery, { state: "failed" }>
  | { readonly state: "failed"; readonly error: unknown };

/** What the transfers of one uploader share, and the signal that ends this one. */
export interface WholeTransferOptions {
  readonly client: Pick<DeliveryClient, "sendWhole">;
  readonly gate: LaneGate;
  readonly hours: Pick<UploadHours, "holdBack">;
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly sizing: PartSizing;
  readonly signal: AbortSignal;
}

/** Whether a batch may be sent whole to a hub that accepts payloads up to this length. */
export function mayGoWhole(
  { declaration: { payloadBytes, bytes } }: StoredBatch,
  options: { payloadBytesMax: number },
): boolean {
  return payloadBytes <= options.payloadBytesMax && bytes <= wholeContentBytesMax;
}

/**
 * Sends the group; the outcomes are in its order. Throws {@linkcode UploadHoursOverError} when the upload window has
 * closed.
 */
export async function transferWhole(
  { lane, batches }: WholeGroup,
  options: WholeTransferOptions,
): Promise<readonly WholeOutcome[]> {
  const { gate, hours, signal } = options;
  const readings = await Promise.all(batches.map(readWhole));
  const whole = readings.filter((reading) => "payload" in reading);
  const bytes = whole.reduce((sum, batch) => sum + bytesInRequest(batch), 0);
  await gate.pass({ lane, bytes }, signal);
  if (batches.some(({ declaration }) => hours.holdBack(declaration))) throw new UploadHoursOverError();
  const deliveries = whole.length === 0 ? [] : await send(whole, options);
  let answered = 0;
  return readings.map((reading) => {
    if ("error" in reading) return { state: "failed", error: reading.error };
    const delivery = deliveries[answered++];
    if (delivery === undefined) throw new Error("Cannot tell what became of a batch: there are too few answers");
    return delivery;
  });
}

async function send(
  batches: readonly WholeBatch[],
  { client, clock, sizing, signal }: WholeTransferOptions,
): Promise<readonly WholeDelivery[]> {
  const bytes = batches.reduce((sum, { payload }) => sum + payload.length, 0);
  const startedMs = clock.monotonicMs();
  try {
    const deliveries = await client.sendWhole(batches, signal);
    // A request with little in it says nothing about a full one.
    if (bytes >= sizing.bytes / 2) sizing.sent({ bytes, ms: clock.monotonicMs() - startedMs });
    return deliveries;
  } catch (error) {
    if (!signal.aborted && error instanceof HubError && error.kind === "unreachable") sizing.failed();
    throw error;
  }
}

async function readWhole(batch: StoredBatch): Promise<WholeBatch | { readonly error: unknown }> {
  const { declaration } = batch;
  try {
    return { declaration, payload: await batch.read(0, declaration.payloadBytes) };
  } catch (error) {
    return { error };
  }
}
