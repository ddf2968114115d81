/**
 * `injixo-cloud-link.log`: one writer, one line at a time, rotated at every start and at midnight, never deleted.
 *
 * - Rotated files carry the date of the rotation, `injixo-cloud-link.2025-03-01.log`; further ones of the same day are
 *   `injixo-cloud-link.2025-03-01.2.log` and so on.
 * - A line is handed to the operating system before the next one: a killed process loses none. It is not synced.
 * - Whatever fails (disk full, no rights, file system read-only), the agent goes on: lines are dropped and counted, and
 *   a line says how many as soon as it works again.
 * - When somebody moves or deletes the file, a new one is begun within `lookMs`.
 *
 * Writing is synchronous: a line costs a few microseconds, and lines never overtake one another.
 */
import { join } from "node:path";
import type { Clock } from "../runtime/clock.ts";
import { errorText } from "../runtime/error_text.ts";
import { localDate } from "./line.ts";

/** Name of the current file. */
export const logFileName = "injixo-cloud-link.log";

/** While nothing can be written, it is tried again this often, in ms. */
const retryMs = 1000;
/** How often it is looked whether the file is still there, in ms. */
const lookMs = 1000;
/** After a rotation that failed, the next one is tried this much later, in ms. */
const rotationRetryMs = 10 * 60 * 1000;
/** So many rotated files a day have a name. */
const rotatedPerDayMax = 100_000;

/** Readable by the owner and the group: with `verbose`, rows of the database are in it. */
const mode = 0o640;

const encoder = new TextEncoder();

/** `onFailure` and `onLost` are for standard error: a full disk must not silence the agent. */
export interface LogFileOptions {
  /** The installation folder. */
  readonly folder: string;
  readonly clock: Clock;
  /** Makes a line of the log from a notice about the log itself. */
  readonly noticeLine: (message: string) => string;
  /** Told when the log begins to fail, since the file cannot say so. */
  readonly onFailure: (message: string) => void;
  /** Gets each line that could not be written. */
  readonly onLost: (line: string) => void;
}

/** The current log file. Only one thread of one process may have it. */
export class LogFile implements Disposable {
  readonly #options: LogFileOptions;
  readonly #path: string;
  #file: Deno.FsFile | undefined;
  #identity = "";
  /** The file's day, local time, in ms since the epoch: from inclusive, to exclusive. */
  #day = { from: 0, to: 0 };
  #lookAgainMs = 0;
  #tryAgainMs = -Infinity;
  /** The last write broke off in the middle of a line. */
  #lineOpen = false;
  #lost: { lines: number; reason: string } | undefined;

  /** Rotates what an earlier start has left, and begins a new file. Does not fail. */
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

  /** Begins a new file when the day has changed. Called by every write, and at midnight when nothing is written. */
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
      this.#options.onFailure(`Cannot rotate "${this.#path}": ${reason}. It is continued.`);
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
    throw new Error(`there are ${rotatedPerDayMax} rotated files of this day. Remove old ones`);
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
      const remedy = "Make room on the disk, or give this user the right to write there. The agent goes on without";
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

/** The local day that an instant is in. A day of 23 or 25 hours is as long as it is. */
function dayOf(timestampMs: number): { from: number; to: number } {
  const date = new Date(timestampMs);
  const [year, month, day] = [date.getFullYear(), date.getMonth(), date.getDate()];
  return { from: new Date(year, month, day).getTime(), to: new Date(year, month, day + 1).getTime() };
}

/** In bytes; -1 when there is nothing of this name. */
function sizeOf(path: string): number {
  try {
    return Deno.lstatSync(path).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return -1;
    throw error;
  }
}

/** Tells whether a path still leads to the same file; empty when there is none. */
function identityOf(path: string): string {
  try {
    const { dev, ino, birthtime } = Deno.statSync(path);
    return `${dev}:${ino ?? birthtime?.getTime()}`;
  } catch {
    return ""; // gone, or out of reach: either way a new one has to be opened
  }
}
