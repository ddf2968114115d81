import { join } from "node:path";
import type { FileSystem } from "../../src/durable/file_system.ts";
import { isDiskFull } from "../../src/durable/file_system.ts";
import { realFileSystem } from "../../src/durable/real_file_system.ts";
import { replaceFile } from "../../src/durable/replace_file.ts";
import { makeSetAsideFolder } from "../../src/durable/set_aside.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { CrashError, SimulatedDisk } from "./simulated_disk.ts";

/** What every file system has to do, the simulated one as well: else its tests prove nothing. */
function contract(name: string, open: () => Promise<{ fs: FileSystem; root: string; close: () => Promise<void> }>) {
  Deno.test(`${name} keeps to the contract of a file system`, async () => {
    const { fs, root, close } = await open();
    try {
      const folder = join(root, "a", "b");
      const path = join(folder, "file");
      await fs.makeFolder(folder);
      await fs.makeFolder(folder);
      {
        using file = await fs.create(path);
        await file.write(new TextEncoder().encode("hello "));
        await file.sync();
      }
      {
        using file = await fs.append(path);
        await file.write(new TextEncoder().encode("world"));
      }
      assert((await assertRejects(() => fs.create(path))) instanceof Deno.errors.AlreadyExists);
      assertEquals(new TextDecoder().decode(await fs.read(path, { offset: 6, bytes: 100 })), "world");
      assertEquals((await fs.read(path, { offset: 0, bytes: 5 })).length, 5);
      assertEquals(await fs.list(folder), [{ name: "file", isFile: true, bytes: 11 }]);
      assertEquals((await fs.list(join(root, "a"))).map(({ name, isFile }) => ({ name, isFile })), [
        { name: "b", isFile: false },
      ]);
      await fs.rename(path, join(folder, "other"));
      await fs.syncFolder(folder);
      assert((await assertRejects(() => fs.read(path, { offset: 0, bytes: 1 }))) instanceof Deno.errors.NotFound);
      assert((await assertRejects(() => fs.append(path))) instanceof Deno.errors.NotFound);
      await fs.remove(join(folder, "other"));
      await fs.remove(join(folder, "other"));
      assertEquals(await fs.list(folder), []);
      assert(await fs.freeBytes(folder) > 0);
    } finally {
      await close();
    }
  });
}

contract("real file system", async () => {
  const root = await Deno.makeTempDir();
  return { fs: realFileSystem, root, close: () => Deno.remove(root, { recursive: true }) };
});
contract(
  "simulated disk",
  () => Promise.resolve({ fs: new SimulatedDisk({ random: () => 0 }), root: "/root", close: () => Promise.resolve() }),
);

Deno.test("replaced file has the old or the new content after a crash at any write", async () => {
  for (const chance of [0, 0.4, 0.6, 0.9]) {
    for (let crashAt = 1, hasCrashed = true; hasCrashed; crashAt++) {
      const fs = new SimulatedDisk({ random: () => chance });
      await fs.makeFolder("/d");
      await replaceFile("/d/file", "old", { fs });
      fs.crashAt = fs.points + crashAt;
      let done = false;
      try {
        await replaceFile("/d/file", "new content", { fs });
        done = true;
      } catch (error) {
        if (!(error instanceof CrashError)) throw error;
      }
      hasCrashed = fs.hasCrashed;
      fs.restart();
      const content = new TextDecoder().decode(await fs.read("/d/file", { offset: 0, bytes: 100 }));
      assert(content === "new content" || (!done && content === "old"), `crash ${crashAt}: "${content}"`);
      await replaceFile("/d/file", "again", { fs });
    }
  }
});

Deno.test("replaced file keeps its old content when the disk is full", async () => {
  const fs = new SimulatedDisk({ random: () => 0 });
  await fs.makeFolder("/d");
  await replaceFile("/d/file", "old", { fs });
  fs.spaceLeft = 2;
  const error = await assertRejects(() => replaceFile("/d/file", "new content", { fs }));
  assert(isDiskFull(error));
  assertEquals((await fs.list("/d")).map(({ name }) => name), ["file"]);
});

Deno.test("real file system makes files and folders that are private, and tells a full disk", async () => {
  if (Deno.build.os === "windows") return;
  const root = await Deno.makeTempDir();
  try {
    await realFileSystem.makeFolder(join(root, "folder"));
    await replaceFile(join(root, "folder", "file"), "x", { fs: realFileSystem });
    assertEquals(((await Deno.stat(join(root, "folder"))).mode ?? 0) & 0o777, 0o700);
    assertEquals(((await Deno.stat(join(root, "folder", "file"))).mode ?? 0) & 0o777, 0o600);
    using full = await realFileSystem.append("/dev/full");
    assert(isDiskFull(await assertRejects(() => full.write(new Uint8Array(1)))));
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("things set aside within one second get folders of their own", async () => {
  const fs = new SimulatedDisk({ random: () => 0 });
  const now = Date.parse("2026-02-03T04:05:06.789Z");
  const folders = [];
  for (let n = 0; n < 3; n++) folders.push(await makeSetAsideFolder("/set-aside", "spool", { fs, now }));
  assertEquals(folders, [
    "/set-aside/2026-02-03T040506Z-spool",
    "/set-aside/2026-02-03T040506Z-spool.2",
    "/set-aside/2026-02-03T040506Z-spool.3",
  ]);
});
