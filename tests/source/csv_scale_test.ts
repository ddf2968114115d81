/** Many files and large ones. */
import process from "node:process";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../src/runtime/clock.ts";
import { assert, assertEquals } from "../assert.ts";
import { withCsvFolder } from "./csv_harness.ts";

const mebibyte = 1024 * 1024;

Deno.test("csv folder takes 10,000 files, and opens none of them again after a restart", () =>
  withCsvFolder({ clock: systemClock, settleMs: 100, pollMs: 200 }, async (bench) => {
    const count = 10_000;
    for (let file = 0; file < count; file++) await bench.write(`${file}.csv`, `${file};`.repeat(300));
    const startedMs = performance.now();
    bench.start();
    await bench.admitted(count);
    const tookMs = performance.now() - startedMs;
    assertEquals(new Set(bench.spool.admitted.map(({ fileName }) => fileName)).size, count);
    // A restart opens none of them.
    await bench.restart();
    const before = Deno.memoryUsage().rss;
    const cpuBefore = cpuMs();
    await systemClock.sleep(1000, new AbortController().signal); // five polls
    const cpuShare = (cpuMs() - cpuBefore) / 1000;
    assertEquals(bench.spool.opened, count);
    const newMs = performance.now();
    await bench.write("new.csv", "new");
    await bench.admitted(count + 1);
    report({
      filesPerSecond: Math.round(count / (tookMs / 1000)),
      newFileMs: Math.round(performance.now() - newMs),
      cpuShare,
      rssMebibytes: Math.round(before / mebibyte),
    });
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
  report({ grewByMebibytes });
  assert(grewByMebibytes < 128, `${grewByMebibytes} MiB more`);
});

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Figures for whoever runs this by hand. */
function report(figures: Record<string, number>): void {
  if (Deno.env.get("BENCH")) Deno.stderr.writeSync(new TextEncoder().encode(`${JSON.stringify(figures)}\n`));
}
