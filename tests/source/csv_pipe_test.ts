/** A pipe in the import folder, for which Deno's watcher waits: in a file, and so with a watcher, of its own. */
import { join } from "node:path";
import { assertEquals, assertMatch } from "../assert.ts";
import { withCsvFolder } from "./csv_harness.ts";

Deno.test({
  name: "csv folder names a pipe in it, and goes on without events after a restart too",
  ignore: Deno.build.os === "windows",
  // The first watch is left as it is.
  sanitizeOps: false,
  sanitizeResources: false,
  fn: () =>
    withCsvFolder({}, async (bench) => {
      const pipe = join(bench.folder, "pipe");
      bench.start();
      await bench.write("a.csv", "a");
      await bench.admitted(1);
      await new Deno.Command("mkfifo", { args: [pipe] }).output();
      const told = await bench.log.line(/^warning Cannot watch/);
      assertMatch(told, /it contains the pipe "pipe"; move it elsewhere and restart the agent\. New files are found/);
      await bench.restart();
      await bench.write("b.csv", "b");
      await bench.admitted(2);
      assertEquals(bench.log.lines().filter((line) => line.startsWith("warning")), [told, told]);
      // Lets the watcher go, which would keep this process from ending.
      using _writer = await Deno.open(pipe, { read: true, write: true });
      await Deno.remove(pipe);
    }),
});
