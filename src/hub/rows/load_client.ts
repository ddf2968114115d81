/** The hub's side of the loading worker: started with the first batch, and again after a crash. */
import { dirname } from "node:path";
import { errorText } from "../../runtime/error_text.ts";
import { ownModule } from "../../runtime/own_module.ts";
import type { FromLoader, LoadJob, LoadResult, RemoveResult, ToLoader } from "./load_messages.ts";

/** Chunks smaller than this are sent together, in bytes. */
const chunkBytesMin = 64 * 1024;

/** Loads batches, one at a time. Disposing ends the worker, whatever it is doing: a load is all or nothing. */
export class LoadClient implements Disposable {
  readonly #file: string;
  #worker: Worker | undefined;
  #closed = false;
  #fail: (reason: Error) => void = () => {};

  constructor(file: string) {
    this.#file = file;
  }

  /**
   * Loads a batch, reading its payload (zstd) as the worker asks for it. If the payload cannot be read, rejects and
   * leaves no trace, unless `isLost` says that it never will be readable: then the batch is recorded as failed.
   */
  async load(
    job: LoadJob,
    options: { payload: AsyncIterable<Uint8Array<ArrayBuffer>>; nowMs: number; isLost(error: unknown): boolean },
  ): Promise<LoadResult> {
    const { worker, promise, resolve, reject } = this.#begin<LoadResult>();
    const payload = gathered(options.payload);
    const send = (message: ToLoader, transfer: Transferable[] = []) => worker.postMessage(message, transfer);
    const feed = async () => {
      try {
        const { done, value } = await payload.next();
        if (done === true) send({ type: "end" });
        else send({ type: "chunk", bytes: value }, [value.buffer]);
      } catch (error) {
        const reason = errorText(error);
        send({ type: "cancel", reason, record: options.isLost(error) });
      }
    };
    worker.onmessage = ({ data }: MessageEvent<FromLoader>) => {
      if (data.type === "more") void feed();
      else if (data.type === "loaded") resolve(data.result);
      else if (data.type === "failed") reject(new Error(data.reason));
    };
    send({ type: "begin", job, nowMs: options.nowMs });
    try {
      return await promise;
    } finally {
      await payload.return(undefined);
    }
  }

  /** Permanently removes some rows of an integration; not while a batch is being loaded. */
  async remove(integrationId: string, { rowsMax }: { rowsMax: number }): Promise<RemoveResult> {
    const { worker, promise, resolve, reject } = this.#begin<RemoveResult>();
    worker.onmessage = ({ data }: MessageEvent<FromLoader>) => {
      if (data.type === "removed") resolve(data.result);
      else if (data.type === "failed") reject(new Error(data.reason));
    };
    worker.postMessage({ type: "remove", integrationId, rowsMax } satisfies ToLoader);
    return await promise;
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#end(new Error("Cannot load rows: the hub is stopping"));
  }

  #begin<Result>(): PromiseWithResolvers<Result> & { readonly worker: Worker } {
    if (this.#closed) throw new Error("Cannot load rows: the hub is stopping");
    const worker = this.#worker ??= this.#start();
    worker.onerror = (event) => {
      event.preventDefault();
      this.#end(new Error(`Cannot load rows: the worker failed: ${event.message}`));
    };
    const resolvers = Promise.withResolvers<Result>();
    this.#fail = resolvers.reject;
    return { worker, ...resolvers };
  }

  #end(reason: Error): void {
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#fail(reason);
  }

  #start(): Worker {
    const folder = dirname(this.#file);
    return new Worker(ownModule("src/hub/rows/load_worker.ts"), {
      type: "module",
      name: this.#file,
      deno: {
        permissions: { read: [folder], write: [folder], env: false, net: false, run: false, sys: false, ffi: false },
      },
    });
  }
}

/** Merges chunks into fewer and larger messages. Each has its own buffer, so that it can be transferred. */
async function* gathered(
  payload: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array<ArrayBuffer>, undefined, undefined> {
  let parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of payload) {
    parts.push(part);
    bytes += part.length;
    if (bytes < chunkBytesMin) continue;
    yield joined(parts, bytes);
    parts = [];
    bytes = 0;
  }
  if (bytes > 0) yield joined(parts, bytes);
  return undefined;
}

function joined(parts: readonly Uint8Array[], bytes: number): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(bytes);
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}
