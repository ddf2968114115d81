/** What is on its way to the hub, how far it has got, and therefore what there is still a slot for. */
import { batchTitle } from "../protocol/batch_title.ts";
import type { Lane, StoredBatch } from "./ports.ts";
import type { WholeGroup } from "./whole_transfer.ts";

/** Payloads up to this length are small, in bytes. */
const smallBytesMax = 256 * 1024;
/** How many small batches are sent in parts at the same time. */
const smallMax = 8;
/**
 * And their sizes together stay within this many parts of the current size: they share the line, and each has to be in
 * time.
 */
const smallPartsMax = 4;
/** How many requests with whole batches are under way: while one is being answered, the next is assembled. */
const wholeRequestsMax: Readonly<Record<Lane, number>> = { live: 2, history: 1 };

/** What is sent as a unit: one batch in parts, or several whole ones in one request. */
export type Transfer =
  | { readonly kind: "parts"; readonly batch: StoredBatch }
  | { readonly kind: "whole"; readonly group: WholeGroup };

/** How far a batch is. */
export interface DeliveryProgress {
  readonly title: string;
  readonly sentBytes: number;
  readonly totalBytes: number;
}

/** The transfers of one uploader. */
export class TransfersUnderWay {
  readonly #sizing: { readonly bytes: number };
  readonly #transfers = new Map<Transfer, Promise<void>>();
  /** By batch id; whole ones are sent in one go. */
  readonly #sentBytes = new Map<string, number>();

  /** `sizing`: of parts. */
  constructor(options: { sizing: { readonly bytes: number } }) {
    this.#sizing = options.sizing;
  }

  /** A transfer has started; `done` resolves after it was removed. */
  add(transfer: Transfer, done: Promise<void>): void {
    this.#transfers.set(transfer, done);
    for (const { declaration } of batchesOf(transfer)) this.#sentBytes.set(declaration.id, 0);
  }

  /** It has ended. */
  remove(transfer: Transfer): void {
    this.#transfers.delete(transfer);
    for (const { declaration } of batchesOf(transfer)) this.#sentBytes.delete(declaration.id);
  }

  /** This much of a batch has been sent. */
  sent(id: string, bytes: number): void {
    if (this.#sentBytes.has(id)) this.#sentBytes.set(id, bytes);
  }

  get isEmpty(): boolean {
    return this.#transfers.size === 0;
  }

  /** Ids of the batches under way. */
  get ids(): Iterable<string> {
    return this.#sentBytes.keys();
  }

  /** Progress of the largest batch. */
  get progress(): DeliveryProgress | undefined {
    const declarations = [...this.#transfers.keys()].flatMap(batchesOf).map(({ declaration }) => declaration);
    const largest = declarations.toSorted((a, b) => b.payloadBytes - a.payloadBytes)[0];
    if (!largest) return undefined;
    const sentBytes = this.#sentBytes.get(largest.id) ?? 0;
    return { title: batchTitle(largest.origin), sentBytes, totalBytes: largest.payloadBytes };
  }

  /** Whether so many small batches go in parts that nothing more should start. */
  get isFull(): boolean {
    return this.#count((transfer) => transfer.kind === "parts" && isSmall(transfer.batch)) >= smallMax;
  }

  /** Whether the batch may go in parts now; large ones go one per lane. */
  hasPlaceFor(batch: StoredBatch): boolean {
    const { lane, payloadBytes } = batch.declaration;
    if (isSmall(batch)) {
      const bytes = this.#smallBytes();
      return bytes === 0 || bytes + payloadBytes <= smallPartsMax * this.#sizing.bytes;
    }
    const isLarge = (transfer: Transfer) =>
      transfer.kind === "parts" && !isSmall(transfer.batch) && transfer.batch.declaration.lane === lane;
    return this.#count(isLarge) === 0;
  }

  /** Whether there is a slot for another request with whole batches. */
  hasPlaceForWhole(lane: Lane): boolean {
    return this.#count((transfer) => transfer.kind === "whole" && transfer.group.lane === lane) <
      wholeRequestsMax[lane];
  }

  /** Resolves when everything now under way has ended. */
  async settled(): Promise<void> {
    await Promise.all(this.#transfers.values());
  }

  #smallBytes(): number {
    return [...this.#transfers.keys()].reduce(
      (sum, transfer) =>
        sum + (transfer.kind === "parts" && isSmall(transfer.batch) ? transfer.batch.declaration.payloadBytes : 0),
      0,
    );
  }

  #count(matches: (transfer: Transfer) => boolean): number {
    return [...this.#transfers.keys()].filter(matches).length;
  }
}

function batchesOf(transfer: Transfer): readonly StoredBatch[] {
  return transfer.kind === "whole" ? transfer.group.batches : [transfer.batch];
}

/** Whether the batch counts as small, of which several go at a time. */
export function isSmall({ declaration: { payloadBytes } }: StoredBatch): boolean {
  return payloadBytes <= smallBytesMax;
}
