import { CsvCandidates } from "../../src/source/csv_candidates.ts";
import { assertEquals } from "../assert.ts";

const settleMs = 1000;
const version = { bytes: 1, modifiedMs: 1, inode: "1" };

function candidates(): CsvCandidates {
  return new CsvCandidates({ settleMs, isKnown: () => false });
}

Deno.test("a file that falls due between two looks at the clock stays due until it is taken", () => {
  const files = candidates();
  files.seen("a.csv", version, 0);
  assertEquals(files.takeDue(settleMs - 1), []);
  // By now it is overdue: whoever waits until then does not wait at all.
  assertEquals(files.nextDueMs(), settleMs);
  assertEquals(files.takeDue(settleMs + 1).map(({ name }) => name), ["a.csv"]);
  assertEquals(files.nextDueMs(), Infinity);
});

Deno.test("a file that cannot be read waits longer each time, five minutes at most", () => {
  const files = candidates();
  const waits: number[] = [];
  for (let failures = 1; failures <= 12; failures++) {
    const isNews = files.failed("a.csv", { reason: "it is empty", version, nowMs: 0 });
    assertEquals(isNews, failures === 1);
    waits.push(files.nextDueMs());
    files.takeDue(Infinity);
  }
  assertEquals(waits.slice(0, 4), [1000, 2000, 4000, 8000]);
  assertEquals(waits.slice(-2), [300_000, 300_000]);
});
