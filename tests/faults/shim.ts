/** The library that is preloaded into agent and hub (shim.c), and the block of memory by which it is told what to do. */
import { join } from "node:path";
import { projectFolder } from "../setup/executable.ts";

/** What a disk says when it fails, by the number of Linux. */
export const errors = { EIO: 5, ENOSPC: 28, EROFS: 30 } as const;
/** Calls that fail, as bits. */
export const operations = { writes: 1, syncs: 2, opens: 4, names: 8, reads: 16 } as const;

/** Length of the block, in bytes; shim.c has the same layout. */
const blockBytes = 1024;
const at = {
  clockOffsetMs: 0,
  error: 8,
  operations: 12,
  hits: 16,
  flips: 20,
  noSync: 24,
  spared: 28,
  pathPart: 32,
} as const;

/** Compiles the library into a temporary folder. */
export async function compileShim(): Promise<AsyncDisposable & { readonly library: string }> {
  const folder = await Deno.makeTempDir({ prefix: "cloud-link-shim-" });
  const library = join(folder, "shim.so");
  const source = join(projectFolder, "tests", "faults", "shim.c");
  const { success, stderr } = await new Deno.Command("gcc", {
    args: ["-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-o", library, source, "-ldl"],
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`Cannot compile "${source}": ${new TextDecoder().decode(stderr)}`);
  return { library, [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
}

/** What fails, how, and where. */
export interface DiskFailure {
  readonly error: keyof typeof errors;
  readonly operations: readonly (keyof typeof operations)[];
  /** Only paths that contain this. */
  readonly pathPart: string;
  /** So many of these calls succeed first. @default 0 */
  readonly spared?: number;
}

/** The preloaded library of one program; the program may come and go. */
export class Shim {
  readonly #file: string;
  readonly #library: string;
  readonly #durable: { readonly root: string; readonly copy: string };
  #soundSinceMs = -Infinity;

  private constructor(file: string, options: { library: string; durable: { root: string; copy: string } }) {
    this.#file = file;
    this.#library = options.library;
    this.#durable = options.durable;
  }

  /** `file` is the block; `durable` the folder whose power can be cut, and where its durable copy lies. */
  static async make(
    file: string,
    options: { library: string; durable: { root: string; copy: string } },
  ): Promise<Shim> {
    await Deno.writeFile(file, new Uint8Array(blockBytes));
    return new Shim(file, options);
  }

  /** Environment of the program. */
  get environment(): Record<string, string> {
    return {
      LD_PRELOAD: this.#library,
      CLOUD_LINK_FAULTS: this.#file,
      CLOUD_LINK_FAULTS_ROOT: this.#durable.root,
      CLOUD_LINK_FAULTS_SHADOW: this.#durable.copy,
    };
  }

  get durable(): { readonly root: string; readonly copy: string } {
    return this.#durable;
  }

  /** The wall clock is this much ahead; the monotonic one goes on. */
  setClockOffset(ms: number): void {
    this.#write(at.clockOffsetMs, 8, (view) => view.setBigInt64(0, BigInt(ms), true));
  }

  /** From now on these calls fail; `undefined`: none does. */
  fail(failure: DiskFailure | undefined): void {
    this.#writeNumber(at.error, 0);
    this.#writeNumber(at.hits, 0);
    if (failure === undefined) {
      this.#soundSinceMs = performance.now();
      return;
    }
    this.#writePath(failure.pathPart);
    this.#writeNumber(at.operations, failure.operations.reduce((bits, name) => bits | operations[name], 0));
    this.#writeNumber(at.spared, failure.spared ?? 0);
    this.#writeNumber(at.error, errors[failure.error]);
  }

  /** How long it is that calls failed, in ms. */
  get soundMs(): number {
    return performance.now() - this.#soundSinceMs;
  }

  /** The next write to such a path puts one bit on the disk wrong. */
  flipBit(pathPart: string): void {
    this.#writeNumber(at.hits, 0);
    this.#writePath(pathPart);
    this.#writeNumber(at.flips, 1);
  }

  /** Whether fsync does anything. */
  setSyncing(syncs: boolean): void {
    this.#writeNumber(at.noSync, syncs ? 0 : 1);
  }

  /** How many calls have failed, or were falsified, since they were told to. */
  get hits(): number {
    using file = Deno.openSync(this.#file, { read: true });
    const bytes = new Uint8Array(blockBytes);
    file.readSync(bytes);
    return new DataView(bytes.buffer).getInt32(at.hits, true);
  }

  #writeNumber(offset: number, value: number): void {
    this.#write(offset, 4, (view) => view.setInt32(0, value, true));
  }

  #writePath(pathPart: string): void {
    const text = new TextEncoder().encode(pathPart);
    this.#write(at.pathPart, blockBytes - at.pathPart, (view) => new Uint8Array(view.buffer).set(text));
  }

  #write(offset: number, bytes: number, fill: (view: DataView<ArrayBuffer>) => void): void {
    const view = new DataView(new ArrayBuffer(bytes));
    fill(view);
    using file = Deno.openSync(this.#file, { write: true });
    file.seekSync(offset, Deno.SeekMode.Start);
    file.writeSync(new Uint8Array(view.buffer));
  }
}
