/**
 * How an agent's costs grow with what it has already: batches in its ledgers, files in the import folder, batches that
 * wait, lines in its log. Processor time, since a disk's syncs cost the same however much there is.
 */
import { join } from "node:path";
import process from "node:process";
import { LogFile } from "../../../src/log/log_file.ts";
import { startState } from "../../../src/source/read_state.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { csvLedger } from "../../../src/state/csv_ledger.ts";
import { integrationKey } from "../../../src/state/integration.ts";
import { openStateDatabase } from "../../../src/state/state_database.ts";
import { windowLedger } from "../../../src/state/window_ledger.ts";
import { SimulatedDisk } from "../../durable/simulated_disk.ts";
import { withCsvFolder } from "../../source/csv_harness.ts";
import { makeLink, openFixture, put } from "../../spool/spool_fixture.ts";
import type { Measurement } from "../measurement.ts";

/** Operations that are measured together. */
const operations = 200;
/** Batches that are admitted at the same time while the spool is filled. */
const admittedAtOnce = 64;
const quarterMs = 900_000;
const firstMs = Date.UTC(2025, 0, 1);

/** Sizes are in the order in which they are measured. */
export async function benchGrowth({ sizes }: { sizes: readonly number[] }): Promise<Measurement[]> {
  const measured: Measurement[] = [];
  for (const [what, cost] of Object.entries(costs)) {
    for (const size of sizes) {
      const { microseconds, note } = await cost(size);
      measured.push({
        part: "growth",
        what: `${what}, ${size.toLocaleString("en")} there`,
        value: microseconds,
        unit: "µs",
        ...(note === undefined ? {} : { note }),
      });
    }
  }
  return measured;
}

interface Cost {
  readonly microseconds: number;
  readonly note?: string;
}

const costs: Readonly<Record<string, (size: number) => Promise<Cost>>> = {
  "a file in the ledger": fileInLedger,
  "a window in the ledger": windowInLedger,
  "a file of the import folder, each look": fileInFolder,
  "a batch through the spool": batchInSpool,
  "a line of the log": lineOfLog,
};

/** Looked up by its path and its content, and recorded. */
async function fileInLedger(size: number): Promise<Cost> {
  return await withFolder((folder) => {
    using database = openStateDatabase(join(folder, "state.db"));
    const ledger = csvLedger(database, integrationKey(database, { accountId: "a", integrationId: "i" }));
    const file = (n: number) => ({
      path: `/data/calls-${n}.csv`,
      bytes: 20_000,
      modifiedMs: firstMs + n,
      inode: String(n),
      sha256: n.toString(16).padStart(64, "0"),
    });
    database.transaction(() => {
      for (let n = 0; n < size; n++) ledger.record(file(n), { at: firstMs });
    });
    return Promise.resolve(perOperation((n) => {
      const next = file(size + n);
      ledger.file(next.path);
      ledger.hasContent(next.sha256);
      ledger.record(next, { at: firstMs });
    }));
  });
}

/** Asked whether it is as it was, and recorded: as live windows are, at the end of all the others. */
async function windowInLedger(size: number): Promise<Cost> {
  return await withFolder((folder) => {
    using database = openStateDatabase(join(folder, "state.db"));
    const ledger = windowLedger(database, integrationKey(database, { accountId: "a", integrationId: "i" }));
    ledger.setProgress({
      fingerprint: "",
      database: undefined,
      state: startState,
      historyFromMs: null,
      lastRegularMs: null,
      accepted: undefined,
    });
    const window = (n: number) => ({ fromMs: firstMs + n * quarterMs, toMs: firstMs + (n + 1) * quarterMs });
    const record = (n: number) =>
      ledger.record({
        ...window(n),
        sha256: "0".repeat(64),
        rows: 1,
        refused: 0,
        batchId: String(n),
        readAtMs: firstMs,
      });
    database.transaction(() => {
      for (let n = 0; n < size; n++) record(n);
    });
    return Promise.resolve(perOperation((n) => {
      // The one before is read again, since rows are written late.
      ledger.isUnchanged(window(size + n - 1), "0".repeat(64));
      ledger.isUnchanged(window(size + n), "0".repeat(64));
      record(size + n);
    }));
  });
}

/** After a restart, with every file taken in already, until one more is found. */
async function fileInFolder(size: number): Promise<Cost> {
  let cost: Cost = { microseconds: NaN };
  await withCsvFolder({ clock: systemClock, settleMs: 100, pollMs: 1e9 }, async (bench) => {
    for (let n = 0; n < size; n++) await bench.write(`${n}.csv`, `${n};`);
    const first = cpuMicroseconds();
    bench.start();
    await bench.admitted(size);
    const taken = (cpuMicroseconds() - first) / size;
    await bench.stop();
    await bench.write("new.csv", "new");
    const before = cpuMicroseconds();
    await bench.restart();
    await bench.admitted(size + 1);
    const note = `${Math.round(taken)} µs each when they were new`;
    cost = { microseconds: (cpuMicroseconds() - before) / (size + 1), note };
  });
  return cost;
}

/** Admitted, handed out and acknowledged while the others wait. On a disk of memory: only the work is counted. */
async function batchInSpool(size: number): Promise<Cost> {
  using database = openStateDatabase(":memory:");
  const disk = new SimulatedDisk({ random: () => 0 });
  await disk.makeFolder("/installation");
  await using fixture = await openFixture("/installation", { fs: disk, database, link: makeLink() });
  const { spool } = fixture;
  for (let n = 0; n < size; n += admittedAtOnce) {
    const some = Array.from(
      { length: Math.min(admittedAtOnce, size - n) },
      (_, index) => put(spool, `batch ${n + index}`),
    );
    await Promise.all(some);
  }
  const before = cpuMicroseconds();
  for (let n = 0; n < operations; n++) {
    await put(spool, `more ${n}`);
    const [batch] = spool.next({ except: new Set(), limit: 1 });
    if (batch === undefined) throw new Error("nothing waits");
    spool.acknowledge([{ batch: batch.declaration.id, receivedAt: new Date(firstMs).toISOString() }]);
  }
  const microseconds = (cpuMicroseconds() - before) / operations;
  const counted = perOperation(() => spool.waiting()).microseconds;
  return { microseconds, note: `counting them, every 5 s: ${Math.round(counted)} µs` };
}

async function lineOfLog(size: number): Promise<Cost> {
  return await withFolder((folder) => {
    const broken = (message: string) => {
      throw new Error(message);
    };
    using log = new LogFile({
      folder,
      clock: systemClock,
      noticeLine: (message) => message,
      onFailure: broken,
      onLost: broken,
    });
    const line = "2026-03-01T08:00:00.000Z INFO Delivered calls-20260301.csv (20,000 bytes) in 12 ms.";
    for (let n = 0; n < size; n++) log.write(line);
    return Promise.resolve(perOperation(() => log.write(line)));
  });
}

function perOperation(act: (n: number) => void): Cost {
  const before = cpuMicroseconds();
  for (let n = 0; n < operations; n++) act(n);
  return { microseconds: (cpuMicroseconds() - before) / operations };
}

async function withFolder<Result>(act: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "cloud-link-growth-" }));
  try {
    return await act(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function cpuMicroseconds(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
