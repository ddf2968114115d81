/** The work of one link, as the hub's assignments drive it. */
import { LinkedWork, type LinkedWorkOptions } from "../../src/agent/linked_work.ts";
import type { AssignmentClient } from "../../src/agent/ports.ts";
import type { ProgressLedger } from "../../src/agent/scheduler_ports.ts";
import { notePause, takeUp } from "../../src/agent/source_progress.ts";
import type { SourceRunner } from "../../src/agent/source_switch.ts";
import { untilAborted } from "../../src/runtime/until_aborted.ts";
import type { Assignment } from "../../src/protocol/assignment.ts";
import type { DatabaseSource } from "../../src/protocol/database.ts";
import type { Link } from "../../src/protocol/linking.ts";
import { limits, type SourceProgress } from "../../src/source/read_state.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { captureLog } from "../fakes/captured_log.ts";
import { FakeClock } from "../fakes/fake_clock.ts";

/** By then an assignment has been taken up, and what changed by it was reported, in ms. */
const takenUpMs = 6000;
/** As it is made: before its integration has a name. */
const link: Link = { id: "l1", account: { id: "a1", name: "Acme" }, integration: { id: "i1", name: "" } };
const named: Link = { ...link, integration: { id: "i1", name: "Avaya" } };
const source: DatabaseSource = {
  type: "database",
  databaseType: "sqlite",
  connection: { by: "kept" },
  dataType: "agent-status",
  timeZone: "UTC",
  query: "SELECT agentidentifier, starttime, activity FROM status",
  everyMinutes: 15,
  historyFrom: null,
  reconciliation: false,
  realTime: false,
};

/** A linked agent with nothing to deliver; `assign` gives it an assignment. */
async function withWork(
  { report = () => Promise.resolve(), ...parts }: Partial<LinkedWorkOptions & Pick<AssignmentClient, "report">>,
  act: (assign: (changes: Partial<Assignment>) => Promise<void>, work: LinkedWork) => Promise<void>,
): Promise<void> {
  const clock = new FakeClock();
  let next = Promise.withResolvers<Assignment>();
  const work = new LinkedWork(link, {
    clock,
    random: () => 1,
    version: "1",
    run: "run",
    assignmentClient: {
      async poll(_etag, signal) {
        const assignment = await Promise.race([next.promise, untilAborted(signal)]);
        signal.throwIfAborted();
        next = Promise.withResolvers();
        return assignment ? { assignment, etag: "1" } : undefined;
      },
      report,
      answer: () => Promise.resolve(),
    },
    assignmentStore: { load: () => undefined, save() {} },
    spool: { waiting: () => ({ batches: 0, bytes: 0 }) },
    makeDelivery: () => ({ run: untilAborted, reachable() {}, away() {}, assigned() {}, problem: null, notice: null }),
    makeSource: () => reading,
    onPaused() {},
    testSource: () => Promise.reject(new Error("not asked for")),
    onUnlinked() {},
    onReachable() {},
    onNamed() {},
    ...parts,
  });
  const stop = new AbortController();
  const running = work.run(stop.signal);
  try {
    await act(async (changes) => {
      next.resolve({ link: named, paused: false, source, requests: [], received: { count: 0 }, ...changes });
      await clock.advance(takenUpMs);
    }, work);
  } finally {
    stop.abort(new Error("stopped"));
    await running.catch((error) => assert(error === stop.signal.reason, String(error)));
  }
}

const reading: SourceRunner = { run: untilAborted, importNow() {}, problem: null };

Deno.test("a source is read under the name that its integration was given after the link was made", async () => {
  const names: string[] = [];
  const makeSource = (_source: unknown, { integration }: Link) => {
    names.push(integration.name);
    return reading;
  };
  await withWork({ makeSource }, async (assign) => {
    await assign({ link, source: null });
    await assign({});
    assertEquals(names, ["Avaya"]);
  });
});

Deno.test("a pause is noted when an assignment says so: agent status is then made up for 24 hours only", async () => {
  const pausedAt = Date.UTC(2026, 5, 1, 12);
  const resumedAt = Date.UTC(2026, 5, 8, 12);
  let nowMs = pausedAt;
  let progress: SourceProgress | undefined;
  const ledger: ProgressLedger = {
    progress: () => progress,
    setProgress: (changed) => progress = changed,
    isUnchanged: () => false,
    record() {},
  };
  const pauses: Link[] = [];
  await withWork({
    makeSource(made) {
      assert(made.type === "database");
      takeUp(made, { ledger, fingerprint: "same", database: undefined, nowMs });
      return reading;
    },
    onPaused(of) {
      pauses.push(of);
      notePause(ledger, { nowMs });
    },
  }, async (assign) => {
    await assign({});
    assert(progress);
    progress = { ...progress, state: { ...progress.state, liveToMs: pausedAt } };
    assertEquals(pauses, []);
    await assign({ paused: true });
    assertEquals(pauses, [named]);
    nowMs = resumedAt;
    await assign({});
    assertEquals(progress.state.liveToMs, resumedAt - limits.reconciliationMs + limits.statusOverlapMs);
    assertEquals(pauses, [named]);
  });
});

Deno.test("of two computers with one identity each says so, to its log and to the hub, for as long as there are two", async () => {
  using log = await captureLog();
  const problems: (string | null)[] = [];
  const report: AssignmentClient["report"] = ({ problem }) => Promise.resolve(void problems.push(problem));
  await withWork({ report }, async (assign, work) => {
    const source = null;
    await assign({ source });
    await assign({ source, twin: true });
    await assign({ source, twin: true });
    const { problem } = work;
    assertMatch(
      problem ?? "",
      /^Another computer is using .* On the copy, stop the service, delete the folder state/,
    );
    await assign({ source });
    await assign({ source });
    assertEquals(problems, [null, problem, null]);
    assertEquals(log.lines(), [
      `error ${problem}`,
      "info Now only this computer is using the identity of this installation.",
    ]);
  });
});
