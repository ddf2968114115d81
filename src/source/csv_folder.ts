/**
 * Imports the CSV files of one folder, unchanged, each when its writer has finished. Files stay where they are; the
 * ledger knows which were read, across restarts too. Subfolders are not read.
 *
 * Events make it fast, polling makes it reliable: the folder is read every `pollMs`, less often if reading takes long.
 * A problem with a file is logged once and does not hold up other files.
 */
import { basename, dirname, join } from "node:path";
import { getLogger } from "@logtape/logtape";
import type { Clock } from "../runtime/clock.ts";
import { isStateDamaged } from "../runtime/state_damaged.ts";
import { unlessAborted } from "../runtime/until_aborted.ts";
import { Waker } from "../runtime/waker.ts";
import { CsvCandidates } from "./csv_candidates.ts";
import { CsvEvents, reportsClosing } from "./csv_events.ts";
import {
  fileReason,
  type FileVersion,
  type ImportFolder,
  isImportName,
  isPipe,
  lookAt,
  sameVersion,
} from "./csv_file.ts";
import type { CsvLedger, CsvSpool } from "./csv_intake.ts";
import type { OpenImportFile } from "./import_file.ts";
import { CsvReads } from "./csv_reads.ts";
import { askLedger, LedgerError } from "./ledger_error.ts";
import { tellRestless } from "./restless_files.ts";

const log = getLogger(["cloud-link", "csv"]);

/** How many files are looked at at the same time. */
const looksMax = 32;
/** At most one part in this many of the time goes into reading the folder. */
const scanShare = 20;
/** How often a file that is being written is looked at, at most, in ms. */
const touchEveryMs = 200;
/** How much longer than other files one settles whose writer will be seen to close it, and for how long at least. */
const openSettleFactor = 10;
const openSettleMsMin = 60_000;
/** How long no event may come after a file was found that no event had told of, in ms. */
const silenceMs = 5000;
/** How often a watch without events is renewed, at most, in ms: Deno (2.7) remembers every watch it had. */
const renewEveryMs = 24 * 60 * 60_000;
/** How long a stop waits for a hanging network share, in ms. */
const stopGraceMs = 500;

/** The folder to watch, where its files go, and when one counts as finished. */
export interface CsvFolderOptions {
  /** Absolute path. */
  readonly folder: string;
  /**
   * Real paths of the agent's own files and folders (state, log, executable …): never imported, not even through a
   * link.
   */
  readonly ownPaths: readonly string[];
  /** A file whose writer was not seen to finish is imported after it has been unchanged for this long, in ms. */
  readonly settleMs: number;
  /** How often the folder is polled, in ms. */
  readonly pollMs: number;
  /** @default `Deno.open` */
  readonly open?: OpenImportFile | undefined;
  readonly spool: CsvSpool;
  readonly ledger: CsvLedger;
  readonly clock: Clock;
}

/** The source of a CSV integration. */
export class CsvFolder {
  readonly #options: CsvFolderOptions;
  /** How long a file settles whose writer was seen to write, in ms. */
  readonly #openSettleMs: number;
  readonly #candidates: CsvCandidates;
  readonly #reads: CsvReads;
  readonly #waker = new Waker();
  readonly #events = new CsvEvents({ onEvent: () => this.#waker.wake() });
  #touched = new Set<string>();
  #nextTouchMs = 0;
  /** Whether an event has come since the folder was last read. */
  #hasHeard = false;
  /** A file that no event told of: none has come since the folder had been read without it. */
  #untold: { readonly file: string; readonly foundMs: number } | undefined;
  #nextRenewMs = 0;
  #nextScanMs = 0;
  /** Until then events do not make it read the folder again: some come with every write. */
  #restedMs = 0;
  #folder: ImportFolder | undefined;
  /** Why the folder is not being read. */
  #trouble: { readonly of: "folder" | "ledger"; readonly text: string } | undefined;
  #tidied = false;

  constructor(options: CsvFolderOptions) {
    const { spool, ledger, clock, settleMs, open } = options;
    const isKnown = (name: string, version: FileVersion) => {
      const { path } = this.#folder ?? {};
      const read = path === undefined ? undefined : askLedger(() => ledger.file(join(path, name)));
      return read !== undefined && sameVersion(read, version);
    };
    this.#options = options;
    this.#openSettleMs = reportsClosing ? Math.max(openSettleMsMin, openSettleFactor * settleMs) : settleMs;
    this.#candidates = new CsvCandidates({ settleMs, openSettleMs: this.#openSettleMs, isKnown });
    const onDone = () => this.#waker.wake();
    this.#reads = new CsvReads({ candidates: this.#candidates, open, spool, ledger, clock, onDone });
  }

  /** What is broken now, one line with the remedy; `null` when all is well. */
  get problem(): string | null {
    return this.#trouble?.text ?? this.#reads.problem;
  }

  /** Reads the folder now, asks the ledger again what has been read, and retries everything waiting after trouble. */
  importNow(): void {
    this.#candidates.reconsider();
    this.#nextScanMs = 0;
    this.#reads.retryNow();
    this.#waker.wake();
  }

  /** Imports until aborted; then rejects with the signal's reason. One run at a time. */
  async run(signal: AbortSignal): Promise<never> {
    const { clock } = this.#options;
    let turn: Promise<void> | undefined;
    try {
      while (true) {
        turn = this.#turn(signal);
        await unlessAborted(turn, signal);
        await this.#waker.nap(this.#napMs(), { clock, signal });
      }
    } finally {
      const over = new AbortController();
      const grace = clock.sleep(stopGraceMs, over.signal).catch(() => {});
      const rest = Promise.allSettled([turn, this.#reads.settle()]).then(() => this.#events.close());
      await Promise.race([rest, grace]);
      over.abort();
    }
  }

  async #turn(signal: AbortSignal): Promise<void> {
    const { clock, pollMs } = this.#options;
    this.#reads.throwIfDamaged();
    try {
      if (clock.monotonicMs() >= this.#nextScanMs) await this.#scan(signal);
      await this.#heed(signal);
    } catch (error) {
      if (!(error instanceof LedgerError) || isStateDamaged(error)) throw error;
      this.#ledgerFailed(error);
      this.#nextScanMs = clock.monotonicMs() + pollMs;
      return;
    }
    if (signal.aborted || !this.#folder) return;
    this.#reads.add(this.#candidates.takeDue(clock.monotonicMs()), { folder: this.#folder, signal });
  }

  #napMs(): number {
    const nextTouchMs = this.#touched.size > 0 ? this.#nextTouchMs : Infinity;
    const next = Math.min(this.#nextScanMs, nextTouchMs, this.#candidates.nextDueMs(), this.#reads.nextRetryMs);
    return Math.max(0, next - this.#options.clock.monotonicMs());
  }

  async #scan(signal: AbortSignal): Promise<void> {
    const { clock, folder, ownPaths, pollMs } = this.#options;
    const startedMs = clock.monotonicMs();
    // Set first, so that a scan requested while this one runs is not lost.
    this.#nextScanMs = Infinity;
    try {
      const path = await Deno.realPath(folder);
      await this.#endDeafWatch(path);
      const wasWatched = await this.#events.watch(path);
      this.#folder = { path, ownPaths };
      const names = new Set<string>();
      for await (const entry of Deno.readDir(path)) {
        if (!entry.isDirectory && isImportName(entry.name)) names.add(entry.name);
        if (await isPipe(entry, path)) this.#events.pipeFound(entry.name, path);
      }
      this.#candidates.retain(names);
      this.#tidyLedger(path, names);
      const news = await this.#lookAll(names, signal);
      if (!wasWatched || this.#hasHeard) this.#untold = undefined;
      else if (news[0] !== undefined) this.#untold ??= { file: news[0], foundMs: clock.monotonicMs() };
      this.#hasHeard = false;
      tellRestless(this.#candidates, { clock, settleMs: this.#openSettleMs });
      this.#recovered();
    } catch (error) {
      if (error instanceof LedgerError) throw error;
      this.#failed(error);
      await this.#events.close();
    }
    const nowMs = clock.monotonicMs();
    this.#restedMs = nowMs + (nowMs - startedMs) * (scanShare - 1);
    this.#nextScanMs = Math.min(this.#nextScanMs, Math.max(nowMs + pollMs, this.#restedMs));
  }

  /** Once another file system is mounted in the same place, no more events come. */
  async #endDeafWatch(folder: string): Promise<void> {
    const untold = this.#untold;
    const nowMs = this.#options.clock.monotonicMs();
    if (untold === undefined || this.#hasHeard || !this.#events.isProven) return;
    if (nowMs < Math.max(untold.foundMs + silenceMs, this.#nextRenewMs)) return;
    this.#nextRenewMs = nowMs + renewEveryMs;
    log.info("The system did not tell of {file}: {folder} is watched anew.", { file: untold.file, folder });
    await this.#events.close();
  }

  /** Forgets files that are gone, once per run: not at every scan, because an unmounted network share looks empty. */
  #tidyLedger(folder: string, names: ReadonlySet<string>): void {
    if (this.#tidied || names.size === 0) return;
    this.#tidied = true;
    const keep = (path: string) => dirname(path) !== folder || names.has(basename(path));
    askLedger(() => this.#options.ledger.forgetFiles(keep));
  }

  /** Looks at the files for which there was an event. */
  async #heed(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const happened = this.#events.take();
    if (happened.rescan) this.#nextScanMs = Math.min(this.#nextScanMs, this.#restedMs);
    if (happened.signs.size > 0) this.#hasHeard = true;
    for (const [name, sign] of happened.signs) {
      this.#candidates.noticed(name, sign, clock.monotonicMs());
      if (sign === "closed" || sign === "renamed") this.#touched.delete(name);
      else this.#touched.add(name);
    }
    if (this.#touched.size === 0 || clock.monotonicMs() < this.#nextTouchMs) return;
    const touched = this.#touched;
    this.#touched = new Set();
    await this.#lookAll(touched, signal);
    this.#nextTouchMs = clock.monotonicMs() + touchEveryMs;
  }

  /** Which files are new, or have changed since they were read. */
  async #lookAll(names: Iterable<string>, signal: AbortSignal): Promise<string[]> {
    const news: string[] = [];
    const waiting = names[Symbol.iterator]();
    const looker = async () => {
      for (let next = waiting.next(); !next.done && !signal.aborted; next = waiting.next()) {
        if (await this.#look(next.value)) news.push(next.value);
      }
    };
    await Promise.all(Array.from({ length: looksMax }, looker));
    return news;
  }

  /** Whether the file is new, or has changed since it was read. */
  async #look(name: string): Promise<boolean> {
    if (!this.#folder) return false;
    const look = await lookAt(name, this.#folder);
    if (look.state === "file") {
      const nowMs = this.#options.clock.monotonicMs();
      if (look.attributesOnly) this.#candidates.attributesChanged(name, nowMs);
      return this.#candidates.seen(name, look.version, nowMs);
    }
    if (look.state === "unreadable") this.#candidates.seenUnreadable(name);
    else this.#candidates.forget(name);
    return false;
  }

  #failed(error: unknown): void {
    const { folder } = this.#options;
    const reason = fileReason(error);
    const remedy = remedyFor(error);
    const text = `Cannot read the import folder "${folder}": ${reason}. ${remedy}`;
    if (text === this.#trouble?.text) return;
    this.#trouble = { of: "folder", text };
    log.error("Cannot read the import folder {folder}: {reason}. {remedy} It is retried every {seconds} s.", {
      folder,
      reason,
      remedy,
      seconds: Math.ceil(this.#options.pollMs / 1000),
    });
  }

  #ledgerFailed({ message: reason }: LedgerError): void {
    const text = `${reason}.`;
    if (text === this.#trouble?.text) return;
    this.#trouble = { of: "ledger", text };
    const seconds = Math.ceil(this.#options.pollMs / 1000);
    log.error("{reason}. Files stay where they are; this is retried every {seconds} s.", { reason, seconds });
  }

  #recovered(): void {
    if (!this.#trouble) return;
    const { folder } = this.#options;
    if (this.#trouble.of === "folder") log.info("The import folder {folder} can be read again.", { folder });
    else log.info("What was imported can be looked up again.");
    this.#trouble = undefined;
  }
}

/** What to do about a folder that cannot be read. */
function remedyFor(error: unknown): string {
  if (error instanceof Deno.errors.NotCapable) return "Restart the agent.";
  if (error instanceof Deno.errors.NotFound) return "Create it, or correct [app] importDirectory.";
  if (error instanceof Deno.errors.PermissionDenied) return "Give the account the right to read it.";
  return "Check it, or correct [app] importDirectory.";
}
