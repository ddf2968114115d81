/**
 * The agent's side of an extractor: one query at a time in a process that may crash, hang or leak at any moment without
 * harm. The process is started when there is a query, kept while it is of use, and replaced after many queries or when it
 * has grown too large.
 */
import { randomBytes } from "node:crypto";
import { getLogger } from "@logtape/logtape";
import type { Clock } from "../runtime/clock.ts";
import {
  decodeFromExtractor,
  type ExtractFailure,
  type ExtractJob,
  type ExtractResult,
  type FromExtractor,
  type ToExtractor,
} from "./messages.ts";
import type { ExtractorProcess, ProcessEnd, SpawnExtractor } from "./process.ts";

const log = getLogger(["cloud-link", "extractor"]);

/** What an extractor may take. */
export interface ExtractorLimits {
  /** After so many queries the process is replaced: drivers leak. */
  readonly queriesMax: number;
  /** A process that has grown beyond this is replaced, or ended in the middle of a query, in bytes. */
  readonly memoryBytesMax: number;
  /** How long after the query's own time limit it is cancelled, in ms. */
  readonly graceMs: number;
  /** How long a cancelled query may take to end before the process is ended, in ms. */
  readonly cancelMs: number;
  /** How long the process may take to start, in ms. */
  readonly startMs: number;
  /** How long the process may take to disconnect and end, in ms. */
  readonly closeMs: number;
}

/** The limits that hold unless told otherwise. */
export const defaultLimits: ExtractorLimits = {
  queriesMax: 5_000,
  memoryBytesMax: 1024 ** 3,
  graceMs: 5_000,
  cancelMs: 5_000,
  startMs: 20_000,
  closeMs: 2_000,
};

/** When the agent itself stops, a query has only so long to end by itself, in ms. */
const abortCancelMs = 300;
/** How much of what a driver prints is logged per process, in lines. */
const chatterLinesMax = 20;

/** Why a query brought nothing. `message` says what to do. */
export class ExtractError extends Error {
  override readonly name = "ExtractError";
  readonly failure: ExtractFailure;
  constructor(message: string, options: { failure: ExtractFailure; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.failure = options.failure;
  }
}

/** How the process is started and when it is replaced. It is not started before there is a query. */
export interface ExtractorOptions {
  /** Which of the two it is, for messages: `live` or `history`. */
  readonly name: string;
  readonly spawn: SpawnExtractor;
  readonly clock: Clock;
  readonly limits?: Partial<ExtractorLimits>;
}

/** Of one query. Aborting cancels it in the database first, and ends the process only when that does not help. */
export interface RunOptions {
  readonly signal: AbortSignal;
  readonly onProgress?: (rows: number) => void;
}

/** One extractor. Disposing it ends its process. */
export class Extractor implements AsyncDisposable {
  readonly #options: ExtractorOptions;
  readonly #limits: ExtractorLimits;
  #session: Session | undefined;
  #nextId = 1;
  #busy = false;

  constructor(options: ExtractorOptions) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
  }

  /** Is a process there (for tests and `status`)? */
  get isRunning(): boolean {
    return this.#session !== undefined;
  }

  /** Runs one query; fails with {@linkcode ExtractError}, or with the signal's reason within a second of its abort. */
  async run(job: ExtractJob, options: RunOptions): Promise<ExtractResult> {
    options.signal.throwIfAborted();
    if (this.#busy) throw new Error(`Cannot run a query: the ${this.#options.name} extractor runs another one`);
    this.#busy = true;
    try {
      const session = this.#session ??= new Session(this.#options.spawn(), this.#options.name);
      return await this.#runIn(session, { job, ...options });
    } finally {
      this.#busy = false;
    }
  }

  /** Ends the process until the next query: nothing is connected meanwhile. */
  async rest(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.close(this.#limits.closeMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.rest();
  }

  async #runIn(session: Session, options: RunOptions & { job: ExtractJob }): Promise<ExtractResult> {
    const { job, signal } = options;
    const id = this.#nextId++;
    const watch = new Watch({ id, session, job, limits: this.#limits, clock: this.#options.clock });
    const onAbort = () => watch.cancel("cancelled", abortCancelMs);
    signal.addEventListener("abort", onAbort, { once: true });
    let healthy = false;
    try {
      session.send({ type: "run", id, job });
      const outcome = await session.outcome(id, (message) => watch.heard(message, options.onProgress));
      signal.throwIfAborted();
      if (outcome.type === "error") {
        healthy = outcome.memoryBytes <= this.#limits.memoryBytesMax && job.keepConnection;
        const late = watch.reason === "timeout" || outcome.failure === "timeout";
        throw new ExtractError(late ? timeoutMessage(job) : outcome.message, {
          failure: late ? "timeout" : outcome.failure,
        });
      }
      healthy = outcome.result.memoryBytes <= this.#limits.memoryBytesMax && id % this.#limits.queriesMax !== 0 &&
        job.keepConnection;
      return outcome.result;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (!(error instanceof ProcessEndedError)) throw error;
      throw watch.explain(error.end);
    } finally {
      signal.removeEventListener("abort", onAbort);
      watch.stop();
      if (!healthy && this.#session === session) await this.rest();
    }
  }
}

/** The process ended in the middle of the conversation. */
class ProcessEndedError extends Error {
  override readonly name = "ProcessEndedError";
  readonly end: ProcessEnd;
  constructor(end: ProcessEnd) {
    super("The extractor has ended");
    this.end = end;
  }
}

type Outcome = Extract<FromExtractor, { type: "result" | "error" }>;

/** The conversation with one process. */
class Session {
  readonly #process: ExtractorProcess;
  readonly #prefix = randomBytes(16).toString("hex");
  readonly #reading: Promise<void>;
  readonly #name: string;
  #listener: ((message: FromExtractor) => void) | undefined;
  #chatterLines = 0;

  constructor(process: ExtractorProcess, name: string) {
    this.#process = process;
    this.#name = name;
    this.send({ type: "hello", prefix: this.#prefix });
    this.#reading = this.#read();
  }

  send(message: ToExtractor): void {
    this.#process.send(JSON.stringify(message));
  }

  kill(): void {
    this.#process.kill();
  }

  /** The last message about a query; fails with {@linkcode ProcessEndedError}. */
  async outcome(id: number, onMessage: (message: FromExtractor) => void): Promise<Outcome> {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    this.#listener = (message) => {
      if (message.id !== id) return;
      onMessage(message);
      if (message.type === "result" || message.type === "error") resolve(message);
    };
    // What it said before it ended counts.
    const ended = this.#reading.then(async () => {
      throw new ProcessEndedError(await this.#process.end);
    });
    try {
      return await Promise.race([promise, ended]);
    } finally {
      this.#listener = undefined;
    }
  }

  /** Lets the process end by itself, and ends it when it does not. */
  async close(withinMs: number): Promise<void> {
    this.#process.close();
    const timer = setTimeout(() => this.#process.kill(), withinMs);
    try {
      await this.#process.end;
      await this.#reading;
    } finally {
      clearTimeout(timer);
    }
  }

  async #read(): Promise<void> {
    for await (const line of this.#process.output) {
      let message: FromExtractor | undefined;
      try {
        message = decodeFromExtractor(line, this.#prefix);
      } catch {
        // A driver printed into the middle of a message: whatever was meant, the query did not end well.
        log.warn("An answer of the {name} extractor was damaged by what a driver printed.", { name: this.#name });
        this.#process.kill();
        continue;
      }
      if (message) this.#listener?.(message);
      else if (line.trim() !== "" && this.#chatterLines++ < chatterLinesMax) {
        log.debug("The driver printed: {line}", { line: line.slice(0, 200) });
      }
    }
  }
}

interface WatchOptions {
  readonly id: number;
  readonly session: Session;
  readonly job: ExtractJob;
  readonly limits: ExtractorLimits;
  readonly clock: Clock;
}

/** Sees to it that a query ends. */
class Watch {
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

  /** Asks the query to end, and ends the process when it does not. */
  cancel(reason: "timeout" | "cancelled", withinMs: number): void {
    this.reason ??= reason;
    this.#options.session.send({ type: "cancel", id: this.#options.id });
    this.#after(withinMs, () => this.#kill(reason));
  }

  stop(): void {
    this.#stop.abort();
    this.#timer?.abort();
  }

  /** What to tell when the process ended instead of answering. */
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
            "The database's driver may keep the whole result: install its newest version, or select fewer columns.",
          { failure: "crash" },
        );
      case "start":
        return new ExtractError("The process that runs queries did not start. Look at the load of this computer.", {
          failure: "crash",
        });
      default:
        return new ExtractError(
          `The database's driver ended the process that runs queries (${endText(end)}). Nothing else was harmed. ` +
            "Install the newest version of the driver; if it goes on, try another driver for this database.",
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

function timeoutMessage(job: ExtractJob): string {
  return `The query took longer than ${job.timeoutSeconds} seconds. Less is asked for next time; an index on the column ` +
    "of the time, or a simpler query, helps the database.";
}

function endText(end: ProcessEnd): string {
  const how = end.signal ?? `exit code ${end.code}`;
  const last = end.standardError.split("\n").at(-1)?.slice(0, 200);
  return last ? `${how}: ${last}` : how;
}
