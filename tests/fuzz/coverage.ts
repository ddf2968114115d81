/** Which characters of the product's code have run, as V8 counts them: what tells a mutant worth keeping. */
import { Session } from "node:inspector/promises";

interface Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

interface Script {
  readonly url: string;
  readonly functions: readonly { readonly functionName: string; readonly ranges: readonly Range[] }[];
}

/** One module: 0 nothing known, 1 code that has not run, 2 code that has. */
interface Module {
  readonly state: Uint8Array;
  covered: number;
  code: number;
}

/** What has run of one module, in characters of its functions. */
export interface ModuleCoverage {
  readonly path: string;
  readonly covered: number;
  readonly code: number;
}

/** Counts from the moment it is started: start it before the modules are loaded. */
export class Coverage implements Disposable {
  readonly #session: Session;
  readonly #root: string;
  readonly #modules = new Map<string, Module>();

  private constructor(session: Session, root: string) {
    this.#session = session;
    this.#root = root;
  }

  /** `root`: the URL below which modules count. */
  static async start(root: string): Promise<Coverage> {
    const session = new Session();
    session.connect();
    await session.post("Profiler.enable");
    await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
    return new Coverage(session, root);
  }

  /** How many characters have run since the last call of this or `peek` that never had before. They count as known now. */
  take(): Promise<number> {
    return this.#look({ learn: true });
  }

  /** As {@linkcode take}, but what has run stays unknown. */
  peek(): Promise<number> {
    return this.#look({ learn: false });
  }

  async #look({ learn }: { learn: boolean }): Promise<number> {
    const { result } = await this.#session.post("Profiler.takePreciseCoverage") as { result: readonly Script[] };
    let found = 0;
    for (const { url, functions } of result) {
      if (!url.startsWith(this.#root)) continue;
      for (const { functionName, ranges } of functions) found += this.#paint(url, { functionName, ranges, learn });
    }
    return found;
  }

  /** Memory in use after a collection, in bytes. */
  async usedBytes(): Promise<number> {
    await this.#session.post("HeapProfiler.enable");
    await this.#session.post("HeapProfiler.collectGarbage");
    const { heapUsed, external } = Deno.memoryUsage();
    return heapUsed + external;
  }

  /** The modules whose path begins with one of these. */
  modules(beginnings: readonly string[]): ModuleCoverage[] {
    return [...this.#modules].map(([url, { covered, code }]) => ({ path: url.slice(this.#root.length), covered, code }))
      .filter(({ path, code }) => code > 0 && beginnings.some((one) => path.startsWith(one)))
      .sort((a, b) => a.path.localeCompare(b.path));
  }

  [Symbol.dispose](): void {
    this.#session.disconnect();
  }

  #paint(
    url: string,
    { functionName, ranges, learn }: { functionName: string; ranges: readonly Range[]; learn: boolean },
  ): number {
    const [whole] = ranges;
    if (whole === undefined) return 0;
    let module = this.#modules.get(url);
    if (module === undefined) {
      // The first report of a module has the module itself, as a function without a name from its beginning to its end.
      module = { state: new Uint8Array(whole.endOffset), covered: 0, code: 0 };
      this.#modules.set(url, module);
    }
    if (functionName === "" && whole.startOffset === 0) return 0;
    const { state } = module;
    const run = new Uint8Array(whole.endOffset - whole.startOffset);
    // Inner ranges come after the outer ones and say otherwise.
    for (const { startOffset, endOffset, count } of ranges) {
      run.fill(count > 0 ? 2 : 1, startOffset - whole.startOffset, endOffset - whole.startOffset);
    }
    let found = 0;
    for (let index = 0; index < run.length; index++) {
      const at = whole.startOffset + index;
      const before = state[at] ?? 0;
      const now = run[index] ?? 0;
      if (now <= before) continue;
      if (before === 0) module.code++;
      if (now === 2) found++;
      state[at] = learn ? now : Math.max(before, 1);
    }
    if (learn) module.covered += found;
    return found;
  }
}
