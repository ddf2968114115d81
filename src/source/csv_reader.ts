/** Reads one file into a batch, and notices if the file changes while being read. */
import type { BatchWriter } from "../agent/ports.ts";
import { fileTrouble, type FileVersion, sameVersion, versionOf } from "./csv_file.ts";
import type { ImportFile, OpenImportFile } from "./import_file.ts";

/** Maximum read at once, in bytes; there are two such buffers for each file being read. */
const chunkBytesMax = 512 * 1024;

/** The outcome of reading. `reason` is for people. */
export type FileReading =
  | { readonly state: "complete" }
  | { readonly state: "failed"; readonly reason: string };

const changed: FileReading = { state: "failed", reason: "it changed while being read" };

/**
 * Copies a file of the given version into `writer`. Problems with the file are returned; problems with the writer are
 * thrown.
 */
export async function readInto(
  writer: BatchWriter,
  options: { path: string; version: FileVersion; open: OpenImportFile; signal: AbortSignal },
): Promise<FileReading> {
  const { path, version, open, signal } = options;
  let file: ImportFile;
  try {
    file = await open(path);
  } catch (error) {
    return failure(error);
  }
  using _ = file;
  try {
    // The handle's own attributes: a link may have replaced the file since it was looked at.
    if (!sameVersion(versionOf(await file.stat()), version)) return changed;
  } catch (error) {
    return failure(error);
  }
  const reading = await copy(file, writer, { bytes: version.bytes, signal });
  if (reading.state === "failed") return reading;
  try {
    // If another file was renamed into its place meanwhile, that shows as a new version of the name; this one is
    // complete.
    return sameVersion(versionOf(await file.stat()), version) ? reading : changed;
  } catch (error) {
    return failure(error);
  }
}

/**
 * Reads one chunk ahead of the writer, up to the file's known length: its attributes tell afterwards whether it grew.
 */
async function copy(
  file: ImportFile,
  writer: BatchWriter,
  options: { bytes: number; signal: AbortSignal },
): Promise<FileReading> {
  const { bytes, signal } = options;
  let current = new Uint8Array(Math.min(chunkBytesMax, bytes));
  let next = await readChunk(file, current);
  let spare = next.state === "chunk" && next.bytes === bytes ? current : new Uint8Array(current.length);
  for (let left = bytes; next.state === "chunk";) {
    signal.throwIfAborted();
    left -= next.bytes;
    if (left < 0) return changed;
    const written = writer.write(current.subarray(0, next.bytes));
    if (left === 0) {
      await written;
      return { state: "complete" };
    }
    const [ahead] = await Promise.all([readChunk(file, spare), written]);
    next = ahead;
    [current, spare] = [spare, current];
  }
  return next.state === "failed" ? next : changed;
}

type Chunk =
  | { readonly state: "chunk"; readonly bytes: number }
  | { readonly state: "end" }
  | FileReading & {
    readonly state: "failed";
  };

async function readChunk(file: ImportFile, buffer: Uint8Array<ArrayBuffer>): Promise<Chunk> {
  try {
    const bytes = await file.read(buffer);
    return bytes === null ? { state: "end" } : { state: "chunk", bytes };
  } catch (error) {
    return failure(error);
  }
}

function failure(error: unknown): FileReading & { state: "failed" } {
  const vanished = error instanceof Deno.errors.NotFound;
  return { state: "failed", reason: vanished ? "it has vanished" : fileTrouble(error, "read the file") };
}
