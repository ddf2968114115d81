import { LinkedWork } from "../../src/agent/linked_work.ts";
import type { AssignmentClient } from "../../src/agent/ports.ts";
import { untilAborted } from "../../src/agent/tasks.ts";
import type { Assignment } from "../../src/protocol/assignment.ts";
import { assertEquals, assertMatch } from "../assert.ts";
import { captureLog } from "../fakes/captured_log.ts";
import { FakeClock } from "../fakes/fake_clock.ts";
import { MemorySpool } from "../fakes/memory_spool.ts";

const link = { id: "l1", account: { id: "a1", name: "Acme" }, integration: { id: "i1", name: "Avaya" } };
/** A change is reported within this, in ms. */
const reportedMs = 6000;

Deno.test("of two computers with one identity each says so, to its log and to the hub, for as long as there are two", async () => {
  using log = await captureLog();
  const clock = new FakeClock();
  const problems: (string | null)[] = [];
  let next = Promise.withResolvers<Assignment>();
  const assignmentClient: AssignmentClient = {
    async poll(_etag, signal) {
      const assignment = await Promise.race([next.promise, untilAborted(signal)]);
      signal.throwIfAborted();
      next = Promise.withResolvers();
      return assignment ? { assignment, etag: '"1"' } : undefined;
    },
    answer: () => Promise.resolve(),
    report: ({ problem }) => Promise.resolve(void problems.push(problem)),
  };
  const work = new LinkedWork(link, {
    ...{ clock, random: () => 1, version: "1.0.0", run: "r1", assignmentClient, spool: new MemorySpool() },
    assignmentStore: { load: () => undefined, save() {} },
    makeDelivery: () => ({ run: untilAborted, reachable() {}, away() {}, assigned() {}, problem: null, notice: null }),
    makeSource: () => ({ run: untilAborted, importNow() {}, problem: null }),
    testSource: () => Promise.resolve({ ok: true, message: "" }),
    ...{ onPaused() {}, onUnlinked() {}, onReachable() {}, onNamed() {} },
  });
  const stop = new AbortController();
  const running = work.run(stop.signal);
  const hear = async (twin: Pick<Assignment, "twin">) => {
    next.resolve({ link, paused: false, source: null, requests: [], received: { count: 0 }, ...twin });
    await clock.advance(reportedMs);
  };
  try {
    await hear({});
    await hear({ twin: true });
    await hear({ twin: true });
    assertMatch(
      work.problem ?? "",
      /^Another computer is using .* On the copy, stop the service, delete the folder state/,
    );
    const problem = work.problem;
    await hear({});
    await hear({});
    assertEquals(problems, [null, problem, null]);
    assertEquals(log.lines(), [
      `error ${problem}`,
      "info Now only this computer is using the identity of this installation.",
    ]);
  } finally {
    stop.abort();
    await running.catch((error) => {
      if (error !== stop.signal.reason) throw error;
    });
  }
});
