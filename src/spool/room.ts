/**
 * Who may write how much: the spool's limit, the free-space reserve, and the queue of sources that wait for room.
 *
 * Live sources go before history, each in order of arrival; nobody overtakes the first, so that a large batch gets its
 * turn. A batch above the limit is admitted when it is alone. Who would wait in vain for the disk may ask to be told.
 */
import { type Lane, SpoolFullError } from "../agent/ports.ts";
import type { Clock } from "../runtime/clock.ts";
import { diskPollMs, FreeSpace } from "./free_space.ts";
import { logRefusal, type Refusal, refusalProblem } from "./refusal.ts";

/** `[spool] maxMegabytes` and `keepFreeMegabytes`, in bytes. */
export interface RoomLimits {
  readonly bytesMax: number;
  readonly freeBytesMin: number;
}

/** What the room needs to know about the spool. */
export interface RoomView {
  /** Total length of all batch files, in bytes. */
  storedBytes(): number;
  /** Total length of the files that wait for other integrations, in bytes. */
  othersBytes(): number;
  /** Nothing waits for delivery to the current integration. */
  isIdle(): boolean;
  freeBytes(): Promise<number>;
  /** Removes kept acknowledged batches, oldest first, at least `bytes` of them if there are that many. */
  evict(bytes: number): Promise<void>;
}

/** A right to write `bytes`. */
export interface Reservation {
  readonly bytes: number;
}

interface Waiter {
  readonly bytes: number;
  readonly lane: Lane;
  readonly refuseInVain: boolean;
  readonly grant: (reservation: Reservation) => void;
  readonly fail: (error: unknown) => void;
}

interface TakeOptions {
  /** A batch above the limit may go with at most so many reservations, and nothing to deliver: it is alone. */
  readonly othersMax: number;
  /** Fail if the disk would lack space even with everything delivered. */
  readonly refuseInVain: boolean;
  readonly take: () => void;
}

/** The room of one spool. */
export class Room {
  readonly #view: RoomView;
  readonly #limits: RoomLimits;
  readonly #clock: Clock;
  readonly #closing: AbortSignal;
  readonly #freeSpace: FreeSpace;
  readonly #waiters: Waiter[] = [];
  readonly #reservations = new Set<{ bytes: number }>();
  #lastDecision: Promise<unknown> = Promise.resolve();
  #isPumping = false;
  #pumping: Promise<void> | undefined;
  #pumpAgain = false;
  #refusal: Refusal | undefined;
  #diskPoll: Promise<void> | undefined;

  constructor(view: RoomView, options: { limits: RoomLimits; clock: Clock; closing: AbortSignal }) {
    this.#view = view;
    this.#limits = options.limits;
    this.#clock = options.clock;
    this.#closing = options.closing;
    const { limits: { freeBytesMin }, clock } = options;
    this.#freeSpace = new FreeSpace({ measure: () => view.freeBytes(), freeBytesMin, clock });
  }

  /** Why sources are waiting now, for people; `undefined` if they are not. */
  get problem(): string | undefined {
    return this.#refusal && refusalProblem(this.#refusal, { othersBytes: this.#view.othersBytes() });
  }

  /**
   * Waits until `bytes` more fit.
   *
   * @throws {SpoolFullError} with `refuseInVain`, if the disk has room, but for less, and delivery cannot free enough.
   */
  async reserve(
    bytes: number,
    options: { lane: Lane; signal: AbortSignal; refuseInVain?: boolean },
  ): Promise<Reservation> {
    const { lane, signal, refuseInVain = false } = options;
    signal.throwIfAborted();
    this.#closing.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<Reservation>();
    const waiter: Waiter = { bytes, lane, refuseInVain, grant: resolve, fail: reject };
    const firstOfLater = lane === "live" ? this.#waiters.findIndex((other) => other.lane === "history") : -1;
    this.#waiters.splice(firstOfLater < 0 ? this.#waiters.length : firstOfLater, 0, waiter);
    const giveUp = () => {
      const at = this.#waiters.indexOf(waiter);
      if (at >= 0) this.#waiters.splice(at, 1);
      reject(signal.aborted ? signal.reason : this.#closing.reason);
      this.changed();
    };
    signal.addEventListener("abort", giveUp, { once: true });
    this.#closing.addEventListener("abort", giveUp, { once: true });
    this.changed();
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", giveUp);
      this.#closing.removeEventListener("abort", giveUp);
    }
  }

  /**
   * Enlarges a reservation to at least `bytes`, for a batch that grew more than expected.
   *
   * @throws {SpoolFullError} if that does not fit: the batch has to start again when there is room.
   */
  async grow(reservation: Reservation, bytes: number): Promise<void> {
    const held = reservation as { bytes: number };
    const more = bytes - held.bytes;
    if (more <= 0) return;
    const take = () => void (held.bytes = bytes);
    const refusal = await this.#take(more, { othersMax: 1, refuseInVain: false, take });
    if (refusal !== undefined) {
      const why = refusal === "limit" ? "the spool has reached [spool] maxMegabytes" : "the disk is almost full";
      throw new SpoolFullError(`Cannot write the batch: it is larger than expected and ${why}`, { bytesNeeded: bytes });
    }
  }

  /**
   * A write failed for lack of space. The disk may well report free space (a quota, no inodes left): it counts as full
   * until the next check, so that sources do not keep trying in vain.
   */
  sawFullDisk(): void {
    this.#freeSpace.sawFullDisk();
  }

  /** Gives a reservation back: by now, what was written is in the index, or removed. */
  release(reservation: Reservation): void {
    this.#reservations.delete(reservation);
    this.changed();
  }

  /** Something was removed, or nothing waits any longer: waiting sources may fit now. */
  changed(): void {
    if (this.#waiters.length === 0 && this.#refusal === undefined) return;
    this.#pumpAgain = true;
    if (this.#isPumping) return;
    this.#isPumping = true;
    this.#pumping = this.#pump();
  }

  /** Resolves when nothing is going on. */
  async settled(): Promise<void> {
    await this.#pumping;
    await this.#diskPoll;
  }

  async #pump(): Promise<void> {
    while (this.#pumpAgain) {
      this.#pumpAgain = false;
      for (let first = this.#waiters[0]; first !== undefined; first = this.#waiters[0]) {
        if (!await this.#serve(first)) break;
      }
      if (this.#waiters.length === 0) this.#tell(undefined);
    }
    this.#isPumping = false;
  }

  /** Grants the first waiter its room; false when it has to wait. */
  async #serve(first: Waiter): Promise<boolean> {
    const take = () => {
      // It gave up, or a live source moved ahead of it, during the disk check.
      if (this.#waiters[0] !== first) return;
      this.#waiters.shift();
      const reservation = { bytes: first.bytes };
      this.#reservations.add(reservation);
      first.grant(reservation);
    };
    try {
      const { bytes, refuseInVain } = first;
      const refusal = await this.#take(bytes, { othersMax: 0, refuseInVain, take });
      if (this.#waiters.includes(first) || refusal === undefined) this.#tell(refusal);
      return refusal === undefined || this.#waiters[0] !== first;
    } catch (error) {
      const at = this.#waiters.indexOf(first);
      if (at >= 0) this.#waiters.splice(at, 1);
      first.fail(error);
      return true;
    }
  }

  /** Decides about one after the other, so that each counts what those before it took. */
  #take(bytes: number, options: TakeOptions): Promise<Refusal | undefined> {
    const decision = this.#lastDecision.then(() => this.#decide(bytes, options));
    this.#lastDecision = decision.catch(() => {});
    return decision;
  }

  /** Takes `bytes` if they fit, in the same step as the decision. */
  async #decide(bytes: number, options: TakeOptions): Promise<Refusal | undefined> {
    if (await this.#missingOnDisk(bytes) > 0) {
      if (options.refuseInVain) await this.#throwIfInVain(bytes, { othersBytes: 0 });
      await this.#view.evict(await this.#missingOnDisk(bytes));
      this.#freeSpace.changed();
      if (options.refuseInVain) await this.#throwIfInVain(bytes, { othersBytes: this.#view.othersBytes() });
      if (await this.#missingOnDisk(bytes) > 0) return "disk";
    }
    const over = () => this.#view.storedBytes() + this.#reservedBytes() + bytes - this.#limits.bytesMax;
    if (over() > 0) await this.#view.evict(over());
    const isAlone = this.#reservations.size <= options.othersMax && this.#view.isIdle();
    if (over() > 0 && !isAlone) return "limit";
    this.#freeSpace.granted(bytes);
    options.take();
    return undefined;
  }

  /** On a disk without any room, all wait alike. `othersBytes`: what is not going to be delivered. */
  async #throwIfInVain(bytes: number, { othersBytes }: { othersBytes: number }): Promise<void> {
    const bytesFree = -await this.#missingOnDisk(0);
    const mayBecomeFree = this.#view.storedBytes() - othersBytes + this.#reservedBytes();
    if (bytesFree <= 0 || bytes <= bytesFree + mayBecomeFree) return;
    throw new SpoolFullError("Cannot write the batch: the disk has too little room", { bytesNeeded: bytes, bytesFree });
  }

  /** How many bytes of disk space are missing for `bytes` more; 0 or less for none. */
  #missingOnDisk(bytes: number): Promise<number> {
    return this.#freeSpace.missing(bytes, { reserved: this.#reservedBytes() });
  }

  #reservedBytes(): number {
    let sum = 0;
    for (const { bytes } of this.#reservations) sum += bytes;
    return sum;
  }

  /** One log line when waiting begins, one when it ends. */
  #tell(refusal: Refusal | undefined): void {
    const before = this.#refusal;
    this.#refusal = refusal;
    if (refusal === "disk") this.#diskPoll ??= this.#pollDisk().finally(() => this.#diskPoll = undefined);
    if (before !== refusal) {
      logRefusal(refusal, {
        ...this.#limits,
        stored: this.#view.storedBytes(),
        othersBytes: this.#view.othersBytes(),
      });
    }
  }

  async #pollDisk(): Promise<void> {
    while (this.#refusal === "disk" && !this.#closing.aborted) {
      try {
        await this.#clock.sleep(diskPollMs, this.#closing);
      } catch {
        // Closing: the waiters have been told.
        return;
      }
      this.#freeSpace.changed();
      this.changed();
      await this.#pumping;
    }
  }
}
