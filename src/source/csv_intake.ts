/**
 * Takes one file of the import folder into the spool, unless its content was imported before. The spool's batch and the
 * ledger's entry are committed together, so a crash in between neither loses the file nor imports it twice.
 */
import { basename } from "node:path";
import { type BatchFile, type Spool, SpoolFullError } from "../agent/ports.ts";
import type { Clock } from "../runtime/clock.ts";
import type { FileVersion } from "./csv_file.ts";
import { type FileReading, readInto } from "./csv_reader.ts";
import type { OpenImportFile } from "./import_file.ts";

/** What was imported for the current link. */
export interface CsvLedger {
  /** The file when it was last read. */
  file(path: string): FileVersion | undefined;
  /** Whether this content was imported, under any name. */
  hasContent(sha256: string): boolean;
  /** This version of the file was read, and its content was taken in. Durable once the surrounding transaction ends. */
  record(file: FileVersion & { readonly path: string; readonly sha256: string }, options: { at: number }): void;
  /** Forgets files that `keep` no longer wants; their contents stay known. */
  forgetFiles(keep: (path: string) => boolean): void;
}

/** The way into the spool. */
export interface CsvSpool extends Pick<Spool, "open" | "admit"> {
  /** Discards a finished batch that was not admitted; does nothing if it was. */
  discard(batch: BatchFile): Promise<void>;
}

/** The outcome for a file. */
export type Intake =
  /** It is in the spool. */
  | { readonly state: "admitted" }
  /** Its content was imported before. */
  | { readonly state: "known" }
  /** Its writer goes on: what was read may be half of it. */
  | { readonly state: "unfinished" }
  /** It has no content that could be imported. */
  | { readonly state: "empty" }
  | FileReading & { readonly state: "failed" };

/** A file to import. */
export interface IntakeFile {
  /** The path of the entry in the folder, which is its key in the ledger. */
  readonly path: string;
  /** The path to open. */
  readonly realPath: string;
  readonly version: FileVersion;
  /** Whether its writer was seen to go on after it seemed to have finished. */
  readonly isBeingWritten: () => boolean;
}

/** Last instant with a year of four digits. */
const modifiedMsMax = Date.UTC(9999, 11, 31);

/** The way of files into the spool. */
export class CsvIntake {
  readonly #spool: CsvSpool;
  readonly #ledger: CsvLedger;
  readonly #clock: Clock;
  readonly #open: OpenImportFile;
  /** Admissions in progress, by content: two files with the same content may be read at the same time. */
  readonly #admitting = new Map<string, Promise<unknown>>();

  constructor(options: { spool: CsvSpool; ledger: CsvLedger; clock: Clock; open?: OpenImportFile | undefined }) {
    this.#spool = options.spool;
    this.#ledger = options.ledger;
    this.#clock = options.clock;
    this.#open = options.open ?? ((path) => Deno.open(path));
  }

  /**
   * Reads a file. Problems with the file are returned; problems with the spool or the ledger are thrown, as is the
   * signal's reason.
   */
  async take(file: IntakeFile, signal: AbortSignal): Promise<Intake> {
    const { version } = file;
    if (version.bytes === 0) return { state: "empty" };
    let bytes = version.bytes;
    while (true) {
      try {
        return await this.#read(file, { bytes, signal });
      } catch (error) {
        if (!(error instanceof SpoolFullError) || signal.aborted) throw error;
        const { bytesNeeded, bytesFree } = error;
        if (bytesFree !== undefined) return { state: "failed", reason: tooLarge(bytesNeeded, bytesFree) };
        // The spool became full meanwhile. It logs that itself, and opens the next writer when there is room.
        bytes = Math.max(bytes, bytesNeeded);
      }
    }
  }

  async #read(file: IntakeFile, { bytes, signal }: { bytes: number; signal: AbortSignal }): Promise<Intake> {
    await using writer = await this.#spool.open({ bytes, lane: "live", signal });
    const { realPath: path, version } = file;
    const reading = await readInto(writer, { path, version, open: this.#open, signal });
    if (reading.state === "failed") return reading;
    const batch = await writer.finish();
    try {
      while (this.#admitting.has(batch.sha256)) await this.#admitting.get(batch.sha256);
      if (file.isBeingWritten()) return { state: "unfinished" };
      if (!this.#ledger.hasContent(batch.sha256)) return { state: await this.#admit(file, batch) };
      this.#record(file, batch);
      return { state: "known" };
    } finally {
      await this.#spool.discard(batch);
    }
  }

  async #admit(file: IntakeFile, batch: BatchFile): Promise<"admitted" | "known"> {
    const admission = this.#spool.admit(batch, {
      origin: { kind: "csv", fileName: basename(file.path), modifiedAt: instant(file.version.modifiedMs) },
      lane: "live",
      alongside: () => this.#record(file, batch),
    });
    this.#admitting.set(batch.sha256, admission.catch(() => {}));
    try {
      return await admission;
    } finally {
      this.#admitting.delete(batch.sha256);
    }
  }

  #record({ path, version }: IntakeFile, { sha256 }: BatchFile): void {
    this.#ledger.record({ ...version, path, sha256 }, { at: this.#clock.now() });
  }
}

function tooLarge(bytesNeeded: number, bytesFree: number): string {
  return `it needs ${bytesNeeded} bytes, but the disk of the spool has room for ${bytesFree} only; ` +
    "free some space there, or lower [spool] keepFreeMegabytes";
}

function instant(ms: number): string | null {
  return ms <= 0 || ms > modifiedMsMax ? null : new Date(ms).toISOString();
}
