/**
 * The agent's side of an extractor: one query at a time in a process that may crash, hang or leak at any moment without
 * harm. The process is started for the first query, kept while it is needed, and replaced after many queries or when it
 * has grown too large.
 */
import type { Clock } from "../runtime/clock.ts";
import { type ExtractJob, type ExtractResult, timeoutMessage } from "./messages.ts";
import { defaultLimits, type ExtractorLimits } from "./limits.ts";
import type { SpawnExtractor } from "./process.ts";
import { ProcessEndedError, Session } from "./session.ts";
import { ExtractError, Watch } from "./watch.ts";

/** How long a query may take to end by itself when the agent stops, in ms. */
const abortCancelMs = 300;
/** How the process is started and when it is replaced. It is only started once there is a query. */
export interface ExtractorOptions {
  /** Which of the two it is, for messages: `live` or `history`. */
  readonly name: string;
  readonly spawn: SpawnExtractor;
  readonly clock: Clock;
  readonly limits?: Partial<ExtractorLimits>;
}

/** Options of one query. Aborting first cancels it in the database, and ends the process only if that does not help. */
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

  /** Whether a process is running. */
  get isRunning(): boolean {
    return this.#session !== undefined;
  }

  /** Runs one query; fails with {@linkcode ExtractError}, or with the signal's reason within a second of its abort. */
  async run(job: ExtractJob, options: RunOptions): Promise<ExtractResult> {
    options.signal.throwIfAborted();
    if (this.#busy) throw new Error(`Cannot run a query: the ${this.#options.name} extractor is running another one`);
    this.#busy = true;
    try {
      const session = this.#session ??= new Session(this.#options.spawn(), this.#options.name);
      return await this.#runIn(session, { job, ...options });
    } finally {
      this.#busy = false;
    }
  }

  /** Ends the process until the next query: meanwhile nothing is connected. */
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
        // The driver may not have ended a connect that failed or was cancelled.
        const lingers = outcome.failure === "connection" || watch.reason !== undefined;
        healthy = !lingers && outcome.memoryBytes <= this.#limits.memoryBytesMax && job.keepConnection;
        if (watch.reason === "timeout") throw new ExtractError(timeoutMessage(job), { failure: "timeout" });
        throw new ExtractError(outcome.message, { failure: outcome.failure });
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
