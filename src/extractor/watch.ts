/** Makes sure that a query ends: because of its time limit, its memory, or because nobody wants it any more. */
import type { Clock } from "../runtime/clock.ts";
import type { ExtractorLimits } from "./limits.ts";
import { type ExtractFailure, type ExtractJob, type FromExtractor, timeoutMessage } from "./messages.ts";
import type { ProcessEnd } from "./process.ts";
import type { Session } from "./session.ts";

/** Why a query returned nothing. `message` says what to do. */
export class ExtractError extends Error {
  override readonly name = "ExtractError";
  readonly failure: ExtractFailure;
  constructor(message: string, options: { failure: ExtractFailure; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.failure = options.failure;
  }
}

/** The watched query, and the process to end if asking it to stop is not enough. */
export interface WatchOptions {
  readonly id: number;
  readonly session: Session;
  readonly job: ExtractJob;
  readonly limits: ExtractorLimits;
  readonly clock: Clock;
}

/** Makes sure that a query ends. */
export class Watch {
  readonly #options: WatchOptions;
  readonly #stop = new AbortController();
  #timer: AbortController | undefined;
  /** Why it was ended, if it was. */
  reason: "timeout" | "cancelled" | "memory" | "start" | undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#after(options.limits.startMs, () => this.#kill("start"));
  }

  heard(message: FromExtractor, onProgress: ((rows: number) => void) | undefined): void {
    const { job, limits } = this.#options;
    if (message.type === "started") {
      this.#after(job.timeoutSeconds * 1000 + limits.graceMs, () => this.cancel("timeout", limits.cancelMs));
    }
    if (message.type !== "progress") return;
    onProgress?.(message.rows);
    if (message.memoryBytes > limits.memoryBytesMax) this.#kill("memory");
  }

  /** Asks the query to end, and ends the process if it does not. */
  cancel(reason: "timeout" | "cancelled", withinMs: number): void {
    this.reason ??= reason;
    this.#options.session.send({ type: "cancel", id: this.#options.id });
    this.#after(withinMs, () => this.#kill(reason));
  }

  stop(): void {
    this.#stop.abort();
    this.#timer?.abort();
  }

  /** The error to report when the process ended instead of answering. */
  explain(end: ProcessEnd): ExtractError {
    const { job, limits } = this.#options;
    switch (this.reason) {
      case "timeout":
        return new ExtractError(timeoutMessage(job), { failure: "timeout" });
      case "memory":
        return new ExtractError(
          `The query was ended because it took more than ${
            Math.round(limits.memoryBytesMax / 1024 ** 2)
          } MB of memory. ` +
            "Less data is requested next time. The database's driver may keep the whole result in memory: install its newest version, or " +
            "select fewer columns.",
          { failure: "crash" },
        );
      case "start":
        return new ExtractError("The process that runs queries did not start. Check the load on this computer.", {
          failure: "crash",
        });
      default:
        return new ExtractError(
          `The database's driver ended the process that runs queries (${endText(end)}). Nothing else was affected. ` +
            "Install the newest version of the driver; if this persists, try another driver for this database.",
          { failure: "crash" },
        );
    }
  }

  #kill(reason: NonNullable<Watch["reason"]>): void {
    this.reason ??= reason;
    this.#options.session.kill();
  }

  #after(ms: number, act: () => void): void {
    if (this.#stop.signal.aborted) return;
    this.#timer?.abort();
    const timer = this.#timer = new AbortController();
    this.#options.clock.sleep(ms, timer.signal).then(act, () => {});
  }
}

function endText(end: ProcessEnd): string {
  const how = end.signal ?? `exit code ${end.code}`;
  const last = end.standardError.split("\n").at(-1)?.slice(0, 200);
  return last ? `${how}: ${last}` : how;
}
