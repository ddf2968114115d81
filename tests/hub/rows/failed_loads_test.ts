import { assertEquals } from "../../assert.ts";
import { FailedLoads } from "../../../src/hub/rows/failed_loads.ts";

const batch = (id: string) => ({ id, integrationId: `integration of ${id}` });

Deno.test("a batch that fails again and again rests longer each time, up to five minutes", () => {
  const failed = new FailedLoads();
  const waits: number[] = [];
  for (let nowMs = 0; waits.length < 7; nowMs = failed.nextAtMs) {
    failed.add(batch("a"), { reason: "full", nowMs, atMs: nowMs });
    waits.push((failed.nextAtMs - nowMs) / 1000);
    assertEquals([failed.resting(failed.nextAtMs - 1), failed.resting(failed.nextAtMs)], [["a"], []]);
  }
  assertEquals(waits, [15, 30, 60, 120, 240, 300, 300]);
});

Deno.test("one reason is told once, however many batches fail for it, until all of them are loaded", () => {
  const failed = new FailedLoads();
  const add = (id: string, reason: string) => failed.add(batch(id), { reason, nowMs: 0, atMs: 0 });
  assertEquals([add("a", "full"), add("b", "full"), add("a", "full")], [true, false, false]);
  assertEquals([add("c", "odd"), add("c", "odd")], [true, false]);
  assertEquals([failed.loaded("a"), failed.loaded("none"), failed.loaded("b"), failed.loaded("c")], [
    false,
    false,
    false,
    true,
  ]);
  assertEquals(add("a", "full"), true);
});

Deno.test("what fails concerns its own integration, and every one as soon as several fail in a row", () => {
  const failed = new FailedLoads();
  const add = (id: string, atMs: number) => failed.add(batch(id), { reason: "full", nowMs: atMs, atMs });
  const since = () => ["a", "b", "c"].map((id) => failed.sinceMs(`integration of ${id}`));
  add("a", 1);
  add("a", 2);
  assertEquals(since(), [1, undefined, undefined]);
  add("b", 3);
  assertEquals(since(), [1, 1, 1]);
  failed.loaded("c");
  assertEquals(since(), [1, 3, undefined]);
  // Both have left the queue without being loaded.
  failed.forgetOthers(failed.nextAtMs * 2);
  assertEquals(since(), [undefined, undefined, undefined]);
});
