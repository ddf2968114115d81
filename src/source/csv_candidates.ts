/**
 * Which files of the import folder to read, and when. Pure: told what was seen and how reading went.
 *
 * A file goes settling → queued → reading → done. It leaves `settling` when its writer is seen to close it or to rename
 * it into the folder, or when it has not changed for `settleMs`; `openSettleMs` if its writer was seen to write, as
 * closing will be seen too. A sign of more to come sends it back. Trouble sends it to `waiting`, for longer each time.
 * A `done` file is read again when its version changes, or when it is written and closed or renamed in again: two
 * versions may look the same, as times are coarse or set, and inodes are used again.
 */
import { backoffMs } from "../runtime/backoff.ts";
import { type FileVersion, type Finish, sameVersion, type Sign } from "./csv_file.ts";

/** How long what has failed waits: a file, or all of them where the spool takes none. */
export const retrySteps = { firstMs: 1000, mostMs: 5 * 60_000 } as const;

/** How long a file is left alone after its writer closed it, in ms: some open it again at once, to write the rest. */
const reopenMs = 100;

/** What is wrong with a file, and how often in a row. */
export interface Trouble {
  readonly reason: string;
  readonly failures: number;
}

/** Times are on the monotonic clock. `version`: the one last seen, if any. */
type Phase =
  | { readonly state: "settling"; readonly version: FileVersion | undefined; readonly dueMs: number }
  | { readonly state: "queued"; readonly finish: Finish | undefined; readonly dueMs: number }
  | { readonly state: "waiting"; readonly version: FileVersion | undefined; readonly dueMs: number };

/** A file that is due. */
export interface Due {
  readonly name: string;
  /**
   * The version that has been stable for long enough; `undefined` if its writer was seen to finish: then any version
   * will do.
   */
  readonly version: FileVersion | undefined;
  /** How its writer was seen to finish, if it was: then it is read even if its version was read before. */
  readonly finish: Finish | undefined;
}

/** The files of one folder, by name. */
export class CsvCandidates {
  readonly #settleMs: number;
  readonly #openSettleMs: number;
  /** Whether this version was read in an earlier run. */
  readonly #isKnown: (name: string, version: FileVersion) => boolean;
  readonly #active = new Map<string, Phase>();
  /** Kept separately, so that looking for due files stays cheap while thousands wait to be read. */
  readonly #reading = new Map<string, { sign: Sign | undefined; signMs: number }>();
  /** Files seen to be written, and not yet to be closed. */
  readonly #open = new Set<string>();
  /** Since when each file has not been read because it keeps changing; `Infinity` once that was told. */
  readonly #restlessSince = new Map<string, number>();
  readonly #done = new Map<string, FileVersion>();
  readonly #troubles = new Map<string, Trouble>();

  constructor(options: {
    settleMs: number;
    /** @default `settleMs` */
    openSettleMs?: number;
    isKnown: (name: string, version: FileVersion) => boolean;
  }) {
    this.#settleMs = options.settleMs;
    this.#openSettleMs = options.openSettleMs ?? options.settleMs;
    this.#isKnown = options.isKnown;
  }

  /** Files that could not be read when last tried. */
  get troubles(): ReadonlyMap<string, Trouble> {
    return this.#troubles;
  }

  /** The file was looked at. Whether it is new, or has changed since it was read. */
  seen(name: string, version: FileVersion, nowMs: number): boolean {
    const phase = this.#active.get(name);
    if (this.#reading.has(name) || phase?.state === "queued") return false;
    if (!phase && this.isDone(name, version)) {
      this.#open.delete(name);
      return false;
    }
    if (phase?.version && sameVersion(phase.version, version)) return false;
    this.#settle(name, version, nowMs);
    return phase === undefined;
  }

  /** The file's rights, owner or times were changed: that is no sign that somebody has it open. */
  attributesChanged(name: string, nowMs: number): void {
    const phase = this.#active.get(name);
    if (this.#open.delete(name) && phase?.state === "settling") this.#settle(name, phase.version, nowMs);
  }

  /** An entry that cannot be read: the first time it is due at once, so that it gets reported. */
  seenUnreadable(name: string): void {
    if (!this.#active.has(name) && !this.#reading.has(name)) {
      this.#active.set(name, { state: "queued", finish: undefined, dueMs: 0 });
    }
  }

  /** Whether this version has already been read, in this run or an earlier one. */
  isDone(name: string, version: FileVersion): boolean {
    const done = this.#done.get(name);
    if (done) return sameVersion(done, version);
    const known = this.#isKnown(name, version);
    if (known) this.#done.set(name, version);
    return known;
  }

  /** There was an event about the file. */
  noticed(name: string, sign: Sign, nowMs: number): void {
    const reading = this.#reading.get(name);
    const phase = this.#active.get(name);
    if (reading && !(sign === "renamed" && reading.sign === "closed")) {
      reading.sign = sign;
      reading.signMs = nowMs;
    }
    if (sign === "created" || sign === "written") {
      if (sign === "written") this.#open.add(name);
      if (phase?.state === "settling" || phase?.state === "queued") this.#settle(name, undefined, nowMs);
      return;
    }
    this.#open.delete(name);
    if (reading || (phase?.state === "queued" && phase.finish === "closed")) return;
    this.#queue(name, sign, nowMs);
  }

  /** Whether the file was written to since it became due, and not closed: what was read of it may be half of it. */
  isBeingWritten(name: string): boolean {
    return this.#reading.has(name) && this.#open.has(name);
  }

  /** All other files of the folder are gone: forget them. */
  retain(names: ReadonlySet<string>): void {
    for (const name of this.#done.keys()) if (!names.has(name)) this.#done.delete(name);
    for (const name of this.#active.keys()) if (!names.has(name)) this.forget(name);
  }

  /** The file no longer exists, or is not to be imported. */
  forget(name: string): void {
    this.#active.delete(name);
    this.#reading.delete(name);
    this.#open.delete(name);
    this.#restlessSince.delete(name);
    this.#done.delete(name);
    this.#troubles.delete(name);
  }

  /** The file was found gone. It has its turn again if it was seen to be finished meanwhile. */
  vanished(name: string): void {
    const { sign, signMs = 0 } = this.#reading.get(name) ?? {};
    this.forget(name);
    if (sign === "closed" || sign === "renamed") this.#queue(name, sign, signMs);
  }

  /** Files that have kept changing since `untilMs` or longer, each once until it is read; they count as trouble. */
  takeRestless(untilMs: number, reasonOf: (sinceMs: number) => string): [name: string, reason: string][] {
    const restless: [string, string][] = [];
    for (const [name, sinceMs] of this.#restlessSince) {
      if (sinceMs > untilMs || this.#active.get(name)?.state !== "settling") continue;
      const reason = reasonOf(sinceMs);
      this.#restlessSince.set(name, Infinity);
      this.#troubles.set(name, { reason, failures: 0 });
      restless.push([name, reason]);
    }
    return restless;
  }

  /** Files that are due now, oldest first; from here on they count as being read. */
  takeDue(nowMs: number): Due[] {
    const due: Due[] = [];
    for (const [name, phase] of this.#active) {
      if (phase.dueMs > nowMs) continue;
      if (phase.state === "queued") due.push({ name, version: undefined, finish: phase.finish });
      else due.push({ name, version: phase.version, finish: undefined });
      this.#active.delete(name);
      this.#open.delete(name);
      this.#reading.set(name, { sign: undefined, signMs: nowMs });
    }
    return due.sort((a, b) => (a.version?.modifiedMs ?? 0) - (b.version?.modifiedMs ?? 0));
  }

  /** When the next file is due; `Infinity` for none. */
  nextDueMs(): number {
    let next = Infinity;
    for (const phase of this.#active.values()) {
      if (phase.dueMs < next) next = phase.dueMs;
    }
    return next;
  }

  /** Retries everything waiting after trouble, and asks the ledger again what has been read. */
  reconsider(): void {
    // Of empty files the ledger knows nothing.
    for (const [name, { bytes }] of this.#done) if (bytes > 0) this.#done.delete(name);
    for (const [name, phase] of this.#active) {
      if (phase.state === "waiting") this.#active.set(name, { ...phase, dueMs: 0 });
    }
  }

  /** Lets the file settle instead of reading it, unless it is finished by now: it has changed since it became due. */
  unsettled(name: string, version: FileVersion, nowMs: number): void {
    if (!this.#requeue(name)) this.#settle(name, version, nowMs);
  }

  /** The file was read (or is empty, or its content was known). Returns the trouble that this ends, if any. */
  succeeded(name: string, version: FileVersion): Trouble | undefined {
    const trouble = this.#troubles.get(name);
    this.#troubles.delete(name);
    this.#restlessSince.delete(name);
    this.#requeue(name);
    this.#done.set(name, version);
    return trouble;
  }

  /** The file could not be read. Returns whether this is news: the first failure, or a new reason. */
  failed(name: string, options: { reason: string; version: FileVersion | undefined; nowMs: number }): boolean {
    const before = this.#troubles.get(name);
    const failures = (before?.failures ?? 0) + 1;
    const waitMs = backoffMs(failures, retrySteps);
    this.#troubles.set(name, { reason: options.reason, failures });
    this.#restlessSince.delete(name);
    this.#reading.delete(name);
    this.#active.set(name, { state: "waiting", version: options.version, dueMs: options.nowMs + waitMs });
    return before?.reason !== options.reason;
  }

  /** Ends the reading; whether the file was seen to be finished again meanwhile: then it has its turn again. */
  #requeue(name: string): boolean {
    const { sign, signMs = 0 } = this.#reading.get(name) ?? {};
    this.#reading.delete(name);
    if (sign !== "closed" && sign !== "renamed") return false;
    this.#queue(name, sign, signMs);
    return true;
  }

  #queue(name: string, finish: Finish, nowMs: number): void {
    this.#active.set(name, { state: "queued", finish, dueMs: finish === "closed" ? nowMs + reopenMs : nowMs });
  }

  #settle(name: string, version: FileVersion | undefined, nowMs: number): void {
    const settleMs = this.#open.has(name) ? this.#openSettleMs : this.#settleMs;
    if (!this.#restlessSince.has(name)) this.#restlessSince.set(name, nowMs);
    this.#active.set(name, { state: "settling", version, dueMs: nowMs + settleMs });
  }
}
