/** A hub in memory, behind the client's interface. It checks what it gets as the real one does, and fails when told to. */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import {
  type DeliveryClient,
  HubError,
  type HubErrorKind,
  type WholeBatch,
  type WholeDelivery,
} from "../../src/agent/ports.ts";
import type {
  BatchDeclaration,
  CompletionRequest,
  DeclarationAnswer,
  Part,
  PartRun,
  PartsAnswer,
  Receipt,
} from "../../src/protocol/delivery.ts";

/** One call of the client. */
export interface HubCall {
  readonly what: "declare" | "addresses" | "put" | "complete" | "whole" | "missing";
  /** The batch; `""` for `missing`; of several sent whole the first. */
  readonly id: string;
  readonly offset: number;
  readonly bytes: number;
}

export interface MemoryHubOptions {
  /** May fail a call, or hold it up. */
  readonly onCall?: (call: HubCall, signal: AbortSignal) => Promise<void> | void;
  /** May say of a batch that was sent whole something else than that it was received. */
  readonly onWhole?: (batch: WholeBatch) => WholeDelivery | undefined;
  /** Whether it says that completions may name runs; it takes them in any case. @default true */
  readonly takesRuns?: boolean;
  /** Parts are taken, and gone. @default false */
  readonly losesParts?: boolean;
}

export class MemoryHub implements DeliveryClient {
  readonly #options: MemoryHubOptions;
  readonly #declared = new Map<string, BatchDeclaration>();
  readonly #parts = new Map<string, Map<string, { part: Part; content: Uint8Array }>>();
  readonly #expected = new Map<string, { id: string; part: Part }>();
  readonly received = new Map<string, Uint8Array>();
  readonly calls: HubCall[] = [];
  /** The batches that were sent whole, by request. */
  readonly whole: string[][] = [];

  constructor(options: MemoryHubOptions = {}) {
    this.#options = options;
  }

  async declare(batch: BatchDeclaration, signal: AbortSignal): Promise<DeclarationAnswer> {
    await this.#call({ what: "declare", id: batch.id, offset: 0, bytes: 0 }, signal);
    if (this.received.has(batch.id)) return { state: "received", receipt: receipt(batch.id) };
    this.#declared.set(batch.id, batch);
    const parts = [...this.#partsOf(batch.id).values()].map(({ part }) => part);
    return { state: "wanted", parts, ...(this.#options.takesRuns === false ? {} : { takesRuns: true }) };
  }

  async addresses(batchId: string, parts: readonly Part[], signal: AbortSignal): Promise<PartsAnswer["addresses"]> {
    await this.#call({ what: "addresses", id: batchId, offset: parts[0]?.offset ?? 0, bytes: 0 }, signal);
    return parts.map((part) => {
      const url = `memory://${batchId}/${part.offset}/${part.bytes}`;
      this.#expected.set(url, { id: batchId, part });
      return { url, headers: {}, expiresAt: "2099-01-01T00:00:00Z" };
    });
  }

  async put(
    address: PartsAnswer["addresses"][number],
    bytes: Uint8Array<ArrayBuffer>,
    signal: AbortSignal,
  ): Promise<{ tries: number }> {
    const expected = this.#expected.get(address.url);
    if (!expected) throw new HubError("no such address", { kind: "stale" });
    const { id, part } = expected;
    await this.#call({ what: "put", id, offset: part.offset, bytes: bytes.length }, signal);
    if (sha256(bytes) !== part.sha256) throw new HubError("wrong part", { kind: "checksum" });
    if (this.#options.losesParts) return { tries: 1 };
    this.#partsOf(id).set(`${part.offset}-${part.bytes}`, { part, content: bytes.slice() });
    return { tries: 1 };
  }

  async complete(batchId: string, request: CompletionRequest, signal: AbortSignal): Promise<Receipt | undefined> {
    await this.#call({ what: "complete", id: batchId, offset: 0, bytes: 0 }, signal);
    const stored = this.#partsOf(batchId);
    const ranges = "parts" in request ? request.parts : rangesOf(request.runs);
    const payload = new Uint8Array(Buffer.concat(ranges.map(({ offset, bytes }) => {
      const content = stored.get(`${offset}-${bytes}`)?.content;
      if (!content) throw new HubError("a part is missing", { kind: "stale" });
      return content;
    })));
    if (sha256(payload) !== this.#declared.get(batchId)?.payloadSha256) {
      this.#parts.delete(batchId);
      throw new HubError("checksum mismatch", { kind: "checksum" });
    }
    this.received.set(batchId, payload);
    return receipt(batchId);
  }

  async sendWhole(batches: readonly WholeBatch[], signal: AbortSignal): Promise<readonly WholeDelivery[]> {
    const bytes = batches.reduce((sum, { payload }) => sum + payload.length, 0);
    const ids = batches.map(({ declaration }) => declaration.id);
    this.whole.push(ids);
    await this.#call({ what: "whole", id: ids[0] ?? "", offset: 0, bytes }, signal);
    return batches.map((batch) => this.#options.onWhole?.(batch) ?? this.#takeWhole(batch));
  }

  #takeWhole({ declaration, payload }: WholeBatch): WholeDelivery {
    if (sha256(payload) !== declaration.payloadSha256) {
      return { state: "failed", error: new HubError("checksum mismatch", { kind: "checksum" }) };
    }
    if (!this.received.has(declaration.id)) this.received.set(declaration.id, payload);
    return { state: "received", receipt: receipt(declaration.id) };
  }

  async missing(batchIds: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
    await this.#call({ what: "missing", id: "", offset: 0, bytes: 0 }, signal);
    return batchIds.filter((id) => !this.received.has(id));
  }

  /** Replaces a stored part by something else. */
  corrupt(batchId: string): void {
    for (const stored of this.#partsOf(batchId).values()) stored.content.fill(0);
  }

  /** The calls of one kind, as `id@offset`. */
  of(what: HubCall["what"]): string[] {
    return this.calls.filter((call) => call.what === what).map(({ id, offset }) => `${id}@${offset}`);
  }

  async #call(call: HubCall, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.calls.push(call);
    await this.#options.onCall?.(call, signal);
    // An answer takes a turn of the loop at least.
    await new Promise<void>((resolve) => setImmediate(resolve));
    signal.throwIfAborted();
  }

  #partsOf(id: string): Map<string, { part: Part; content: Uint8Array }> {
    const parts = this.#parts.get(id) ?? new Map();
    this.#parts.set(id, parts);
    return parts;
  }
}

function rangesOf(runs: readonly PartRun[]): { offset: number; bytes: number }[] {
  const ranges: { offset: number; bytes: number }[] = [];
  let offset = 0;
  for (const { bytes, count } of runs) {
    for (let n = 0; n < count; n++, offset += bytes) ranges.push({ offset, bytes });
  }
  return ranges;
}

/** What a client throws. */
export function hubError(kind: HubErrorKind, retryAfterMs?: number): HubError {
  return new HubError(`the hub is ${kind}`, { kind, retryAfterMs });
}

function receipt(batch: string): Receipt {
  return { batch, receivedAt: "2026-03-02T08:00:00Z" };
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
