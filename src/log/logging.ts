/**
 * Sets up LogTape, in the thread that owns the log file.
 *
 * ```
 * getLogger() ─▶ toEntry ─▶ redact ─▶ file · standard error · last error
 * ```
 */
import { configureSync, type LogLevel, resetSync, type Sink } from "@logtape/logtape";
import type { Clock } from "../runtime/clock.ts";
import { type EntryOutput, type LogEntry, rootCategory, toEntry } from "./entry.ts";
import { textLine } from "./line.ts";
import { LogFile } from "./log_file.ts";
import { Redactor } from "./redact.ts";
import { type StandardErrorFormat, standardErrorOutput, writeStandardError } from "./standard_error.ts";

/** Longest interval between two looks at the clock, since it may jump, in ms. */
const rotationLookMsMax = 60_000;

/** Where lines go and what is masked in them. */
export interface LoggingOptions {
  /** The installation folder; `undefined`: no file, standard error only. */
  readonly folder: string | undefined;
  readonly clock: Clock;
  readonly standardError: StandardErrorFormat;
  /**
   * Masks secrets; register them here.
   *
   * @default a new one
   */
  readonly redactor?: Redactor;
  /**
   * Less important lines are dropped.
   *
   * @default "info"
   */
  readonly lowestLevel?: LogLevel;
  /** Called with every line of level error or fatal, redacted: `status` shows the last one. */
  readonly onError?: EntryOutput;
}

/** The log of this process, until disposed. */
export interface Logging extends AsyncDisposable {
  readonly redactor: Redactor;
}

/** Opens (and rotates) the log file and directs all loggers of this thread to it. Does not fail. */
export function startLogging(options: LoggingOptions): Logging {
  const { clock, redactor = new Redactor(), onError } = options;
  const standardError = standardErrorOutput(options.standardError);
  const file = options.folder === undefined ? undefined : openFile(options.folder, options);
  const output = (entry: LogEntry) => {
    const redacted = redactor.entry(entry);
    file?.write(textLine(redacted));
    standardError(redacted);
    if (redacted.level === "error" || redacted.level === "fatal") onError?.(redacted);
  };
  configure((record) => output(toEntry(record)), options.lowestLevel);
  const ended = new AbortController();
  const rotation = file === undefined ? Promise.resolve() : rotateDaily(file, { clock, signal: ended.signal });
  return {
    redactor,
    async [Symbol.asyncDispose]() {
      ended.abort();
      await rotation;
      resetSync();
      file?.[Symbol.dispose]();
    },
  };
}

function configure(sink: Sink, lowestLevel: LogLevel = "info"): void {
  configureSync({
    reset: true,
    sinks: { log: sink },
    loggers: [
      { category: [rootCategory], lowestLevel, sinks: ["log"] },
      { category: ["logtape", "meta"], lowestLevel: "warning", sinks: ["log"] },
    ],
  });
}

function openFile(folder: string, options: LoggingOptions): LogFile {
  const { clock, standardError } = options;
  const notice = (message: string): LogEntry => {
    return { timestampMs: clock.now(), level: "warning", category: "log", message, fields: {} };
  };
  const failureOutput = standardErrorOutput(standardError === "none" ? "text" : standardError);
  return new LogFile({
    folder,
    clock,
    noticeLine: (message) => textLine(notice(message)),
    onFailure: (message) => failureOutput(notice(message)),
    // Standard error already has the line, unless it is switched off.
    onLost: standardError === "none" ? writeStandardError : () => {},
  });
}

/** Rotates at midnight even if nothing is written. */
async function rotateDaily(file: LogFile, options: { clock: Clock; signal: AbortSignal }): Promise<void> {
  const { clock, signal } = options;
  while (!signal.aborted) {
    const untilMs = Math.max(0, file.nextRotationMs - clock.now());
    try {
      await clock.sleep(Math.min(untilMs, rotationLookMsMax), signal);
    } catch {
      return; // aborted
    }
    file.rotateWhenDue();
  }
}
