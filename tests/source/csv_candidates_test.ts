import { CsvCandidates } from "../../src/source/csv_candidates.ts";
import { assert, assertEquals } from "../assert.ts";

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

Deno.test("a file that is written again after it was closed is not read until it is closed again", () => {
  const files = new CsvCandidates({ settleMs, openSettleMs: 10 * settleMs, isKnown: () => false });
  files.noticed("a.csv", "closed", 0);
  files.noticed("a.csv", "written", 0);
  files.seen("a.csv", version, 0);
  assertEquals(files.takeDue(9 * settleMs), []);
  files.noticed("a.csv", "closed", 9 * settleMs);
  assertEquals(files.takeDue(10 * settleMs), [{ name: "a.csv", version: undefined, finish: "closed" }]);
  files.noticed("a.csv", "written", 9 * settleMs);
  assert(files.isBeingWritten("a.csv"));
  files.unsettled("a.csv", version, 9 * settleMs);
  assertEquals(files.nextDueMs(), 19 * settleMs);
});

Deno.test("a file that is closed while it is found unfinished has its turn before it would have settled", () => {
  const files = candidates();
  files.noticed("a.csv", "closed", 0);
  files.takeDue(settleMs / 2);
  files.noticed("a.csv", "written", settleMs / 2);
  files.noticed("a.csv", "closed", settleMs / 2);
  files.unsettled("a.csv", version, settleMs / 2);
  assertEquals(files.takeDue(settleMs).map(({ finish }) => finish), ["closed"]);
});

Deno.test("a file that was gone when it was looked at, and renamed in meanwhile, has its turn again", () => {
  const files = candidates();
  files.noticed("a.csv", "renamed", 0);
  files.takeDue(0);
  files.noticed("a.csv", "renamed", 1);
  files.vanished("a.csv");
  assertEquals(files.takeDue(1), [{ name: "a.csv", version: undefined, finish: "renamed" }]);
  files.vanished("a.csv");
  assertEquals(files.takeDue(Infinity), []);
});

Deno.test("a file that was linked into the folder settles as others do: nobody will close it", () => {
  const files = new CsvCandidates({ settleMs, openSettleMs: 10 * settleMs, isKnown: () => false });
  files.noticed("a.csv", "created", 0);
  files.seen("a.csv", version, 0);
  assertEquals(files.nextDueMs(), settleMs);
});

Deno.test("a file is not taken for open because its rights were changed", () => {
  const files = new CsvCandidates({ settleMs, openSettleMs: 10 * settleMs, isKnown: () => false });
  files.noticed("a.csv", "closed", 0);
  files.noticed("a.csv", "written", 0);
  files.attributesChanged("a.csv", 0);
  files.seen("a.csv", version, 0);
  assertEquals(files.nextDueMs(), settleMs);
  files.takeDue(settleMs);
  files.noticed("a.csv", "written", settleMs);
  assert(files.isBeingWritten("a.csv"));
  files.attributesChanged("a.csv", settleMs);
  assert(!files.isBeingWritten("a.csv"));
});
