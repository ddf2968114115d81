/**
 * What the agent needs from its neighbours. `agent/` imports these interfaces and `protocol/`, never an adapter;
 * `cli/run` ties them together.
 */
import type { AgentAnswer, AgentStatusReport, Assignment } from "../protocol/assignment.ts";
import type {
  BatchDeclaration,
  BatchOrigin,
  CompletionRequest,
  DeclarationAnswer,
  Part,
  PartsAnswer,
  Receipt,
} from "../protocol/delivery.ts";
import type { DeviceAuthorizationResponse, Link } from "../protocol/linking.ts";
import type { UnlinkReason } from "../protocol/problem.ts";

/** Which of the two queues a batch waits in: live data is sent before history. */
export type Lane = BatchDeclaration["lane"];

/** A batch file that is complete and synced but not yet part of the spool. */
export interface BatchFile {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly payloadSha256: string;
  readonly payloadBytes: number;
}

/** Takes the content of one batch. Disposing it before `finish` deletes what was written. */
export interface BatchWriter extends AsyncDisposable {
  /** Hashes, compresses and writes; resolves when it can take another chunk. The caller may then reuse this one. */
  write(chunk: Uint8Array): Promise<void>;
  /** When it resolves, the file is durable. */
  finish(): Promise<BatchFile>;
}

/** Batches on disk between their source and the hub, all of the current link. */
export interface Spool {
  /**
   * Waits until `bytes` more fit (limit and free-space reserve), logging if it has to wait; a single batch above the
   * limit fits an empty spool. Then opens a writer.
   */
  open(options: { bytes: number; lane: Lane; signal: AbortSignal }): Promise<BatchWriter>;
  /**
   * Admits a finished file. When it resolves, the batch is durable, and what `alongside` wrote to the state database
   * was committed in the same transaction. `known`: the spool or the hub already has this batch; the file is deleted,
   * `alongside` is committed all the same.
   */
  admit(
    file: BatchFile,
    options: { origin: BatchOrigin; lane: Lane; alongside?: (batchId: string) => void },
  ): Promise<"admitted" | "known">;
  /** Waiting batches, live before history, each lane oldest first, without those in `except`; `limit` at most. */
  next(options: { except: ReadonlySet<string>; limit: number }): readonly StoredBatch[];
  /** The hub has them. Their files are kept for `keepDays`, or until the space is needed. */
  acknowledge(receipts: readonly Receipt[]): void;
  /**
   * Moves a batch that cannot be delivered to `state/set-aside/`, with the reason beside it. Its source may be read
   * again.
   */
  setAside(id: string, reason: string): Promise<void>;
}

/**
 * There is no room for (the rest of) a batch. What was written of it is gone; the source opens another writer for
 * `bytesNeeded`, which waits until there is room.
 */
export class SpoolFullError extends Error {
  override readonly name = "SpoolFullError";
  /** Known minimum size of the batch, in bytes. */
  readonly bytesNeeded: number;
  /** What the disk has room for, in bytes, if waiting for more would be in vain; `undefined`: it may help. */
  readonly bytesFree: number | undefined;

  constructor(message: string, options: { bytesNeeded: number; bytesFree?: number; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.bytesNeeded = options.bytesNeeded;
    this.bytesFree = options.bytesFree;
  }
}

/** A batch in the spool. */
export interface StoredBatch {
  readonly declaration: BatchDeclaration;
  /**
   * Reads a range of the payload into memory that the caller owns; fails with {@linkcode BatchDamagedError} when the
   * file is not what was written.
   */
  read(offset: number, bytes: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** A batch file is missing or not what was written: set the batch aside, so that its source is read again. */
export class BatchDamagedError extends Error {
  override readonly name = "BatchDamagedError";
}

/** The hub's answer, classified: callers decide on `kind`, people read `message`. */
export class HubError extends Error {
  override readonly name = "HubError";
  readonly kind: HubErrorKind;
  /** Minimum wait before the next try, in ms (from `Retry-After`). */
  readonly retryAfterMs: number | undefined;
  /** With kind `unlinked`: why the link has ended, if the hub says. */
  readonly unlinkReason: UnlinkReason | undefined;
  /** With kinds `busy` and `refused`: the HTTP status, if there was an answer. */
  readonly status: number | undefined;
  /** With kind `unreachable`: the request was sent, and only its answer is missing. `undefined`: not known. */
  readonly sent: boolean | undefined;
  constructor(
    message: string,
    options: {
      kind: HubErrorKind;
      retryAfterMs?: number | undefined;
      unlinkReason?: UnlinkReason | undefined;
      status?: number | undefined;
      sent?: boolean | undefined;
      cause?: unknown;
    },
  ) {
    super(message, { cause: options.cause });
    this.kind = options.kind;
    this.retryAfterMs = options.retryAfterMs;
    this.unlinkReason = options.unlinkReason;
    this.status = options.status;
    this.sent = options.sent;
  }
}

/** What a failed call means for the caller, whichever status or socket error caused it. */
export type HubErrorKind =
  /** No answer: network, proxy, TLS, timeout. `message` has the operating system's error and the remedy. */
  | "unreachable"
  /** An answer over valid TLS that no hub would give. */
  | "not-a-hub"
  /** 429, 503 or another 5xx: try again. */
  | "busy"
  /** The link has ended. */
  | "unlinked"
  /** The hub does not, or no longer, know this installation's key: register again. */
  | "unknown-installation"
  /** This batch will never be accepted; other batches may. */
  | "refused"
  /** Something on the way to the hub rejects requests of this size, which its administrator can change: try again. */
  | "too-large"
  /** A part is missing or its address has expired: declare again. */
  | "stale"
  /** The hub says the payload is not what was declared. */
  | "checksum";

/** Asking the hub for a PIN. All methods throw {@linkcode HubError} (or the signal's reason). */
export interface LinkingClient {
  /** Registers the key if needed and asks for a PIN. */
  requestPin(signal: AbortSignal): Promise<DeviceAuthorizationResponse>;
  /** One poll of the token endpoint. */
  pollPin(deviceCode: string, signal: AbortSignal): Promise<PinPoll>;
  /** Tells the hub that this link is not wanted. */
  giveUp(link: Link, signal: AbortSignal): Promise<void>;
}

/** What one poll says of a PIN (RFC 8628, section 3.5); `expired` and `denied` are final. */
export type PinPoll =
  | { readonly state: "pending" }
  | { readonly state: "slow-down" }
  | { readonly state: "expired" }
  | { readonly state: "denied" }
  | { readonly state: "linked"; readonly link: Link };

/** Work for a linked agent. All methods throw {@linkcode HubError} (or the signal's reason). */
export interface AssignmentClient {
  /**
   * Waits, at most for the length of a poll, until the assignment differs from the one with `etag`; `undefined` if it
   * does not.
   */
  poll(etag: string | undefined, signal: AbortSignal): Promise<{ assignment: Assignment; etag: string } | undefined>;
  answer(requestId: string, answer: AgentAnswer, signal: AbortSignal): Promise<void>;
  report(status: AgentStatusReport, signal: AbortSignal): Promise<void>;
}

/** Delivery of one batch in parts. All methods throw {@linkcode HubError} (or the signal's reason). */
export interface PartsClient {
  declare(batch: BatchDeclaration, signal: AbortSignal): Promise<DeclarationAnswer>;
  addresses(batchId: string, parts: readonly Part[], signal: AbortSignal): Promise<PartsAnswer["addresses"]>;
  /** Resolves with the number of times the part had to be sent: a dropped connection is reopened once, immediately. */
  put(
    address: PartsAnswer["addresses"][number],
    bytes: Uint8Array<ArrayBuffer>,
    signal: AbortSignal,
  ): Promise<{ readonly tries: number }>;
  /** `undefined` while the hub is still checking. */
  complete(batchId: string, request: CompletionRequest, signal: AbortSignal): Promise<Receipt | undefined>;
}

/** A small batch and its payload. */
export interface WholeBatch {
  readonly declaration: BatchDeclaration;
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** The outcome for a batch sent whole; `wanted`: the hub wants it in parts. */
export type WholeDelivery =
  | { readonly state: "received"; readonly receipt: Receipt }
  | { readonly state: "wanted" }
  | { readonly state: "failed"; readonly error: HubError };

/** Delivery of batches. All methods throw {@linkcode HubError} (or the signal's reason). */
export interface DeliveryClient extends PartsClient {
  /**
   * Sends small batches in one request, `wholeBatchesMax` at most; the answers are in the same order. A thrown
   * `refused` concerns the request: the hub does not accept whole batches.
   */
  sendWhole(batches: readonly WholeBatch[], signal: AbortSignal): Promise<readonly WholeDelivery[]>;
  /** Which of these batches the hub does not have. */
  missing(batchIds: readonly string[], signal: AbortSignal): Promise<readonly string[]>;
}
