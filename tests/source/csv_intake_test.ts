import { join } from "node:path";
import { systemClock } from "../../src/runtime/clock.ts";
import { versionOf } from "../../src/source/csv_file.ts";
import { CsvIntake, type CsvLedger } from "../../src/source/csv_intake.ts";
import { assertEquals, assertRejects } from "../assert.ts";
import { noise } from "../noise.ts";
import { openFixture } from "../spool/spool_fixture.ts";

const mebibyte = 1024 * 1024;

Deno.test("a ledger that fails keeps nothing of the spool's room", async () => {
  const root = await Deno.realPath(await Deno.makeTempDir());
  try {
    await using fixture = await openFixture(root, { bytesMax: 4 * mebibyte });
    const { spool } = fixture;
    let locked = true;
    const ledger: CsvLedger = {
      file: () => undefined,
      hasContent() {
        if (locked) throw new Error("database is locked");
        return false;
      },
      record() {},
      forgetFiles() {},
    };
    const intake = new CsvIntake({ spool, ledger, clock: systemClock });
    const path = join(root, "a.csv");
    const content = noise(1.5 * mebibyte);
    await Deno.writeFile(path, content);
    const take = async () => {
      const file = { path, realPath: path, version: versionOf(await Deno.lstat(path)), isBeingWritten: () => false };
      return await intake.take(file, AbortSignal.timeout(10_000));
    };
    for (let n = 0; n < 4; n++) await assertRejects(take, /database is locked/);
    assertEquals(await Array.fromAsync(Deno.readDir(join(root, "spool", "incoming"))), []);
    locked = false;
    assertEquals(await take(), { state: "admitted" });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
