/**
 * Extractors across threads: only the main thread may start processes, and the agent is a worker. The two share a
 * `MessagePort`; the main thread runs {@linkcode serveExtractors}, the worker gets its `SpawnExtractor` from
 * {@linkcode remoteSpawn}. The worker cannot choose what is started.
 */
import { errorText } from "../runtime/error_text.ts";
import { untilAborted } from "../runtime/until_aborted.ts";
import {
  type ExtractorCommand,
  type ExtractorProcess,
  type ProcessEnd,
  type SpawnExtractor,
  spawnProcess,
} from "./process.ts";

/** Maximum number of processes: one for live, one for history, one for tests, and one that is ending. */
const processesMax = 4;

type ToHost =
  | { readonly type: "start"; readonly process: number }
  | { readonly type: "send"; readonly process: number; readonly line: string }
  | { readonly type: "close"; readonly process: number }
  | { readonly type: "kill"; readonly process: number };

type FromHost =
  | { readonly type: "line"; readonly process: number; readonly line: string }
  | { readonly type: "end"; readonly process: number; readonly end: ProcessEnd };

/**
 * Starts and ends extractors as requested through the port, until the signal is aborted; then ends all of them. Needs
 * permission to run the command's program.
 */
export async function serveExtractors(
  port: MessagePort,
  options: { command: ExtractorCommand; signal: AbortSignal; spawn?: typeof spawnProcess },
): Promise<void> {
  const { command, signal, spawn = spawnProcess } = options;
  const processes = new Map<number, ExtractorProcess>();
  const ending = new Set<Promise<void>>();
  const tell = (message: FromHost) => port.postMessage(message);
  const follow = async (id: number, process: ExtractorProcess) => {
    for await (const line of process.output) tell({ type: "line", process: id, line });
    const end = await process.end;
    processes.delete(id);
    tell({ type: "end", process: id, end });
  };
  const start = (id: number) => {
    const refuse = (reason: string) =>
      tell({ type: "end", process: id, end: { code: 126, signal: null, standardError: reason } });
    if (signal.aborted) return refuse("The agent is stopping");
    if (processes.size >= processesMax) return refuse(`Cannot start more than ${processesMax} extractors`);
    try {
      const process = spawn(command);
      processes.set(id, process);
      const following = follow(id, process);
      ending.add(following);
      void following.finally(() => ending.delete(following));
    } catch (error) {
      refuse(`Cannot start the extractor: ${errorText(error)}`);
    }
  };
  port.onmessage = ({ data }: MessageEvent<ToHost>) => {
    if (data.type === "start") return start(data.process);
    const process = processes.get(data.process);
    if (data.type === "send") process?.send(data.line);
    else if (data.type === "close") process?.close();
    else process?.kill();
  };
  await untilAborted(signal);
  for (const process of processes.values()) process.kill();
  await Promise.all(ending);
  port.close();
}

/** The worker's way to start extractors. It owns the port: nothing else may use it. */
export function remoteSpawn(port: MessagePort): SpawnExtractor {
  const open = new Map<number, RemoteProcess>();
  let next = 1;
  port.onmessage = ({ data }: MessageEvent<FromHost>) => {
    const process = open.get(data.process);
    if (data.type === "line") process?.heard(data.line);
    else {
      open.delete(data.process);
      process?.ended(data.end);
    }
  };
  return () => {
    const id = next++;
    const process = new RemoteProcess((message) => port.postMessage({ ...message, process: id } as ToHost));
    open.set(id, process);
    port.postMessage({ type: "start", process: id } satisfies ToHost);
    return process;
  };
}

type Command = { type: "send"; line: string } | { type: "close" } | { type: "kill" };

class RemoteProcess implements ExtractorProcess {
  readonly #tell: (command: Command) => void;
  readonly #end = Promise.withResolvers<ProcessEnd>();
  #lines: string[] = [];
  #over = false;
  #wake = Promise.withResolvers<void>();

  constructor(tell: (command: Command) => void) {
    this.#tell = tell;
  }

  get end(): Promise<ProcessEnd> {
    return this.#end.promise;
  }

  get output(): AsyncIterable<string> {
    return this.#read();
  }

  send(line: string): void {
    this.#tell({ type: "send", line });
  }

  close(): void {
    this.#tell({ type: "close" });
  }

  kill(): void {
    this.#tell({ type: "kill" });
  }

  heard(line: string): void {
    this.#lines.push(line);
    this.#wake.resolve();
  }

  ended(end: ProcessEnd): void {
    this.#over = true;
    this.#end.resolve(end);
    this.#wake.resolve();
  }

  async *#read(): AsyncIterableIterator<string> {
    while (true) {
      const lines = this.#lines;
      this.#lines = [];
      yield* lines;
      if (this.#lines.length > 0) continue;
      if (this.#over) return;
      await this.#wake.promise;
      this.#wake = Promise.withResolvers();
    }
  }
}
