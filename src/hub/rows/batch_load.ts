/**
 * Loads one batch into its table: one transaction replaces the rows of its window, as far as no newer batch has covered
 * it. All or nothing, even across a power cut; repeating it changes nothing.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { freeRanges, piecesOutside, type Rank, type Segment, type TimeRange } from "./coverage.ts";
import type { LoadJob, LoadResult } from "./load_messages.ts";
import { type ReadRow, rowReader, type Value } from "./row_reader.ts";
import { tableOf } from "./tables.ts";
import { WindowError, windowProblem } from "./window_problem.ts";

/** Rows per INSERT: calls of SQLite cost more than rows. */
const rowsPerInsert = 32;
/** How many refused rows are described. */
const reasonsMax = 10;
/** A time without rows that is shorter, in ms, may be a night. */
const purgedMsMin = 24 * 60 * 60_000;
/** Activity is counted in quarters of an hour, which align with days in every time zone. */
export const quarterMs: number = 15 * 60_000;

/** Loads a batch into the table: `begin`, `header`, `row`…, then `commit` or `rollback`. */
export class BatchLoad {
  readonly #database: DatabaseSync;
  readonly #job: LoadJob;
  readonly #rank: Rank;
  #source = 0;
  #segments: readonly Segment[] = [];
  #free: readonly TimeRange[] = [];
  #rowsOfFree: number[] = [];
  #read: ((record: readonly string[]) => ReadRow) | undefined;
  #insertMany: StatementSync | undefined;
  #insertOne: StatementSync | undefined;
  #pending: Value[] = [];
  #pendingRows = 0;
  #records = 0;
  #taken = 0;
  #deleted = 0;
  #refused = 0;
  readonly #reasons: string[] = [];

  constructor(database: DatabaseSync, job: LoadJob) {
    this.#database = database;
    this.#job = job;
    this.#rank = rankOf(job);
  }

  /**
   * Opens the transaction; returns the earlier result instead if this very batch was already loaded. One that failed may
   * have been sent again since. Throws {@linkcode WindowError} if its window is none.
   */
  begin(): LoadResult | undefined {
    const { integrationId, batchId, epoch, sequence, dataType, window } = this.#job;
    this.#database.exec("begin immediate");
    this.#source = sourceKey(this.#database, integrationId);
    const known = this.#database.prepare(
      `select rows, overtaken, hubRefused as refused, error from load
       where source = ? and batchId = ? and epoch = ? and sequence = ? and error is null`,
    ).get(this.#source, batchId, epoch, sequence);
    if (known !== undefined) {
      this.rollback();
      return { ...known as unknown as Omit<LoadResult, "damaged">, damaged: false };
    }
    const problem = windowProblem(this.#job);
    if (problem !== undefined) throw new WindowError(`${problem}.`);
    this.#segments = this.#database.prepare(
      `select fromMs, toMs, epoch, sequence, load, rows from segment where source = :source and dataType = :dataType
       and fromMs >= coalesce((select max(fromMs) from segment where source = :source and dataType = :dataType
         and fromMs <= :fromMs), :fromMs) and fromMs < :toMs and toMs > :fromMs order by fromMs`,
    ).all({ source: this.#source, dataType, ...window }) as unknown as Segment[];
    this.#free = freeRanges(this.#segments, { window, rank: this.#rank });
    this.#rowsOfFree = this.#free.map(() => 0);
    const { name, time } = tableOf[dataType];
    const remove = this.#database.prepare(`delete from ${name} where source = ? and ${time} >= ? and ${time} < ?`);
    for (const { fromMs, toMs } of this.#free) {
      this.#deleted += Number(remove.run(this.#source, fromMs, toMs).changes);
    }
    return undefined;
  }

  /** Adds one record; the first has the names of the columns. */
  row(record: readonly string[]): void {
    if (this.#read === undefined) return this.#header(record);
    this.#records++;
    const row = this.#read(record);
    if ("reason" in row) {
      this.#refused++;
      if (this.#reasons.length < reasonsMax) this.#reasons.push(`Row ${this.#records}: ${row.reason}`);
      return;
    }
    const range = this.#free.findIndex(({ fromMs, toMs }) => row.timeMs >= fromMs && row.timeMs < toMs);
    if (range < 0) return;
    this.#rowsOfFree[range] = (this.#rowsOfFree[range] ?? 0) + 1;
    this.#taken++;
    this.#pending.push(this.#source, this.#records, ...row.values);
    if (++this.#pendingRows < rowsPerInsert) return;
    this.#insertMany?.run(...this.#pending);
    this.#pending = [];
    this.#pendingRows = 0;
  }

  /** When it returns, the rows are stored and survive a power cut. */
  commit(nowMs: number): LoadResult {
    this.#insertRest();
    const load = this.#record(nowMs, null);
    this.#takeRanges(load);
    this.#countQuarters();
    this.#database.prepare(
      `insert into total values (:source, :dataType, :rows)
       on conflict (source, dataType) do update set rows = rows + excluded.rows`,
    ).run({ source: this.#source, dataType: this.#job.dataType, rows: this.#taken - this.#deleted });
    this.#database.exec("commit");
    return this.#result(null);
  }

  /** Nothing of the batch can be loaded: records why, and keeps the previous rows. */
  refuse(nowMs: number, { error, damaged }: { error: string; damaged: boolean }): LoadResult {
    if (this.#database.isTransaction) this.rollback();
    this.#database.exec("begin immediate");
    this.#source = sourceKey(this.#database, this.#job.integrationId);
    this.#taken = 0;
    this.#record(nowMs, error);
    this.#database.exec("commit");
    return { ...this.#result(error), damaged };
  }

  rollback(): void {
    this.#database.exec("rollback");
  }

  #header(names: readonly string[]): void {
    const { name, columns } = tableOf[this.#job.dataType];
    this.#read = rowReader(names, this.#job);
    const into = `insert into ${name} (source, n, ${columns.join(", ")}) values `;
    const row = `(${Array(columns.length + 2).fill("?").join(", ")})`;
    this.#insertOne = this.#database.prepare(into + row);
    this.#insertMany = this.#database.prepare(into + Array(rowsPerInsert).fill(row).join(", "));
  }

  #result(error: string | null): LoadResult {
    const overtaken = error === null ? this.#records - this.#taken - this.#refused : 0;
    return { rows: this.#taken, overtaken, refused: this.#refused, error, damaged: false };
  }

  #insertRest(): void {
    const width = this.#pendingRows === 0 ? 0 : this.#pending.length / this.#pendingRows;
    for (let row = 0; row < this.#pendingRows; row++) {
      this.#insertOne?.run(...this.#pending.slice(row * width, (row + 1) * width));
    }
  }

  #record(nowMs: number, error: string | null): number {
    const { batchId, epoch, sequence, dataType, window, lane, declaredRows, refused, receivedAtMs } = this.#job;
    const { rows, overtaken } = this.#result(error);
    return Number(
      this.#database.prepare(
        `insert or replace into load (source, dataType, batchId, epoch, sequence, fromMs, toMs, lane, sourceRows, agentRefused,
         batchRows, rows, overtaken, hubRefused, reasons, receivedAt, loadedAt, error)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ).run(
        this.#source,
        dataType,
        batchId,
        epoch,
        sequence,
        window.fromMs,
        window.toMs,
        lane,
        declaredRows + refused.rows,
        refused.rows,
        error === null ? this.#records : 0,
        rows,
        overtaken,
        this.#refused,
        JSON.stringify([...refused.reasons, ...this.#reasons].slice(0, reasonsMax)),
        receivedAtMs,
        nowMs,
        error,
      ).lastInsertRowid,
    );
  }

  /** Assigns the free ranges to this batch. */
  #takeRanges(load: number): void {
    const { dataType, window } = this.#job;
    const { epoch, sequence } = this.#rank;
    const key = [this.#source, dataType] as const;
    const insert = this.#database.prepare("insert into segment values (?, ?, ?, ?, ?, ?, ?, ?)");
    const remove = this.#database.prepare("delete from segment where source = ? and dataType = ? and fromMs = ?");
    const { name, time } = tableOf[dataType];
    const count = this.#database.prepare(
      `select count(*) as rows from ${name} where source = ? and ${time} >= ? and ${time} < ?`,
    );
    const overtaken = this.#segments.filter((segment) =>
      this.#free.some(({ fromMs, toMs }) => fromMs < segment.toMs && segment.fromMs < toMs)
    );
    for (const segment of overtaken) {
      remove.run(...key, segment.fromMs);
      for (const { fromMs, toMs } of piecesOutside(segment, window)) {
        const rows = Number(count.get(this.#source, fromMs, toMs)?.["rows"]);
        insert.run(...key, fromMs, toMs, segment.epoch, segment.sequence, segment.load, rows);
      }
    }
    for (const [index, { fromMs, toMs }] of this.#free.entries()) {
      insert.run(...key, fromMs, toMs, epoch, sequence, load, this.#rowsOfFree[index] ?? 0);
    }
    this.#joinImported();
  }

  #joinImported(): void {
    const { dataType, window } = this.#job;
    const key = { source: this.#source, dataType };
    const touching = "source = :source and dataType = :dataType and fromMs <= :toMs and toMs >= :fromMs";
    const all = this.#database.prepare(
      `select min(fromMs) as fromMs, max(toMs) as toMs from imported where ${touching}`,
    ).get({ ...key, ...window });
    this.#database.prepare(`delete from imported where ${touching}`).run({ ...key, ...window });
    this.#database.prepare("insert or replace into imported values (:source, :dataType, :fromMs, :toMs)").run({
      ...key,
      fromMs: Math.min(window.fromMs, Number(all?.["fromMs"] ?? Infinity)),
      toMs: Math.max(window.toMs, Number(all?.["toMs"] ?? -Infinity)),
    });
  }

  #countQuarters(): void {
    const { dataType, window } = this.#job;
    const { name, time } = tableOf[dataType];
    const range = {
      source: this.#source,
      fromMs: Math.floor(window.fromMs / quarterMs) * quarterMs,
      toMs: Math.ceil(window.toMs / quarterMs) * quarterMs,
    };
    const counts = dataType === "interval"
      ? "sum(offered), sum(answered)"
      : dataType === "contact"
      ? "count(*), sum(answered <> 0)"
      : "count(*), 0";
    this.#database.prepare(
      "delete from quarter where source = :source and dataType = :dataType and at >= :fromMs and at < :toMs",
    ).run({ ...range, dataType });
    this.#database.prepare(
      `insert into quarter select source, :dataType, ${time} / ${quarterMs} * ${quarterMs} as at, ${counts} from ${name}
       where source = :source and ${time} >= :fromMs and ${time} < :toMs group by source, at`,
    ).run({ ...range, dataType });
  }
}

/**
 * Call centre systems drop their old rows. History that is read again then comes empty, which takes nothing away from any
 * other batch.
 */
function rankOf({ epoch, sequence, lane, window, declaredRows, refused }: LoadJob): Rank {
  const isPurged = lane === "history" && declaredRows + refused.rows === 0 &&
    window.toMs - window.fromMs >= purgedMsMin;
  return isPurged ? { epoch: -1, sequence } : { epoch, sequence };
}

function sourceKey(database: DatabaseSync, id: string): number {
  database.prepare("insert into source (id) values (?) on conflict do nothing").run(id);
  return Number(database.prepare("select key from source where id = ?").get(id)?.["key"]);
}
