/** Many files and large ones. */
import { fileURLToPath } from "node:url";
import { systemClock } from "../../src/runtime/clock.ts";
import { assert, assertEquals } from "../assert.ts";
import { withCsvFolder } from "./csv_harness.ts";

Deno.test("csv folder takes 10,000 files, and opens none of them again after a restart", () =>
  withCsvFolder({ clock: systemClock, settleMs: 100, pollMs: 200 }, async (bench) => {
    const count = 10_000;
    for (let file = 0; file < count; file++) await bench.write(`${file}.csv`, `${file};`.repeat(300));
    bench.start();
    await bench.admitted(count);
    assertEquals(new Set(bench.spool.admitted.map(({ fileName }) => fileName)).size, count);
    await bench.restart();
    await bench.write("new.csv", "new");
    await bench.admitted(count + 1);
    assertEquals(bench.spool.opened, count + 1, "only the new one was opened");
  }));

Deno.test("csv folder reads a file of 2 GB in bounded memory", async () => {
  // In a process of its own: other tests run beside this one, and their memory is not its.
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-check",
      "--allow-all",
      fileURLToPath(new URL("./csv_large_file.ts", import.meta.url)),
    ],
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  const { admitted, grewByMebibytes } = JSON.parse(new TextDecoder().decode(stdout));
  assertEquals(admitted, ["small.csv", "large.csv"], "the large one does not hold up the small one");
  assert(grewByMebibytes < 128, `${grewByMebibytes} MiB more`);
});
