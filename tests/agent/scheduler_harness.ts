/** A scheduler with a real database, spool and ledger, a clock that jumps, and a model of the hub. */
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { setImmediate } from "node:timers";
import { zstdDecompressSync } from "node:zlib";
import { parse } from "csv-parse/sync";
import { Scheduler } from "../../src/agent/scheduler.ts";
import type { QueryRunner, Reach } from "../../src/agent/scheduler_ports.ts";
import { realFileSystem } from "../../src/durable/real_file_system.ts";
import { ExtractError } from "../../src/extractor/watch.ts";
import type { ExtractJob, ExtractResult } from "../../src/extractor/messages.ts";
import { openDatabase } from "../../src/extractor/open_database.ts";
import { runJob } from "../../src/extractor/run_job.ts";
import { databaseIdentity } from "../../src/cli/run/database_identity.ts";
import type { DatabaseSource } from "../../src/protocol/database.ts";
import type { BatchOrigin } from "../../src/protocol/delivery.ts";
import type { Link } from "../../src/protocol/linking.ts";
import { type Clock, systemClock } from "../../src/runtime/clock.ts";
import { approveQuery } from "../../src/source/query_approval.ts";
import type { Window } from "../../src/source/read_state.ts";
import { wallText } from "../../src/source/time_zone.ts";
import { type DiskSpool, openSpool } from "../../src/spool/disk_spool.ts";
import { integrationKey, integrationNameOf } from "../../src/state/integration.ts";
import { enterEpoch } from "../../src/state/link_epoch.ts";
import { openStateDatabase, type StateDatabase } from "../../src/state/state_database.ts";
import { acceptedQueries, type WindowLedger, windowLedger } from "../../src/state/window_ledger.ts";
import { HubModel, type ModelRow } from "../source/hub_model.ts";

type QueryOrigin = Extract<BatchOrigin, { kind: "query" }>;

const link: Link = { id: "l1", account: { id: "a1", name: "Account" }, integration: { id: "i1", name: "Integration" } };

/** A clock that stands still until it is moved; sleepers wake in order. */
export class JumpingClock implements Clock {
  #nowMs: number;
  #sleepers: { atMs: number; wake: () => void }[] = [];
  /** Work under way: the clock stands still meanwhile. */
  busy = 0;

  constructor(nowMs: number) {
    this.#nowMs = nowMs;
  }

  now(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const onAbort = () => {
        this.#sleepers = this.#sleepers.filter((each) => each !== sleeper);
        reject(signal.reason);
      };
      const sleeper = {
        atMs: this.#nowMs + Math.max(ms, 1),
        wake: () => {
          signal.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      this.#sleepers.push(sleeper);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** Moves on to `ms`, waking every sleeper on the way at its time. */
  async advanceTo(ms: number): Promise<void> {
    for (;;) {
      await this.settle();
      const next = this.#sleepers.toSorted((a, b) => a.atMs - b.atMs)[0];
      if (!next || next.atMs > ms) break;
      this.#sleepers = this.#sleepers.filter((each) => each !== next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.wake();
    }
    this.#nowMs = ms;
  }

  /** Resolves when nothing is under way but sleeping. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 5;) {
      await new Promise((resolve) => setImmediate(resolve));
      quiet = this.busy === 0 ? quiet + 1 : 0;
    }
  }

  /** Counts `work` as under way. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.busy++;
    try {
      return await work();
    } finally {
      this.busy--;
    }
  }
}

/** What a test can look at and change. */
export class World implements AsyncDisposable {
  readonly folder: string;
  readonly clock: JumpingClock;
  readonly state: StateDatabase;
  readonly spool: DiskSpool;
  readonly ledger: WindowLedger;
  readonly jobs: { lane: "live" | "history"; job: ExtractJob; atMs: number }[] = [];
  /** Thrown instead of a query, while set. */
  failure: ((job: ExtractJob) => ExtractError | undefined) | undefined;
  /** What the database's session has to say. */
  remarks: readonly string[] = [];
  /** How long a query takes by the clock, in ms. */
  durationMs: (job: ExtractJob) => number = () => 100;
  source: DatabaseSource;
  readonly #database: DatabaseSync;
  #running: { stop: AbortController; done: Promise<void>; scheduler: Scheduler } | undefined;
  readonly #live = { live: 0, history: 0 };
  readonly #batches: (Window & { sequence: number; origin: QueryOrigin; rows: ModelRow[] })[] = [];

  private constructor(
    parts: { folder: string; clock: JumpingClock; state: StateDatabase; spool: DiskSpool; source: DatabaseSource },
  ) {
    this.folder = parts.folder;
    this.clock = parts.clock;
    this.state = parts.state;
    this.spool = parts.spool;
    this.source = parts.source;
    const key = integrationKey(parts.state, integrationNameOf(link));
    this.ledger = windowLedger(parts.state, key);
    this.#database = new DatabaseSync(join(parts.folder, "calls.db"));
    this.#database.exec(
      "CREATE TABLE IF NOT EXISTS contact (id TEXT, timestamp TEXT, answered INTEGER); CREATE INDEX i ON contact (timestamp)",
    );
  }

  static async make(options: { nowMs: number; source?: Partial<DatabaseSource> }): Promise<World> {
    const folder = await Deno.realPath(await Deno.makeTempDir());
    const state = openStateDatabase(join(folder, "state.db"));
    const spool = await openSpool({
      folder: join(folder, "spool"),
      setAsideFolder: join(folder, "set-aside"),
      fs: realFileSystem,
      database: state,
      clock: systemClock,
      limits: { bytesMax: 1e9, freeBytesMin: 0, keepDays: 7 },
      onLost: () => {},
    });
    spool.use(link);
    const source: DatabaseSource = {
      type: "database",
      databaseType: "sqlite",
      connection: { by: "file", file: "calls.db" },
      dataType: "contact",
      timeZone: "Europe/Berlin",
      query: "SELECT id AS queueidentifier, 'Q' AS queuename, timestamp, answered FROM contact",
      everyMinutes: 30,
      historyFrom: null,
      reconciliation: true,
      realTime: false,
      ...options.source,
    };
    return new World({ folder, clock: new JumpingClock(options.nowMs), state, spool, source });
  }

  insert(id: string, wallMs: number): void {
    this.#database.prepare("INSERT INTO contact VALUES (?, ?, 1)").run(id, wallText(wallMs));
  }

  execute(sql: string): void {
    this.#database.exec(sql);
  }

  sourceIds(where = "1 = 1"): string[] {
    return this.#database.prepare(`SELECT id FROM contact WHERE ${where}`).all().map((row) => String(row.id)).sort();
  }

  get scheduler(): Scheduler | undefined {
    return this.#running?.scheduler;
  }

  start(options: { allowQueryChanges?: boolean; verbose?: boolean } = {}): void {
    const stop = new AbortController();
    const { clock, spool } = this;
    const scheduler = new Scheduler({
      integration: link.integration.name,
      source: this.source,
      reach: this.#reach(),
      ledger: this.ledger,
      spool: {
        reserve: (wanted) =>
          clock.during(async () => {
            const place = await spool.reserve(wanted);
            const dispose = () => clock.during(async () => await place[Symbol.asyncDispose]());
            return { path: place.path, [Symbol.asyncDispose]: dispose };
          }),
        admit: (file, how) => clock.during(() => spool.admit(file, how)),
      },
      batchBytesMax: 1e8,
      live: this.#runner("live"),
      history: this.#runner("history"),
      clock,
      random: () => 0.5,
      verbose: options.verbose ?? false,
      approve: (query) =>
        approveQuery(query, {
          allowQueryChanges: options.allowQueryChanges ?? true,
          accepted: acceptedQueries(this.state),
        }),
    });
    const done = scheduler.run(stop.signal).catch((error: unknown) => {
      if (!stop.signal.aborted) throw error;
    });
    this.#running = { stop, done, scheduler };
  }

  #reach(): Reach {
    const { source, folder } = this;
    const { connection } = source;
    if (connection.by !== "file") throw new Error("not an SQLite file");
    return {
      connection,
      database: databaseIdentity(connection, { databaseType: source.databaseType, folder }),
      sqliteFolders: [folder],
      folder,
    };
  }

  /** As the agent does at a pause, at an unlinking and at its end. */
  async stop(): Promise<void> {
    this.#running?.stop.abort(new Error("stopped"));
    await this.#running?.done;
    this.#running = undefined;
  }

  /** Delivers what waits. */
  async deliver(): Promise<void> {
    for (;;) {
      const batch = this.spool.next({ except: new Set(), limit: 1 })[0];
      if (!batch) return;
      const { declaration } = batch;
      const { origin } = declaration;
      if (origin.kind !== "query") throw new Error("not a query's batch");
      const content = zstdDecompressSync(await batch.read(0, declaration.payloadBytes)).toString();
      const records = parse(content, { columns: true }) as { queueidentifier: string; timestamp: string }[];
      if (records.length !== origin.rows) throw new Error(`declared ${origin.rows} rows, found ${records.length}`);
      const rows = records.map((row) => ({
        id: row.queueidentifier,
        wallMs: Date.parse(`${row.timestamp.replace(" ", "T")}Z`),
      }));
      const { from, to } = origin.window;
      const { sequence } = declaration;
      this.#batches.push({ sequence, origin, fromMs: Date.parse(from), toMs: Date.parse(to), rows });
      this.spool.acknowledge([{ batch: declaration.id, receivedAt: new Date().toISOString() }]);
    }
  }

  /** Linked under this epoch from now on, as the hub says. */
  linked(epoch: number): void {
    const { account, integration } = link;
    const key = integrationKey(this.state, { accountId: account.id, integrationId: integration.id });
    this.state.transaction(() => enterEpoch(this.state, key, epoch));
  }

  /** Another installation, whose database is empty, has read everything. */
  replaceAtHub(): void {
    const last = this.#batches.toSorted((a, b) => a.sequence - b.sequence).at(-1);
    if (last) this.#batches.push({ ...last, fromMs: -Infinity, toMs: Infinity, rows: [] });
  }

  get delivered(): number {
    return this.#batches.length;
  }

  /** The content of the batch with the highest running number. */
  newestSha256(): string {
    const row = this.state.get<{ declaration: string }>("SELECT declaration FROM batch ORDER BY sequence DESC LIMIT 1");
    return row ? JSON.parse(row.declaration).sha256 : "";
  }

  /** What the hub has in the end: for a window the highest running number wins. Only rows declared as the source is. */
  hubIds(): string[] {
    const { dataType, timeZone } = this.source;
    const hub = new HubModel(timeZone);
    for (const batch of this.#batches.toSorted((a, b) => a.sequence - b.sequence)) {
      const isAsNow = batch.origin.dataType === dataType && batch.origin.timeZone === timeZone;
      hub.replace(batch, isAsNow ? batch.rows : []);
    }
    return hub.ids();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.spool[Symbol.asyncDispose]();
    this.state[Symbol.dispose]();
    this.#database.close();
    await Deno.remove(this.folder, { recursive: true });
  }

  /** The extractor's work, in this process. */
  #runner(lane: "live" | "history"): QueryRunner {
    return {
      run: async (job, { signal }) => {
        this.jobs.push({ lane, job, atMs: this.clock.now() });
        if (++this.#live[lane] > 1) throw new Error(`Two queries of ${lane} at the same time`);
        try {
          const durationMs = Math.round(this.durationMs(job));
          const failure = this.failure?.(job);
          if (durationMs > 100) await this.clock.sleep(durationMs, signal);
          if (failure) throw failure;
          return await this.clock.during(() => this.#extract(job, { durationMs, signal }));
        } finally {
          this.#live[lane]--;
        }
      },
      rest: () => Promise.resolve(),
    };
  }

  async #extract(
    job: ExtractJob,
    { durationMs, signal }: { durationMs: number; signal: AbortSignal },
  ): Promise<ExtractResult> {
    try {
      await using database = await openDatabase(job, signal);
      const surroundings = {
        database,
        fs: realFileSystem,
        clock: systemClock,
        signal,
        onProgress: () => {},
        described: new Map(),
      };
      const result = await runJob(job, surroundings);
      return { ...result, durationMs, memoryBytes: 0, remarks: [...this.remarks, ...result.remarks] };
    } catch (error) {
      throw new ExtractError(String(error), { failure: "database", cause: error });
    }
  }
}
