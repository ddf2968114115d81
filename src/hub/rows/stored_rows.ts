/** What has been loaded, for planners: which time ranges, how many rows, what was refused, and the rows themselves. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { DataType } from "../../protocol/database.ts";
import type { Clock } from "../../runtime/clock.ts";
import { decodeCursor, encodeCursor } from "../http/cursor.ts";
import type { Database } from "../database/schema.ts";
import { integrationRow } from "../integrations.ts";
import { pageItemsDefault, pageItemsMax } from "../limits.ts";
import { type Actor, HubProblem, type LoadedWindow, type Page, type Rows, type RowsSummary } from "../services.ts";
import { type StoredSettings, storedSettings } from "../settings/database_settings.ts";
import { markDamage } from "./damaged_rows.ts";
import { loadedWindow, type LoadRow, windowColumns } from "./loaded_windows.ts";
import { type RowFormat, rowStream } from "./row_stream.ts";
import { StreamSlots } from "./stream_slots.ts";
import { Summaries } from "./summaries.ts";

/** Uses two databases: permissions are in the hub's own, rows in a separate file. */
export interface StoredRowsOptions {
  /** The hub's own database. */
  readonly database: Database;
  /** The open file with the rows, and its path. */
  readonly rows: DatabaseSync;
  readonly file: string;
  readonly clock: Clock;
}

/** Read-only: only the worker loads. */
export class StoredRows implements Rows {
  readonly #options: StoredRowsOptions;
  readonly #summaries: Summaries;
  readonly #windows: StatementSync;
  readonly #slots = new StreamSlots();

  constructor(options: StoredRowsOptions) {
    this.#options = options;
    this.#summaries = new Summaries(options);
    this.#windows = options.rows.prepare(
      `select ${windowColumns} from load where source = ? and dataType = ? and n < ? order by n desc limit ?`,
    );
  }

  async summary(actor: Actor, integrationId: string): Promise<RowsSummary> {
    const settings = await this.#settings(actor, integrationId);
    return this.#read(() => this.#summaries.get({ integrationId, source: this.#key(integrationId), settings }));
  }

  async windows(
    actor: Actor,
    options: { integrationId: string; cursor?: string | undefined; limit?: number | undefined },
  ): Promise<Page<LoadedWindow>> {
    const { dataType } = await this.#settings(actor, options.integrationId);
    const limit = Math.min(options.limit ?? pageItemsDefault, pageItemsMax);
    const before = options.cursor === undefined ? Number.MAX_SAFE_INTEGER : decodeCursor(options.cursor, "number")[0];
    const rows = this.#read(() =>
      this.#windows.all(this.#key(options.integrationId), dataType, before, limit + 1) as unknown as LoadRow[]
    );
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    return {
      items: page.map(loadedWindow),
      next: rows.length > limit && last !== undefined ? encodeCursor([last.n, ""]) : null,
    };
  }

  async stream(
    actor: Actor,
    options: { integrationId: string; from?: string | undefined; to?: string | undefined; format: RowFormat },
  ): Promise<{ dataType: DataType; body: ReadableStream<Uint8Array<ArrayBuffer>> }> {
    const { integrationId, format } = options;
    const { dataType } = await this.#settings(actor, integrationId);
    const range = {
      fromMs: options.from === undefined ? -8.64e15 : Date.parse(options.from),
      toMs: options.to === undefined ? 8.64e15 : Date.parse(options.to),
    };
    const { file, clock } = this.#options;
    const onEnd = this.#slots.take(actor);
    try {
      return { dataType, body: rowStream(file, { integrationId, dataType, range, format, clock, onEnd }) };
    } catch (error) {
      onEnd();
      throw error;
    }
  }

  async #settings(actor: Actor, integrationId: string): Promise<StoredSettings> {
    const { settings } = await integrationRow(this.#options.database, { actor, id: integrationId });
    const stored = storedSettings(settings);
    if (stored === undefined) {
      throw new HubProblem("conflict", "This integration has no rows: it is not a saved database integration.");
    }
    return stored;
  }

  #read<Result>(act: () => Result): Result {
    try {
      return act();
    } catch (error) {
      throw markDamage(this.#options.file, error);
    }
  }

  #key(integrationId: string): number {
    return Number(this.#options.rows.prepare("select key from source where id = ?").get(integrationId)?.["key"] ?? -1);
  }
}
