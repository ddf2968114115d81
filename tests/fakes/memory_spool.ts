/** A spool in memory. The payload of a batch is its content, not compressed. */
import { createHash } from "node:crypto";
import type { BatchFile, BatchWriter, Lane, Spool, StoredBatch } from "../../src/agent/ports.ts";
import type { BatchOrigin, Receipt } from "../../src/protocol/delivery.ts";
import { patienceMs } from "../eventually.ts";

/** Content above this is hashed and dropped, in bytes. */
const keptBytesMax = 64 * 1024 * 1024;

export interface MemorySpoolOptions {
  /** Called before a writer is opened; may wait or throw, as a full spool does. */
  readonly beforeOpen?: (bytes: number) => Promise<void> | void;
  /** Called with how much of a batch has been written before. */
  readonly beforeWrite?: (written: number) => Promise<void> | void;
}

export class MemorySpool implements Spool {
  readonly #options: MemorySpoolOptions;
  readonly #finished = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly #waiting = new Map<string, StoredBatch>();
  readonly #acknowledged = new Map<string, Receipt>();
  readonly asides = new Map<string, string>();
  readonly changed: EventTarget = new EventTarget();
  readonly #watchers = new Set<() => void>();
  readonly #kept = new Map<string, StoredBatch>();
  #sequence = 0;
  #files = 0;
  /** Batches admitted, in that order. */
  readonly admitted: { fileName: string; sha256: string; bytes: number; content: Uint8Array<ArrayBuffer> }[] = [];
  /** How many writers were opened: how often something was read. */
  opened = 0;

  constructor(options: MemorySpoolOptions = {}) {
    this.#options = options;
  }

  async open(options: { bytes: number; lane: Lane; signal: AbortSignal }): Promise<BatchWriter> {
    await this.#options.beforeOpen?.(options.bytes);
    options.signal.throwIfAborted();
    this.opened++;
    const hash = createHash("sha256");
    let bytes = 0;
    let chunks: Uint8Array[] = [];
    const path = `/memory/${++this.#files}`;
    return {
      write: async (chunk) => {
        await this.#options.beforeWrite?.(bytes);
        hash.update(chunk);
        bytes += chunk.length;
        if (bytes <= keptBytesMax) chunks.push(chunk.slice());
        else chunks = [];
        // The chunk may not be touched before the write resolves, which takes a turn of the loop.
        await new Promise<void>((resolve) => setImmediate(resolve));
      },
      finish: () => {
        const sha256 = hash.digest("hex");
        this.#finished.set(path, join(chunks));
        return Promise.resolve({ path, sha256, bytes, payloadSha256: sha256, payloadBytes: bytes });
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }

  discard(file: BatchFile): Promise<void> {
    this.#finished.delete(file.path);
    return Promise.resolve();
  }

  async admit(
    file: BatchFile,
    options: { origin: BatchOrigin; lane: Lane; alongside?: (batchId: string) => void },
  ): Promise<"admitted" | "known"> {
    await new Promise((resolve) => setImmediate(resolve));
    const content = this.#finished.get(file.path) ?? new Uint8Array();
    this.#finished.delete(file.path);
    const id = file.sha256;
    options.alongside?.(id);
    if (this.#waiting.has(id) || this.#acknowledged.has(id)) return "known";
    const { origin, lane } = options;
    const fileName = origin.kind === "csv" ? origin.fileName : "";
    this.admitted.push({ fileName, sha256: file.sha256, bytes: file.bytes, content });
    this.add(content, { id, origin, lane, sha256: file.sha256 });
    return "admitted";
  }

  /** Puts a batch in without a file. */
  add(
    content: Uint8Array<ArrayBuffer>,
    options: { id: string; origin: BatchOrigin; lane: Lane; sha256: string; damaged?: Error },
  ): void {
    const { id, origin, lane, sha256, damaged } = options;
    this.#waiting.set(id, {
      declaration: {
        id,
        linkId: "link",
        sequence: ++this.#sequence,
        lane,
        origin,
        sha256,
        bytes: content.length,
        payloadSha256: sha256,
        payloadBytes: content.length,
        createdAt: "2026-03-02T08:00:00Z",
      },
      read: (offset, bytes) =>
        damaged ? Promise.reject(damaged) : Promise.resolve(content.slice(offset, offset + bytes)),
    });
    this.#changed();
  }

  next({ except, limit }: { except: ReadonlySet<string>; limit: number }): StoredBatch[] {
    const open = [...this.#waiting.values()].filter(({ declaration }) => !except.has(declaration.id));
    const of = (lane: Lane) => open.filter(({ declaration }) => declaration.lane === lane);
    return [...of("live"), ...of("history")].slice(0, limit);
  }

  acknowledge(receipts: readonly Receipt[]): void {
    for (const receipt of receipts) {
      const batch = this.#waiting.get(receipt.batch);
      if (batch) this.#kept.set(receipt.batch, batch);
      this.#waiting.delete(receipt.batch);
      this.#acknowledged.set(receipt.batch, receipt);
    }
    this.#changed();
  }

  setAside(id: string, reason: string): Promise<void> {
    this.#waiting.delete(id);
    this.asides.set(id, reason);
    this.#changed();
    return Promise.resolve();
  }

  waiting(): { batches: number; bytes: number } {
    const bytes = [...this.#waiting.values()].reduce((sum, { declaration }) => sum + declaration.payloadBytes, 0);
    return { batches: this.#waiting.size, bytes };
  }

  /** Ids of what was acknowledged, in that order. */
  get delivered(): string[] {
    return [...this.#acknowledged.keys()];
  }

  acknowledgedCount(): number {
    return this.#acknowledged.size;
  }

  newestAcknowledged(limit: number): string[] {
    return [...this.#acknowledged.keys()].slice(-limit);
  }

  acknowledged({ after, limit }: { after: number; limit: number }): { id: string; sequence: number }[] {
    return [...this.#kept.values()].map(({ declaration: { id, sequence } }) => ({ id, sequence }))
      .filter(({ sequence }) => sequence > after).toSorted((a, b) => a.sequence - b.sequence).slice(0, limit);
  }

  resend(ids: readonly string[]): number {
    const found = ids.filter((id) => {
      const batch = this.#kept.get(id);
      if (!batch) return false;
      this.#kept.delete(id);
      this.#acknowledged.delete(id);
      this.#waiting.set(id, batch);
      return true;
    });
    this.#changed();
    return found.length;
  }

  #changed(): void {
    this.changed.dispatchEvent(new Event("change"));
    for (const watcher of [...this.#watchers]) watcher();
  }

  /** Resolves as soon as `condition` holds; looked at after every change of the spool. Rejects when it never does. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer);
        this.#watchers.delete(look);
      };
      const look = () => {
        if (!condition()) return;
        end();
        resolve();
      };
      const timer = setTimeout(() => {
        end();
        const found = JSON.stringify({ delivered: this.delivered.length, aside: Object.fromEntries(this.asides) });
        reject(new Error(`Waited in vain until ${condition}: ${found}`));
      }, patienceMs);
      this.#watchers.add(look);
      look();
    });
  }
}

function join(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    all.set(chunk, offset);
    offset += chunk.length;
  }
  return all;
}
