/** Runs the source named by the assignment, and switches when the assignment changes. */
import type { Assignment, Source } from "../protocol/assignment.ts";
import { runUntilChanged } from "./tasks.ts";

/** Reads one integration's source into the spool until aborted. */
export interface SourceRunner {
  run(signal: AbortSignal): Promise<void>;
  /** Looks for new data at once. */
  importNow(): void;
  /** What is broken now, one line with the remedy. */
  readonly problem: string | null;
}

/** Makes the runner of a source. */
export type SourceFactory = (source: Source) => SourceRunner;

/** At most one source runs at a time. */
export class SourceSwitch {
  readonly #make: SourceFactory;
  #wanted: { readonly key: string; readonly source: Source } | undefined;
  #runner: SourceRunner | undefined;
  #changed = Promise.withResolvers<void>();

  constructor(make: SourceFactory) {
    this.#make = make;
  }

  get problem(): string | null {
    return this.#runner?.problem ?? null;
  }

  importNow(): void {
    this.#runner?.importNow();
  }

  /** A paused integration reads nothing; what it missed is caught up on afterwards. */
  apply({ source, paused }: Pick<Assignment, "source" | "paused">): void {
    const wanted = source === null || paused ? undefined : { key: JSON.stringify(source), source };
    if (wanted?.key === this.#wanted?.key) return;
    this.#wanted = wanted;
    this.#changed.resolve();
  }

  /** Restarts the source: something other than the assignment has changed. */
  restart(): void {
    this.#changed.resolve();
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const changed = this.#changed = Promise.withResolvers<void>();
      await runUntilChanged((inner) => this.#start(inner), { changed, signal });
      this.#runner = undefined;
    }
  }

  /** Resolves when the source has stopped; rejects only with errors other than aborts. */
  async #start(signal: AbortSignal): Promise<void> {
    if (this.#wanted === undefined) return;
    this.#runner = this.#make(this.#wanted.source);
    try {
      await this.#runner.run(signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}
