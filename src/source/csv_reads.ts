/**
 * Reads due files into the spool: several small ones at the same time, large ones one at a time. Trouble with a file
 * delays only that file; trouble with the spool delays all of them, and is logged once.
 */
import { join } from "node:path";
import { getLogger } from "@logtape/logtape";
import { backoffMs } from "../runtime/backoff.ts";
import type { Clock } from "../runtime/clock.ts";
import { errorText, sentence } from "../runtime/error_text.ts";
import { isStateDamaged } from "../runtime/state_damaged.ts";
import { type CsvCandidates, type Due, retrySteps } from "./csv_candidates.ts";
import { type FileVersion, type ImportFolder, lookAt, sameVersion } from "./csv_file.ts";
import type { OpenImportFile } from "./import_file.ts";
import { CsvIntake, type CsvLedger, type CsvSpool, type IntakeFile } from "./csv_intake.ts";
import { LedgerError } from "./ledger_error.ts";

const log = getLogger(["cloud-link", "csv"]);

/** How many small files are read at the same time: they share the spool's syncs and transactions. */
const readsMax = 32;
/** Files above this size are large, in bytes. At most `readsMax` files of this size are in memory. */
const smallBytesMax = 256 * 1024;

/** A file that was found in the expected version. */
interface Found extends IntakeFile {
  readonly due: Due;
}

interface Context {
  readonly folder: ImportFolder;
  readonly signal: AbortSignal;
}

/** Shared with the folder that finds the candidates; reading knows nothing about events and polls. */
export interface CsvReadsOptions {
  readonly candidates: CsvCandidates;
  readonly spool: CsvSpool;
  readonly ledger: CsvLedger;
  readonly clock: Clock;
  /** @default `Deno.open` */
  readonly open: OpenImportFile | undefined;
  /** Called when a read has ended: another file may be due. */
  readonly onDone: () => void;
}

/** The files being read and waiting to be read. */
export class CsvReads {
  readonly #options: CsvReadsOptions;
  readonly #intake: CsvIntake;
  readonly #jobs = new Set<Promise<void>>();
  #small: Due[] = [];
  #large: Found[] = [];
  #smallRunning = 0;
  #largeRunning = false;
  /** How often the spool has failed; reads of the same round fail together. */
  #round = 0;
  /** Why the spool or the ledger does not work. */
  #trouble:
    | { readonly reason: string; readonly ofLedger: boolean; readonly failures: number; untilMs: number }
    | undefined;

  /** The state is damaged. */
  #damage: Error | undefined;

  constructor(options: CsvReadsOptions) {
    this.#options = options;
    this.#intake = new CsvIntake(options);
  }

  /** What is broken now, one line; `null` when all is well. */
  get problem(): string | null {
    if (this.#trouble) return `CSV files are not queued: ${this.#trouble.reason}`;
    const [first, ...others] = this.#options.candidates.troubles;
    if (!first) return null;
    const more = others.length > 0 ? ` ${others.length} more files are waiting too.` : "";
    return `The file ${JSON.stringify(first[0])} is waiting to be imported: ${first[1].reason}.${more}`;
  }

  /** When reading resumes after trouble with the spool; `Infinity` if it is not waiting. */
  get nextRetryMs(): number {
    const waits = this.#small.length + this.#large.length > 0 && this.#jobs.size === 0;
    return this.#trouble && waits ? this.#trouble.untilMs : Infinity;
  }

  /** Throws if only a restart can help. */
  throwIfDamaged(): void {
    if (this.#damage !== undefined) throw this.#damage;
  }

  /** Retries at once after trouble with the spool. */
  retryNow(): void {
    if (this.#trouble) this.#trouble.untilMs = 0;
  }

  /** Queues more files, and starts as many reads as may run. */
  add(due: readonly Due[], context: Context): void {
    for (const one of due) this.#small.push(one);
    this.#start(context);
  }

  /** Resolves when nothing is being read. */
  async settle(): Promise<void> {
    while (this.#jobs.size > 0) await Promise.all(this.#jobs);
  }

  #start(context: Context): void {
    if (context.signal.aborted) return;
    if (this.#trouble) {
      if (this.#jobs.size > 0 || this.#options.clock.monotonicMs() < this.#trouble.untilMs) return;
    }
    // After trouble, a single file is tried first.
    const smallMax = this.#trouble ? 1 : readsMax;
    const starting = this.#small.splice(0, Math.max(0, smallMax - this.#smallRunning));
    for (const due of starting) {
      this.#smallRunning++;
      const read = this.#guarded(due, context, () => this.#readSmall(due, context));
      this.#run(read.finally(() => this.#smallRunning--), context);
    }
    if (this.#largeRunning || (this.#trouble && this.#jobs.size > 0)) return;
    const large = this.#large.shift();
    if (!large) return;
    this.#largeRunning = true;
    const read = this.#guarded(large.due, context, () => this.#take(large, context));
    this.#run(read.finally(() => this.#largeRunning = false), context);
  }

  /** The work reports problems with the file itself; what it throws concerns the spool or the ledger. */
  async #guarded(due: Due, { signal }: Context, work: () => Promise<void>): Promise<void> {
    const round = this.#round;
    try {
      await work();
    } catch (error) {
      this.#small.unshift(due);
      if (!signal.aborted) this.#failed(error, round);
    }
  }

  #run(work: Promise<void>, context: Context): void {
    const job = work.finally(() => {
      this.#jobs.delete(job);
      this.#start(context);
      this.#options.onDone();
    });
    this.#jobs.add(job);
  }

  async #readSmall(due: Due, context: Context): Promise<void> {
    const { candidates, clock } = this.#options;
    const { name } = due;
    const look = await lookAt(name, context.folder);
    if (look.state === "ignored") return candidates.forget(name);
    if (look.state === "absent") {
      // Whoever renames a file away, to mark it as done, does not miss it.
      if (candidates.troubles.has(name) || due.finish === "renamed") candidates.vanished(name);
      else this.#fileFailed(name, { reason: "it has vanished", version: undefined });
      return;
    }
    if (look.state === "unreadable") return this.#fileFailed(name, { reason: look.reason, version: undefined });
    const { version } = look;
    if (due.version && !sameVersion(due.version, version)) {
      return candidates.unsettled(name, version, clock.monotonicMs());
    }
    const isDone = candidates.isDone(name, version) && due.finish === undefined;
    if (this.#trouble?.ofLedger) this.#recovered();
    if (isDone) return this.#fileSucceeded(name, version);
    const isBeingWritten = () => candidates.isBeingWritten(name);
    const found = { due, path: join(context.folder.path, name), realPath: look.path, version, isBeingWritten };
    if (version.bytes > smallBytesMax) this.#large.push(found);
    else await this.#take(found, context);
  }

  async #take(found: Found, context: Context): Promise<void> {
    const { candidates, clock } = this.#options;
    const { due: { name }, version } = found;
    const intake = await this.#intake.take(found, context.signal);
    if (intake.state === "failed") return this.#fileFailed(name, { reason: intake.reason, version });
    if (intake.state === "empty") return this.#fileEmpty(name, version);
    this.#recovered();
    if (intake.state === "unfinished") return candidates.unsettled(name, version, clock.monotonicMs());
    this.#fileSucceeded(name, version);
    if (intake.state === "admitted") {
      log.info("Queued {file} for delivery, {bytes} bytes.", { file: name, bytes: version.bytes });
    } else log.info("{file} is not imported: its content was imported before.", { file: name });
  }

  #fileFailed(name: string, failure: { reason: string; version: FileVersion | undefined }): void {
    const { candidates, clock } = this.#options;
    if (!candidates.failed(name, { ...failure, nowMs: clock.monotonicMs() })) return;
    log.warn("Cannot import {file}: {reason} It is retried until it works.", {
      file: name,
      reason: sentence(failure.reason),
    });
  }

  /** No trouble: nothing of it is missing in the hub, and trying again does not help. */
  #fileEmpty(name: string, version: FileVersion): void {
    this.#options.candidates.succeeded(name, version);
    log.warn("{file} is not imported: it is empty. Save it again with its content, or delete it.", { file: name });
  }

  #fileSucceeded(name: string, version: FileVersion): void {
    const trouble = this.#options.candidates.succeeded(name, version);
    if (trouble) {
      log.info("{file} was read successfully on attempt {tries}.", { file: name, tries: trouble.failures + 1 });
    }
  }

  #failed(error: unknown, round: number): void {
    if (error instanceof Error && isStateDamaged(error)) this.#damage = error;
    const nowMs = this.#options.clock.monotonicMs();
    const before = this.#trouble;
    // Reads running side by side fail together: that is one failure.
    if (before && round !== this.#round) return;
    this.#round++;
    const failures = (before?.failures ?? 0) + 1;
    const reason = errorText(error);
    const untilMs = nowMs + backoffMs(failures, retrySteps);
    this.#trouble = { reason, ofLedger: error instanceof LedgerError, failures, untilMs };
    if (reason === before?.reason) return;
    log.error("Cannot queue CSV files: {reason} They stay where they are and will be retried.", {
      reason: sentence(reason),
      error,
    });
  }

  #recovered(): void {
    if (!this.#trouble) return;
    log.info("CSV files are queued again.");
    this.#trouble = undefined;
  }
}
