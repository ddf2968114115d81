/** From the folder to the hub through the real spool. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import { Uploader } from "../../src/agent/uploader.ts";
import { realFileSystem } from "../../src/durable/real_file_system.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { CsvFolder } from "../../src/source/csv_folder.ts";
import { csvLedger, forgetCsvContent } from "../../src/state/csv_ledger.ts";
import { integrationKey } from "../../src/state/integration.ts";
import { assertEquals, assertMatch } from "../assert.ts";
import { eventually } from "../eventually.ts";
import { noise } from "../noise.ts";
import { captureLog } from "../fakes/captured_log.ts";
import { MemoryHub } from "../fakes/memory_hub.ts";
import { makeLink, openFixture } from "../spool/spool_fixture.ts";

/** Runs these while `act` does; fails with what ends one of them before. */
async function whileRunning(
  runs: readonly ((signal: AbortSignal) => Promise<unknown>)[],
  act: () => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const ends = runs.map((run) =>
    run(stop.signal).catch((error) => {
      if (error !== stop.signal.reason) throw error;
    })
  );
  const tooEarly = ends.map((end) => end.then(() => Promise.reject(new Error("It has ended by itself."))));
  try {
    await Promise.race([act(), ...tooEarly]);
  } finally {
    stop.abort();
    await Promise.all(ends);
  }
}

/** Runs folder, spool and uploader until the hub has as many batches. */
async function deliver(
  files: Iterable<readonly [string, Uint8Array]>,
  options: { count: number; bytesMax?: number },
): Promise<{ hub: MemoryHub; lines: string[] }> {
  const root = await Deno.realPath(await Deno.makeTempDir());
  using log = await captureLog();
  const imports = join(root, "import");
  await Deno.mkdir(imports);
  for (const [name, content] of files) await Deno.writeFile(join(imports, name), content);
  try {
    await using fixture = await openFixture(root, { link: makeLink(), bytesMax: options.bytesMax ?? 1e9 });
    const { spool, database } = fixture;
    const ledger = csvLedger(
      database,
      integrationKey(database, { accountId: "account-1", integrationId: "integration-1" }),
    );
    const unlinked = Promise.withResolvers<never>();
    const hub = new MemoryHub();
    const clock = systemClock;
    const source = new CsvFolder({ folder: imports, ownPaths: [], settleMs: 50, pollMs: 500, spool, ledger, clock });
    const onUnlinked = unlinked.reject;
    const uploader = new Uploader({ spool, client: hub, clock, random: Math.random, onUnlinked });
    const delivered = () =>
      eventually(() => spool.acknowledgedCount() >= options.count, { what: `${options.count} batches at the hub` });
    await whileRunning(
      [(signal) => source.run(signal), (signal) => uploader.run(signal)],
      () => Promise.race([delivered(), unlinked.promise]),
    );
    assertEquals(spool.waiting().batches, 0);
    assertEquals(spool.problem, undefined);
    return { hub, lines: log.lines() };
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

function digest(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** Contents at the hub, by their digests, sorted. */
function received(hub: MemoryHub): string[] {
  return [...hub.received.values()].map((payload) => digest(zstdDecompressSync(payload))).toSorted();
}

Deno.test("files of all sizes come through the real spool, each content once", async () => {
  const files = new Map<string, Uint8Array>();
  const sizes = [1, 2_000, 255_000, 1_048_576, 1_048_577, 5_000_000];
  for (const bytes of sizes) {
    const content = noise(bytes);
    files.set(`${bytes}.csv`, content);
    files.set(`copy of ${bytes}.csv`, content);
  }
  const { hub } = await deliver(files, { count: sizes.length });
  const wanted = sizes.map((bytes) => digest(files.get(`${bytes}.csv`) ?? new Uint8Array()));
  assertEquals(received(hub), wanted.toSorted());
});

Deno.test("a spool that is full holds files up and loses none", async () => {
  const files = new Map<string, Uint8Array>();
  for (let file = 0; file < 60; file++) files.set(`${file}.csv`, noise(60_000));
  const { hub, lines } = await deliver(files, { count: 60, bytesMax: 300_000 });
  assertEquals(received(hub), [...files.values()].map(digest).toSorted());
  assertEquals(lines.filter((line) => line.startsWith("error Cannot queue")), []);
});

Deno.test("a file for which the disk has no room is named, and the others go on", async () => {
  const root = await Deno.realPath(await Deno.makeTempDir());
  using log = await captureLog();
  try {
    const free = 1e6;
    const fs = { ...realFileSystem, freeBytes: () => Promise.resolve(free) };
    await using fixture = await openFixture(root, { fs });
    const { spool, database } = fixture;
    const folder = join(root, "import");
    await Deno.mkdir(folder);
    await Deno.writeFile(join(folder, "large.csv"), new Uint8Array(2 * free));
    const key = integrationKey(database, { accountId: "account-1", integrationId: "integration-1" });
    const ledger = csvLedger(database, key);
    const source = new CsvFolder({ folder, ownPaths: [], settleMs: 20, pollMs: 50, spool, ledger, clock: systemClock });
    await whileRunning([(signal) => source.run(signal)], async () => {
      await log.line(
        /^warning Cannot import large\.csv: it needs 20\d+ bytes, but the disk of the spool has room for \d+/,
      );
      assertMatch(source.problem ?? "", /"large\.csv" is waiting to be imported: it needs/);
      await Deno.writeTextFile(join(folder, "small.csv"), "small");
      await log.line(/Queued small/);
    });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("a file is read again after its batch was lost", async () => {
  const root = await Deno.realPath(await Deno.makeTempDir());
  using _log = await captureLog();
  try {
    await using fixture = await openFixture(root);
    const { spool, database } = fixture;
    const key = integrationKey(database, { accountId: "account-1", integrationId: "integration-1" });
    const folder = join(root, "import");
    await Deno.mkdir(folder);
    await Deno.writeTextFile(join(folder, "a.csv"), "1");
    const ledger = csvLedger(database, key);
    const source = new CsvFolder({ folder, ownPaths: [], settleMs: 20, pollMs: 50, spool, ledger, clock: systemClock });
    const read = () => eventually(() => spool.waiting().batches > 0, { what: "a.csv in the spool" });
    await whileRunning([(signal) => source.run(signal)], async () => {
      await read();
      const id = spool.next({ except: new Set(), limit: 1 })[0]?.declaration.id ?? "";
      await spool.setAside(id, "damaged");
      assertEquals(spool.waiting().batches, 0);
      for (const { batch } of fixture.lost) forgetCsvContent(database, key, { sha256: batch.sha256, reread: true });
      source.importNow();
      await read();
    });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
