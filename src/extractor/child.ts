/**
 * The extractor's side of the conversation: one query at a time, one connection, answers on standard output. Drivers
 * are native code that may crash, hang, leak or print; whatever they do stays within this process.
 */
import { realFileSystem } from "../durable/real_file_system.ts";
import { systemClock } from "../runtime/clock.ts";
import type { Database } from "../database/row_source.ts";
import { errorText } from "../runtime/error_text.ts";
import { confineExtractor } from "./confinement.ts";
import { OutputError, QueryError } from "./job_errors.ts";
import { lines } from "./lines.ts";
import {
  encodeFromExtractor,
  type ExtractFailure,
  type ExtractJob,
  type FromExtractor,
  lineBytesMax,
  timeoutMessage,
  ToExtractor,
} from "./messages.ts";
import type { DescribedQuery } from "./narrow_query.ts";
import { type OpenDatabase, openDatabase } from "./open_database.ts";
import { runJob } from "./run_job.ts";

/** How often progress and memory are reported while a query runs, in ms. */
const progressEveryMs = 500;
/** How many queries' columns are remembered. */
const describedMax = 32;
/** A failure this shortly before the time limit still comes of it: the database counts from another moment, in ms. */
const earlyMs = 500;

/** The process's channels, and how it opens databases; the defaults are those of the command `extract`. */
export interface ChildOptions {
  /** @default standard input */
  readonly input?: ReadableStream<Uint8Array>;
  /** Writes to standard output synchronously. */
  readonly write?: (text: string) => void;
  readonly open?: OpenDatabase;
  /** Give up unneeded permissions. @default true */
  readonly confine?: boolean;
}

/** Runs the extractor until its input ends; resolves with the exit code. The first line must be the greeting. */
export async function runExtractor(options: ChildOptions = {}): Promise<number> {
  const input = lines(options.input ?? Deno.stdin.readable, { bytesMax: lineBytesMax });
  const first = await input.next();
  const hello = first.done ? undefined : ToExtractor.safeParse(JSON.parse(first.value)).data;
  if (hello?.type !== "hello") return 2;
  if (options.confine ?? true) await confineExtractor();
  const write = options.write ?? writeStandardOutput;
  const child = new Child({
    open: options.open ?? openDatabase,
    tell: (message) => write(encodeFromExtractor(message, hello.prefix)),
  });
  await child.converse(input);
  return 0;
}

interface Connection {
  readonly key: string;
  readonly database: Database;
  readonly described: Map<string, DescribedQuery>;
}

class Child {
  readonly #open: OpenDatabase;
  readonly #tell: (message: FromExtractor) => void;
  #connection: Connection | undefined;
  #running: { readonly id: number; readonly cancel: AbortController; readonly done: Promise<void> } | undefined;

  constructor(options: { open: OpenDatabase; tell: (message: FromExtractor) => void }) {
    this.#open = options.open;
    this.#tell = options.tell;
  }

  async converse(input: AsyncIterableIterator<string>): Promise<void> {
    for await (const line of input) {
      const message = ToExtractor.parse(JSON.parse(line));
      if (message.type === "cancel" && this.#running?.id === message.id) {
        this.#running.cancel.abort(new DOMException("The query was cancelled", "AbortError"));
      }
      if (message.type === "run") await this.#start(message);
    }
    this.#running?.cancel.abort(new DOMException("The agent is gone", "AbortError"));
    await this.#running?.done;
    await this.#disconnect();
  }

  async #start({ id, job }: { id: number; job: ExtractJob }): Promise<void> {
    await this.#running?.done;
    const cancel = new AbortController();
    this.#running = { id, cancel, done: this.#run(id, { job, signal: cancel.signal }) };
  }

  /** Never rejects: failures are reported. */
  async #run(id: number, { job, signal }: { job: ExtractJob; signal: AbortSignal }): Promise<void> {
    this.#tell({ type: "started", id });
    let rows = 0;
    const heartbeat = setInterval(() => {
      this.#tell({ type: "progress", id, rows, memoryBytes: memoryBytes() });
    }, progressEveryMs);
    let message: FromExtractor;
    let connected = false;
    const startedMs = systemClock.monotonicMs();
    try {
      const { database, described } = await this.#connect(job, signal);
      connected = true;
      if (described.size >= describedMax) described.clear();
      const onProgress = (now: number) => {
        rows = now;
      };
      const result = await runJob(job, {
        database,
        described,
        fs: realFileSystem,
        clock: systemClock,
        signal,
        onProgress,
      });
      if (!job.keepConnection) await this.#disconnect();
      message = { type: "result", id, result: { ...result, memoryBytes: memoryBytes() } };
    } catch (error) {
      const lateBy = systemClock.monotonicMs() - startedMs - job.timeoutSeconds * 1000;
      const late = lateBy > -earlyMs;
      const failure = classify(error, { connected, signal, late });
      // What a failed query left on the connection is not worth finding out.
      await this.#disconnect().catch(() => {});
      // Before that, the database's own limit applies, with its own message.
      const reason = failure === "timeout" && late ? timeoutMessage(job) : errorText(error);
      message = { type: "error", id, failure, message: reason, memoryBytes: memoryBytes() };
    } finally {
      clearInterval(heartbeat);
    }
    this.#tell(message);
  }

  async #connect(job: ExtractJob, signal: AbortSignal): Promise<Connection> {
    const { databaseType, connection, timeZone, sqliteFolders, folder } = job;
    const key = JSON.stringify([databaseType, connection, timeZone, sqliteFolders, folder]);
    if (this.#connection?.key === key) return this.#connection;
    await this.#disconnect();
    const database = await this.#open({ databaseType, connection, timeZone, sqliteFolders, folder }, signal);
    return this.#connection = { key, database, described: new Map() };
  }

  async #disconnect(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.database[Symbol.asyncDispose]();
  }
}

function classify(
  error: unknown,
  { connected, signal, late }: { connected: boolean; signal: AbortSignal; late: boolean },
): ExtractFailure {
  if (signal.aborted) return "cancelled";
  if (error instanceof QueryError) return "query";
  if (error instanceof OutputError) return "output";
  if (!connected) return "connection";
  const kind = error instanceof Error && "kind" in error ? error.kind : undefined;
  if (kind === "timeout" || late) return "timeout";
  return kind === "unreachable" || kind === "login" ? "connection" : "database";
}

function memoryBytes(): number {
  return Deno.memoryUsage().rss;
}

/** Always whole lines, or the agent could not tell where a message ends. */
function writeStandardOutput(text: string): void {
  let bytes: Uint8Array = new TextEncoder().encode(text);
  while (bytes.length > 0) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
}
