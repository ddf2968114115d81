/** What the hub does with batches, as simply as can be: a window's rows replace those of its time range. */
import { instantOfWall } from "../../src/source/time_zone.ts";
import type { Window } from "../../src/source/read_state.ts";

export interface ModelRow {
  readonly id: string;
  /** The database's wall-clock reading. */
  readonly wallMs: number;
}

export class HubModel {
  readonly #timeZone: string;
  #rows: (ModelRow & { instantMs: number })[] = [];

  constructor(timeZone: string) {
    this.#timeZone = timeZone;
  }

  replace(window: Window, rows: readonly ModelRow[]): void {
    this.#rows = this.#rows.filter((row) => row.instantMs < window.fromMs || row.instantMs >= window.toMs);
    for (const row of rows) {
      const instantMs = instantOfWall(row.wallMs, this.#timeZone);
      if (instantMs < window.fromMs || instantMs >= window.toMs) {
        throw new Error(`Row ${row.id} at ${new Date(instantMs).toISOString()} is outside of its window`);
      }
      this.#rows.push({ ...row, instantMs });
    }
  }

  /** The ids of all rows, sorted. */
  ids(): string[] {
    return this.#rows.map((row) => row.id).sort();
  }
}
