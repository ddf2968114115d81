/** Reads a sparse file of 2 GB by a CSV folder and prints by how much the process grew; run by `csv_scale_test.ts`. */
import { join } from "node:path";
import { withCsvFolder } from "./csv_harness.ts";

const mebibyte = 1024 * 1024;
const bytes = 2 * 1024 * mebibyte;

await withCsvFolder({}, async (bench) => {
  using file = await Deno.create(join(bench.folder, "large.csv"));
  await file.truncate(bytes);
  const before = Deno.memoryUsage().rss;
  let most = before;
  const sampling = setInterval(() => most = Math.max(most, Deno.memoryUsage().rss), 20);
  bench.start();
  await bench.write("small.csv", "small");
  await bench.admitted(2);
  clearInterval(sampling);
  const admitted = bench.spool.admitted.map(({ fileName }) => fileName);
  if (bench.spool.admitted.at(-1)?.bytes !== bytes) throw new Error("the large file is not whole");
  const grewByMebibytes = Math.round((most - before) / mebibyte);
  await Deno.stdout.write(new TextEncoder().encode(JSON.stringify({ admitted, grewByMebibytes })));
});
