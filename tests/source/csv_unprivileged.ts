/** Imports the folder given as argument until two files are in, as whoever runs it, and prints what happened. */
import { CsvFolder } from "../../src/source/csv_folder.ts";
import { captureLog } from "../fakes/captured_log.ts";
import { fastClock } from "../fakes/fast_clock.ts";
import { MemorySpool } from "../fakes/memory_spool.ts";

const [folder = ""] = Deno.args;
using log = await captureLog();
const spool = new MemorySpool();
const known = new Set<string>();
const ledger = {
  hasContent: (sha256: string) => known.has(sha256),
  file: () => undefined,
  record: ({ sha256 }: { sha256: string }) => void known.add(sha256),
  forgetFiles: () => {},
};
const clock = fastClock(20);
const source = new CsvFolder({ folder, ownPaths: [], settleMs: 500, pollMs: 500, spool, ledger, clock });
const stop = new AbortController();
const running = source.run(stop.signal).catch(() => {});
await log.line(/Cannot import/);
await Deno.writeTextFile(`${folder}/ready`, "");
await spool.until(() => spool.admitted.length === 2);
await log.line(/Queued secret/);
stop.abort();
await running;
const output = JSON.stringify({ names: spool.admitted.map(({ fileName }) => fileName), lines: log.lines() });
await Deno.stdout.write(new TextEncoder().encode(output));
