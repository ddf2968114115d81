/** Files that another thread opens: on both ends of a port. */
import { join } from "node:path";
import { fileReason, versionOf } from "../../src/source/csv_file.ts";
import type { OpenImportFile } from "../../src/source/import_file.ts";
import { remoteFiles, serveFiles } from "../../src/source/remote_files.ts";
import { assertEquals, assertRejects } from "../assert.ts";

async function withFolder(act: (open: OpenImportFile, folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  const { port1, port2 } = new MessageChannel();
  serveFiles(port1, { folder: join(folder, "in") });
  try {
    await Deno.mkdir(join(folder, "in"));
    await act(remoteFiles(port2), folder);
  } finally {
    port1.close();
    port2.close();
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a file is read by the other thread in pieces, to its end, as the version that it is", () =>
  withFolder(async (open, folder) => {
    const path = join(folder, "in", "Größe.csv");
    await Deno.writeTextFile(path, "Größe;1\r\n");
    using file = await open(path);
    assertEquals(versionOf(await file.stat()), versionOf(await Deno.stat(path)));
    const [buffer, read] = [new Uint8Array(4), [] as number[]];
    for (let bytes = await file.read(buffer); bytes !== null; bytes = await file.read(buffer)) {
      read.push(...buffer.subarray(0, bytes));
    }
    assertEquals(new TextDecoder().decode(Uint8Array.from(read)), "Größe;1\r\n");
  }));

Deno.test("files that are opened and read at the same time are not mixed up, and a closed one is closed", () =>
  withFolder(async (open, folder) => {
    const contents = Array.from({ length: 50 }, (_, n) => `file ${n}`);
    const path = (content: string) => join(folder, "in", content);
    for (const content of contents) await Deno.writeTextFile(path(content), content);
    const files = await Promise.all(contents.map((content) => open(path(content))));
    const read = await Promise.all(files.map(async (file) => {
      const buffer = new Uint8Array(100);
      const bytes = await file.read(buffer) ?? 0;
      return new TextDecoder().decode(buffer.subarray(0, bytes));
    }));
    assertEquals(read, contents);
    for (const file of files) file[Symbol.dispose]();
    await assertRejects(() => files[0]?.stat(), /is not open/);
  }));

Deno.test("what cannot be opened is told as if this thread had tried; nothing outside of the folder is opened", () =>
  withFolder(async (open, folder) => {
    const secret = join(folder, "secret.csv");
    await Deno.writeTextFile(secret, "secret");
    await Deno.symlink(secret, join(folder, "in", "link.csv"));
    const reasons = ["missing.csv", "link.csv", "../secret.csv"].map(async (name) => {
      return fileReason(await assertRejects(() => open(join(folder, "in", name))));
    });
    const elsewhere = "it is not where it was when the agent started";
    assertEquals(await Promise.all(reasons), ["it does not exist", elsewhere, elsewhere]);
  }));
