import { LaneAttempts } from "../../src/agent/lane_attempts.ts";
import { ExtractError } from "../../src/extractor/watch.ts";
import type { ExtractFailure } from "../../src/extractor/messages.ts";
import { assert, assertEquals } from "../assert.ts";

const { signal } = new AbortController();
const window = { fromMs: Date.UTC(2026, 5, 1, 8), toMs: Date.UTC(2026, 5, 1, 9) };
const integration = "Avaya";

Deno.test("less is asked for after what uses up time, memory or room, and after the database's second error in a row", async () => {
  const cases: [failures: ExtractFailure[], less: number][] = [
    [["timeout"], 1],
    [["crash", "output"], 2],
    [["database"], 0],
    [["database", "database", "database"], 2],
    [["database", "connection", "database"], 0],
    [["query", "query", "connection", "connection"], 0],
  ];
  for (const [failures, due] of cases) {
    let less = 0;
    const attempts = new LaneAttempts("history", { integration, random: () => 1, onTooMuch: () => less++ });
    for (const failure of failures) {
      await attempts.attempt(() => Promise.reject(new ExtractError("no", { failure })), { window, signal });
    }
    assertEquals(less, due, failures.join());
  }
});

Deno.test("a full disk, on which not even that can be kept, takes nothing else down", async () => {
  const onTooMuch = () => {
    throw new Error("database or disk is full");
  };
  const attempts = new LaneAttempts("history", { integration, random: () => 1, onTooMuch });
  const failing = () => Promise.reject(new ExtractError("No space left on device", { failure: "output" }));
  assert(await attempts.attempt(failing, { window, signal }));
  assertEquals(attempts.problem, "No space left on device.");
});
