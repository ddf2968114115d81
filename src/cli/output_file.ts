/** A file that a command writes where its user says: whole or not at all, and in the place of nothing but a file. */
import { dirname } from "node:path";
import { errorText } from "../runtime/error_text.ts";

/** A temporary file beside the target. Disposing before `finish` has resolved removes it. */
export interface OutputFile extends AsyncDisposable {
  /** Writes all of the chunk. */
  write(chunk: Uint8Array): Promise<void>;
  /** Forgets what was written. */
  restart(): Promise<void>;
  /** Closes it, and gives it its name. */
  finish(): Promise<void>;
}

/**
 * Opens it, in a folder that is made if it is missing, with the permissions `mode` less the umask; refuses a target that
 * is there and is no regular file.
 */
export async function openOutput(path: string, { mode = 0o666 }: { mode?: number } = {}): Promise<OutputFile> {
  await refuseAllButFiles(path);
  // In a folder like /tmp, others may have placed links to foreign files under any name they can guess.
  const part = `${path}.${crypto.randomUUID()}.part`;
  const file = await openPart(part, mode).catch((cause) => {
    const isDenied = cause instanceof Deno.errors.PermissionDenied;
    const reason = isDenied ? "this user may not create a file there" : errorText(cause);
    throw new Error(`Cannot write "${path}": ${reason}. Give --output a file in another folder`, { cause });
  });
  const failed = (where: "on another disk" | "in another folder") => (cause: unknown): never => {
    throw new Error(`Cannot write "${path}": ${errorText(cause)}. Give --output a file ${where}`, { cause });
  };
  let isOpen = true;
  let isNamed = false;
  const close = () => {
    if (isOpen) file.close();
    isOpen = false;
  };
  return {
    async write(chunk) {
      for (let rest = chunk; rest.length > 0;) {
        rest = rest.subarray(await file.write(rest).catch(failed("on another disk")));
      }
    },
    async restart() {
      await file.truncate();
      await file.seek(0, Deno.SeekMode.Start);
    },
    async finish() {
      await file.sync().catch(failed("on another disk"));
      close();
      await Deno.rename(part, path).catch(failed("in another folder"));
      isNamed = true;
    },
    async [Symbol.asyncDispose]() {
      close();
      if (!isNamed) await Deno.remove(part);
    },
  };
}

async function openPart(part: string, mode: number): Promise<Deno.FsFile> {
  await Deno.mkdir(dirname(part), { recursive: true });
  return await Deno.open(part, { write: true, createNew: true, mode });
}

async function refuseAllButFiles(path: string): Promise<void> {
  const there = await Deno.lstat(path).catch(() => undefined);
  if (there === undefined || there.isFile) return;
  const kind = there.isDirectory ? "folder" : there.isSymlink ? "link" : "device, pipe or socket";
  throw new Error(`Cannot write "${path}": there is a ${kind} of that name. Give --output another name`);
}
