/**
 * `injixo-cloud-link.log`: one writer, one line at a time, rotated at every start and at midnight, never deleted.
 *
 * - Rotated files carry the date of the rotation, `injixo-cloud-link.2025-03-01.log`; further ones of the same day are
 *   `injixo-cloud-link.2025-03-01.2.log` and so on.
 * - A line is handed to the operating system before the next one, so a killed process loses none. It is not synced.
 * - Whatever fails (disk full, no permission, read-only file system), the agent continues: lines are dropped and
 *   counted, and a line says how many as soon as writing works again.
 * - If somebody moves or deletes the file, a new one is started within `lookMs`.
 *
 * Writing is synchronous: a line costs a few microseconds, and lines never overtake one another.
 */
import { join } from "node:path";
import type { Clock } from "../runtime/clock.ts";
import { errorText } from "../runtime/error_text.ts";
import { localDate } from "./line.ts";

/** Name of the current file. */
export const logFileName = "injixo-cloud-link.log";

/** How often to retry while nothing can be written, in ms. */
const retryMs = 1000;
/** How often to check that the file still exists, in ms. */
const lookMs = 1000;
/** How long after a failed rotation to retry it, in ms. */
const rotationRetryMs = 10 * 60 * 1000;
/** How many rotated files a day can be named. */
const rotatedPerDayMax = 100_000;

/** Readable by the owner and the group: with `verbose`, it contains rows of the database. */
const mode = 0o640;

const encoder = new TextEncoder();

/** `onFailure` and `onLost` are for standard error: a full disk must not silence the agent. */
export interface LogFileOptions {
  /** The installation folder. */
  readonly folder: string;
  readonly clock: Clock;
  /** Formats a notice about the log itself as a log line. */
  readonly noticeLine: (message: string) => string;
  /** Called when the log starts to fail, since the file cannot say so. */
  readonly onFailure: (message: string) => void;
  /** Called with each line that could not be written. */
  readonly onLost: (line: string) => void;
}

/** The current log file. Only one thread of one process may open it. */
export class LogFile implements Disposable {
  readonly #options: LogFileOptions;
  readonly #path: string;
  #file: Deno.FsFile | undefined;
  #identity = "";
  /** The file's day, local time, in ms since the epoch: from inclusive, to exclusive. */
  #day = { from: 0, to: 0 };
  #lookAgainMs = 0;
  #tryAgainMs = -Infinity;
  /** The last write ended in the middle of a line. */
  #lineOpen = false;
  #lost: { lines: number; reason: string } | undefined;

  /** Rotates the file of an earlier run, and starts a new one. Does not fail. */
  constructor(options: LogFileOptions) {
    this.#options = options;
    this.#path = join(options.folder, logFileName);
    this.#rotate();
  }

  /** Appends one line (without its newline). Does not fail. */
  write(line: string): void {
    this.rotateWhenDue();
    this.#lookWhetherMoved();
    if (this.#file === undefined && !this.#reopen()) return this.#lose(line);
    try {
      if (this.#lineOpen) this.#append("");
      if (this.#lost !== undefined) this.#reportLoss(this.#lost);
      this.#append(line);
    } catch (error) {
      this.#fail(error);
      this.#lose(line);
    }
  }

  /** Starts a new file if the day has changed. Called by every write, and at midnight if nothing is written. */
  rotateWhenDue(): void {
    const now = this.#options.clock.now();
    if (now >= this.#day.from && now < this.#day.to) return;
    this.#rotate();
  }

  /** When the next rotation is due, in ms since the epoch. */
  get nextRotationMs(): number {
    return this.#day.to;
  }

  [Symbol.dispose](): void {
    this.#close();
  }

  #rotate(): void {
    const now = this.#options.clock.now();
    this.#day = dayOf(now);
    this.#close();
    try {
      if (sizeOf(this.#path) > 0) Deno.renameSync(this.#path, this.#freeName(localDate(now)));
    } catch (error) {
      this.#day = { ...this.#day, to: Math.min(this.#day.to, now + rotationRetryMs) };
      const reason = errorText(error);
      this.#options.onFailure(`Cannot rotate "${this.#path}": ${reason}. Logging continues in it.`);
    }
    this.#tryAgainMs = -Infinity;
    this.#reopen();
  }

  #freeName(date: string): string {
    for (let count = 1; count <= rotatedPerDayMax; count++) {
      const name = logFileName.replace(/log$/, count === 1 ? `${date}.log` : `${date}.${count}.log`);
      const path = join(this.#options.folder, name);
      if (sizeOf(path) === -1) return path;
    }
    throw new Error(`there are ${rotatedPerDayMax} rotated files for this day. Remove old ones`);
  }

  #reopen(): boolean {
    const now = this.#options.clock.monotonicMs();
    if (now < this.#tryAgainMs) return false;
    this.#tryAgainMs = now + retryMs;
    try {
      this.#file = Deno.openSync(this.#path, { append: true, create: true, mode });
      this.#identity = identityOf(this.#path);
      this.#lookAgainMs = now + lookMs;
      return true;
    } catch (error) {
      this.#fail(error);
      return false;
    }
  }

  #lookWhetherMoved(): void {
    const now = this.#options.clock.monotonicMs();
    if (this.#file === undefined || now < this.#lookAgainMs) return;
    this.#lookAgainMs = now + lookMs;
    if (identityOf(this.#path) === this.#identity) return;
    this.#close();
    this.#tryAgainMs = -Infinity;
  }

  #append(line: string): void {
    const bytes = encoder.encode(`${line}\n`);
    let written = 0;
    while (written < bytes.length) {
      const count = this.#file?.writeSync(bytes.subarray(written)) ?? 0;
      if (count === 0) throw new Error("nothing more can be written");
      written += count;
      this.#lineOpen = written < bytes.length;
    }
  }

  #reportLoss(lost: { lines: number; reason: string }): void {
    const lines = lost.lines === 1 ? "1 line was" : `${lost.lines} lines were`;
    this.#append(this.#options.noticeLine(`${lines} lost here, because the log could not be written: ${lost.reason}.`));
    this.#lost = undefined;
  }

  #fail(error: unknown): void {
    const reason = errorText(error);
    if (this.#lost === undefined) {
      this.#lost = { lines: 0, reason };
      const remedy = "Make room on the disk, or give this user the right to write there. The agent continues without";
      this.#options.onFailure(`Cannot write "${this.#path}": ${reason}. ${remedy}.`);
    }
    this.#close();
    this.#tryAgainMs = this.#options.clock.monotonicMs() + retryMs;
  }

  #lose(line: string): void {
    if (this.#lost !== undefined) this.#lost.lines++;
    this.#options.onLost(line);
  }

  #close(): void {
    try {
      this.#file?.close();
    } catch {
      // Nothing can be done, and nothing is lost: what was written is with the operating system.
    }
    this.#file = undefined;
  }
}

/** The local day that contains an instant. Days may have 23 or 25 hours. */
function dayOf(timestampMs: number): { from: number; to: number } {
  const date = new Date(timestampMs);
  const [year, month, day] = [date.getFullYear(), date.getMonth(), date.getDate()];
  return { from: new Date(year, month, day).getTime(), to: new Date(year, month, day + 1).getTime() };
}

/** In bytes; -1 if there is no such file. */
function sizeOf(path: string): number {
  try {
    return Deno.lstatSync(path).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return -1;
    throw error;
  }
}

/** Identifies the file at a path; empty if there is none. */
function identityOf(path: string): string {
  try {
    const { dev, ino, birthtime } = Deno.statSync(path);
    return `${dev}:${ino ?? birthtime?.getTime()}`;
  } catch {
    return ""; // gone, or out of reach: either way a new one has to be opened
  }
}
