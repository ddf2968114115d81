import { Assignments } from "../../src/agent/assignments.ts";
import { type AssignmentClient, HubError, type HubErrorKind } from "../../src/agent/ports.ts";
import type { AgentRequest, Assignment } from "../../src/protocol/assignment.ts";
import type { Link } from "../../src/protocol/linking.ts";
import type { UnlinkReason } from "../../src/protocol/problem.ts";
import { StateDamagedError } from "../../src/runtime/state_damaged.ts";
import { untilAborted } from "../../src/runtime/until_aborted.ts";
import { assertEquals, assertRejects } from "../assert.ts";
import { type CapturedLog, captureLog } from "../fakes/captured_log.ts";
import { FakeClock, settle } from "../fakes/fake_clock.ts";

const link = { id: "l1", account: { id: "a1", name: "Acme" }, integration: { id: "i1", name: "Avaya" } };

interface Bench {
  readonly clock: FakeClock;
  /** What was carried out, by the request's id. */
  readonly done: string[];
  /** Tries to answer, by the request's id. */
  readonly answers: string[];
  readonly log: CapturedLog;
  /** The tags of the assignments that it had when it asked for the next one. */
  readonly etags: (string | undefined)[];
  /** What the agent was told about its link. */
  readonly ends: UnlinkReason[];
  /** Hands requests to the agent, with an assignment that has changed. */
  ask(...ids: string[]): Promise<void>;
  /** Hands an assignment to the agent that is another link's, with a request. */
  askOther(id: string): Promise<void>;
  /** Tells the agent that nothing has changed. */
  tellUnchanged(): Promise<void>;
}

/** An agent that gets requests; `answer` may refuse one of its answers, `save` to keep an assignment. */
async function withRequests(
  answer: (id: string, bench: Bench) => HubErrorKind | undefined,
  act: (bench: Bench) => Promise<void>,
  save: (kept: Assignment) => void = () => {},
): Promise<void> {
  using log = await captureLog();
  const clock = new FakeClock();
  let next = Promise.withResolvers<Assignment | undefined>();
  const assignment = { link, paused: false, source: null, requests: [], received: { count: 0 } };
  const hand = async (of: Link, ids: string[]) => {
    const requests = ids.map((id): AgentRequest => ({ id, type: "import-now" }));
    next.resolve({ ...assignment, link: of, requests });
    await clock.advance(1000);
  };
  const bench: Bench = {
    clock,
    done: [],
    answers: [],
    etags: [],
    ends: [],
    log,
    ask: (...ids) => hand(link, ids),
    askOther: (id) => hand({ ...link, id: "l2" }, [id]),
    async tellUnchanged() {
      next.resolve(undefined);
      await clock.advance(1000);
    },
  };
  const client: AssignmentClient = {
    async poll(etag, signal) {
      bench.etags.push(etag);
      const assignment = await Promise.race([next.promise, untilAborted(signal)]);
      signal.throwIfAborted();
      next = Promise.withResolvers();
      return assignment ? { assignment, etag: '"1"' } : undefined;
    },
    answer(id) {
      bench.answers.push(id);
      const kind = answer(id, bench);
      return kind === undefined ? Promise.resolve() : Promise.reject(new HubError(`it is ${kind}`, { kind }));
    },
    report: () => Promise.resolve(),
  };
  const assignments = new Assignments({
    client,
    store: { load: () => assignment, save },
    clock,
    random: () => 1,
    link,
    onAssignment() {},
    onUnlinked: (reason) => bench.ends.push(reason),
    onReachable() {},
    onUnreachable() {},
    carryOut(request) {
      bench.done.push(request.id);
      return Promise.resolve({ ok: true, message: "done" });
    },
  });
  const stop = new AbortController();
  const running = assignments.run(stop.signal);
  running.catch(() => {/* The last line below says so. */});
  try {
    await settle();
    await act(bench);
  } finally {
    stop.abort();
    await running;
  }
}

Deno.test("an answer that did not get through is sent again, and what is asked next need not wait for it", () => {
  const failing = (id: string, { answers }: Bench) =>
    id === "first" && answers.filter((other) => other === id).length <= 3 ? "unreachable" as const : undefined;
  return withRequests(failing, async ({ clock, done, answers, log, ask }) => {
    await ask("first", "second");
    assertEquals(answers.slice(0, 2), ["first", "second"]);
    await clock.advance(20_000);
    assertEquals(answers, ["first", "second", "first", "first", "first"]);
    await ask("first", "second");
    assertEquals(done, ["first", "second"], "it was carried out twice");
    assertEquals(log.lines().filter((line) => line.startsWith("warning")), []);
  });
});

Deno.test("an answer that never gets through is given up after ten minutes, and the hub may ask again", () =>
  withRequests(() => "busy", async ({ clock, done, answers, log, ask }) => {
    await ask("first");
    await clock.advance(600_000);
    const { length } = answers;
    assertEquals(log.lines(), ["warning Cannot answer the hub's request import-now: it is busy"]);
    await clock.advance(600_000);
    assertEquals(answers.length, length);
    await ask("first");
    assertEquals(done, ["first", "first"]);
  }));

Deno.test("the first poll after a start does not wait for a change: the state may be an older copy", () =>
  withRequests(() => undefined, async ({ ask, etags }) => {
    await ask();
    assertEquals(etags, [undefined, '"1"']);
  }));

Deno.test("an answer that the hub refuses is not sent again", () =>
  withRequests(() => "refused", async ({ clock, answers, ask }) => {
    await ask("first");
    await clock.advance(600_000);
    await ask("first");
    assertEquals(answers, ["first"]);
  }));

Deno.test("an assignment of another link is not carried out: this one has ended", () =>
  withRequests(() => undefined, async ({ done, ends, askOther }) => {
    await askOther("foreign");
    assertEquals(done, []);
    assertEquals(ends, ["linked-elsewhere"]);
  }));

Deno.test("an assignment that the disk does not take is in force all the same, and stored once it does", () => {
  let isFull = true;
  const stored: Assignment[] = [];
  const save = (kept: Assignment) => {
    if (isFull) throw new Error("database or disk is full");
    stored.push(kept);
  };
  return withRequests(() => undefined, async ({ done, log, ask, tellUnchanged }) => {
    await ask("first");
    await ask("second");
    await tellUnchanged();
    assertEquals([done, stored], [["first", "second"], []]);
    isFull = false;
    await tellUnchanged();
    await tellUnchanged();
    assertEquals(stored.map(({ requests }) => requests[0]?.id), ["second"]);
    assertEquals(log.lines(), [
      "warning Cannot store the assignment: database or disk is full. It is in force, and will be stored later.",
    ]);
  }, save);
});

Deno.test("a damaged state ends the agent, so that the next start sets it aside", async () => {
  const save = () => {
    throw new StateDamagedError("the state is damaged");
  };
  await assertRejects(() => withRequests(() => undefined, ({ ask }) => ask("first"), save), /the state is damaged/);
});
