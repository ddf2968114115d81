/**
 * Files that another thread opens. On Windows, Deno opens files on a share only for threads that have been given all
 * permissions, which the agent's is not; the two threads talk by a message port.
 */
import { isInside } from "../runtime/is_inside.ts";
import type { ImportFile, OpenImportFile } from "./import_file.ts";

type Question =
  | { readonly type: "open"; readonly path: string }
  | { readonly type: "stat" | "close"; readonly file: number }
  | { readonly type: "read"; readonly file: number; readonly bytesMax: number };

type Answer =
  & { readonly id: number }
  & (
    | { readonly value: unknown }
    | { readonly error: { readonly name: string; readonly message: string } }
  );

/** Opens files by the thread at the other end of the port. */
export function remoteFiles(port: MessagePort): OpenImportFile {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let lastId = 0;
  port.onmessage = ({ data }: MessageEvent<Answer>) => {
    const asked = waiting.get(data.id);
    waiting.delete(data.id);
    if ("error" in data) asked?.reject(revivedError(data.error));
    else asked?.resolve(data.value);
  };
  const ask = async <T>(question: Question): Promise<T> => {
    const asked = Promise.withResolvers<unknown>();
    waiting.set(++lastId, asked);
    port.postMessage({ id: lastId, question });
    return await asked.promise as T;
  };
  return async (path) => {
    const file = await ask<number>({ type: "open", path });
    return {
      stat: () => ask({ type: "stat", file }),
      async read(buffer) {
        const bytes = await ask<Uint8Array | null>({ type: "read", file, bytesMax: buffer.length });
        if (bytes !== null) buffer.set(bytes);
        return bytes === null ? null : bytes.length;
      },
      [Symbol.dispose]: () => void ask({ type: "close", file }),
    };
  };
}

/** Opens and reads for the other end of the port what is below the folder, given by its real path, and nothing else. */
export function serveFiles(port: MessagePort, { folder }: { folder: string }): void {
  const files = new Map<number, ImportFile>();
  let lastFile = 0;
  const openFile = (file: number): ImportFile => {
    const found = files.get(file);
    if (found === undefined) throw new Deno.errors.BadResource(`file ${file} is not open`);
    return found;
  };
  const answer = async (question: Question): Promise<unknown> => {
    switch (question.type) {
      case "open": {
        const path = await Deno.realPath(question.path);
        if (!isInside(path, folder)) throw new Deno.errors.NotCapable(`"${path}" is not in the import folder`);
        const opened = await Deno.open(path);
        const file = ++lastFile; // only now: others may have been opened meanwhile
        files.set(file, opened);
        return file;
      }
      case "stat": {
        const { size, mtime, ino } = await openFile(question.file).stat();
        return { size, mtime, ino };
      }
      case "read": {
        const buffer = new Uint8Array(question.bytesMax);
        const bytes = await openFile(question.file).read(buffer);
        return bytes === null ? null : buffer.subarray(0, bytes);
      }
      case "close":
        files.get(question.file)?.[Symbol.dispose]();
        files.delete(question.file);
        return undefined;
    }
  };
  port.onmessage = async ({ data: { id, question } }: MessageEvent<{ id: number; question: Question }>) => {
    try {
      const value = await answer(question);
      port.postMessage({ id, value }, value instanceof Uint8Array ? [value.buffer as ArrayBuffer] : []);
    } catch (error) {
      const { name, message } = error instanceof Error ? error : new Error(String(error));
      port.postMessage({ id, error: { name, message } });
    }
  };
}

/** Of the class that it was of: what is wrong with a file is told by that. */
function revivedError({ name, message }: { name: string; message: string }): Error {
  const kinds: Readonly<Record<string, new (message: string) => Error>> = Deno.errors;
  return new (kinds[name] ?? Error)(message);
}
