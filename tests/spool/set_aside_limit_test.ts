import { realFileSystem } from "../../src/durable/real_file_system.ts";
import { makeSetAsideFolder } from "../../src/durable/set_aside.ts";
import { SetAsideLimit } from "../../src/spool/set_aside_limit.ts";
import { assertEquals } from "../assert.ts";
import { captureLog } from "../fakes/captured_log.ts";

const fs = realFileSystem;

async function withFolder(act: (setAside: string) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    await act(`${root}/set-aside`);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

async function put(setAside: string, { why, second, bytes }: { why: string; second: number; bytes: number }) {
  const folder = await makeSetAsideFolder(setAside, why, { fs, now: Date.UTC(2026, 0, 1, 0, 0, second) });
  await Deno.writeFile(`${folder}/x.batch`, new Uint8Array(bytes));
  return folder;
}

async function names(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).toSorted();
}

Deno.test("of the batches that were set aside the oldest go, which the log tells; the rest is left alone", () =>
  withFolder(async (setAside) => {
    using log = await captureLog();
    await put(setAside, { why: "other-owner", second: 0, bytes: 1_000 });
    for (let n = 1; n <= 11; n++) await put(setAside, { why: "batch", second: 1, bytes: 10 });
    const limit = new SetAsideLimit(setAside, { fs, setAsideLimits: { bytesMax: 100, batchesMax: 3 } });
    await limit.added(await put(setAside, { why: "batch", second: 2, bytes: 30 }));
    const kept = ["2026-01-01T000000Z-other-owner", "2026-01-01T000001Z-batch.10", "2026-01-01T000001Z-batch.11"];
    assertEquals(await names(setAside), [...kept, "2026-01-01T000002Z-batch"]);
    await limit.added(await put(setAside, { why: "batch", second: 3, bytes: 65 }));
    assertEquals((await names(setAside)).slice(1), ["2026-01-01T000002Z-batch", "2026-01-01T000003Z-batch"]);
    await limit.added(await put(setAside, { why: "batch", second: 4, bytes: 500 }));
    assertEquals((await names(setAside)).slice(1), ["2026-01-01T000004Z-batch"], "the newest stays, however large");
    assertEquals(log.lines().length, 13);
    assertEquals(
      log.lines().at(-1),
      `warning Removed ${setAside}/2026-01-01T000003Z-batch, the oldest batch that was set aside: there were more than are kept.`,
    );
  }));

Deno.test("of batches that are set aside at the same time no more are kept either", () =>
  withFolder(async (setAside) => {
    using log = await captureLog();
    const limit = new SetAsideLimit(setAside, { fs, setAsideLimits: { bytesMax: 1_000, batchesMax: 3 } });
    for (let round = 0; round < 4; round++) {
      const seconds = [1, 2, 3].map((n) => 3 * round + n);
      const folders = await Promise.all(seconds.map((second) => put(setAside, { why: "batch", second, bytes: 10 })));
      await Promise.all(folders.map((folder) => limit.added(folder)));
    }
    assertEquals(await names(setAside), [10, 11, 12].map((second) => `2026-01-01T0000${second}Z-batch`));
    assertEquals(new Set(log.lines()).size, 9);
    assertEquals(log.lines().length, 9);
  }));
