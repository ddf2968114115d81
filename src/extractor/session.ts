/** The conversation with one extractor process, from the agent's side. */
import { randomBytes } from "node:crypto";
import { getLogger } from "@logtape/logtape";
import { decodeFromExtractor, type FromExtractor, type ToExtractor } from "./messages.ts";
import type { ExtractorProcess, ProcessEnd } from "./process.ts";

const log = getLogger(["cloud-link", "extractor"]);

/** How many lines of driver output are logged per process. */
const chatterLinesMax = 20;

/** The process ended in the middle of the conversation. */
export class ProcessEndedError extends Error {
  override readonly name = "ProcessEndedError";
  readonly end: ProcessEnd;
  constructor(end: ProcessEnd) {
    super("The extractor has ended");
    this.end = end;
  }
}

/** The last message about a query: there is exactly one for each job, unless the process ends first. */
export type Outcome = Extract<FromExtractor, { type: "result" | "error" }>;

/** The conversation with one process. */
export class Session {
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

  /** Lets the process end by itself, and kills it if it does not. */
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
        // A driver printed into the middle of a message: whatever it meant, the query did not end well.
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
