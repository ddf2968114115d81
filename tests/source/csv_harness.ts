/** A CSV folder at work: a real folder, the real ledger, a spool in memory. */
import { join } from "node:path";
import type { Clock } from "../../src/runtime/clock.ts";
import { CsvFolder } from "../../src/source/csv_folder.ts";
import type { CsvLedger } from "../../src/source/csv_intake.ts";
import { csvLedger } from "../../src/state/csv_ledger.ts";
import { integrationKey } from "../../src/state/integration.ts";
import { openStateDatabase } from "../../src/state/state_database.ts";
import { type CapturedLog, captureLog } from "../fakes/captured_log.ts";
import { fastClock } from "../fakes/fast_clock.ts";
import { MemorySpool, type MemorySpoolOptions } from "../fakes/memory_spool.ts";

export interface CsvBench {
  readonly folder: string;
  readonly spool: MemorySpool;
  readonly log: CapturedLog;
  readonly source: CsvFolder;
  /** Writes and closes a file. */
  write(name: string, content: string): Promise<void>;
  /** Resolves when so many batches were admitted in all, with the names in order. */
  admitted(count: number): Promise<string[]>;
  start(): void;
  /** Stops it and begins a new one with the same ledger. */
  restart(): Promise<void>;
  stop(): Promise<void>;
  /** Resolves when the source has ended by itself, with why. */
  ended(): Promise<unknown>;
}

export interface CsvBenchOptions extends MemorySpoolOptions {
  /** In ms of the clock, which is 20 times as fast. */
  readonly settleMs?: number;
  readonly pollMs?: number;
  readonly clock?: Clock;
  /** Names in the folder that are the agent's own. */
  readonly own?: readonly string[];
  /** Called before the ledger is asked. */
  readonly onLedger?: () => void;
}

/** Never, as far as a test is concerned, in ms. */
export const neverMs = 1e9;

/** Runs `act` with a new folder and cleans up after it. */
export async function withCsvFolder(options: CsvBenchOptions, act: (bench: CsvBench) => Promise<void>): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  using log = await captureLog();
  using database = openStateDatabase(":memory:");
  const { onLedger = () => {} } = options;
  const real = csvLedger(database, integrationKey(database, { accountId: "a", integrationId: "i" }));
  const ledger: CsvLedger = {
    ...real,
    file(path) {
      onLedger();
      return real.file(path);
    },
  };
  const spool = new MemorySpool(options);
  const { settleMs = 1000, pollMs = 500, clock = fastClock(20), own = [] } = options;
  const ownPaths = own.map((name) => join(folder, name));
  const make = () => new CsvFolder({ folder, ownPaths, settleMs, pollMs, spool, ledger, clock });
  let source = make();
  let stop = new AbortController();
  let running: Promise<void> | undefined;
  const bench: CsvBench = {
    folder,
    spool,
    log,
    get source() {
      return source;
    },
    write: (name, content) => Deno.writeTextFile(join(folder, name), content),
    async admitted(count) {
      await Promise.race([spool.until(() => spool.admitted.length >= count), running]);
      return spool.admitted.map(({ fileName }) => fileName);
    },
    start() {
      stop = new AbortController();
      const { signal } = stop;
      running = source.run(signal).catch((error) => {
        if (error !== signal.reason) throw error;
      });
    },
    async stop() {
      stop.abort();
      await running;
      running = undefined;
    },
    async ended() {
      const reason = await running?.then(() => undefined, (error: unknown) => error);
      running = undefined;
      return reason;
    },
    async restart() {
      await bench.stop();
      source = make();
      bench.start();
    },
  };
  try {
    await act(bench);
  } finally {
    await bench.stop();
    await Deno.remove(folder, { recursive: true });
  }
}
