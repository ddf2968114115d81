/** The parts of an agent that asked in vain, and the first of them that gets through. */
import { Agent, type AgentOptions } from "../../src/agent/agent.ts";
import { HubError, type HubErrorKind } from "../../src/agent/ports.ts";
import { seededRandom } from "../../src/runtime/seeded_random.ts";
import { Uploader } from "../../src/agent/uploader.ts";
import type { Link } from "../../src/protocol/linking.ts";
import { assert, assertEquals } from "../assert.ts";
import { captureLog } from "../fakes/captured_log.ts";
import { FakeClock, settle } from "../fakes/fake_clock.ts";
import { MemorySpool } from "../fakes/memory_spool.ts";

const link: Link = { id: "l", account: { id: "a", name: "Acme" }, integration: { id: "i", name: "Avaya" } };
const receivedAt = "2026-01-01T00:00:00Z";

type Call = "poll" | "report" | "declare";

/** A hub that fails as it is told; its proper answers are told to the agent, as the cloud client does. */
class FailingHub {
  /** When each call came, in s. */
  readonly calls: Record<Call, number[]> = { poll: [], report: [], declare: [] };
  failure: (call: Call) => HubError | undefined = () => undefined;
  onAnswer: () => void = () => {};
  readonly #clock: FakeClock;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  async ask(call: Call): Promise<void> {
    this.calls[call].push(this.#clock.monotonicMs() / 1000);
    await Promise.resolve();
    const failure = this.failure(call);
    if (failure) throw failure;
    this.onAnswer();
  }
}

function failing(kind: HubErrorKind, retryAfterMs?: number): HubError {
  return new HubError("it fails", { kind, retryAfterMs });
}

/** A linked agent with one batch that waits. Parts that it does not come to are left out. */
async function withAgent(
  failure: (call: Call) => HubError | undefined,
  act: (parts: { hub: FailingHub; clock: FakeClock; spool: MemorySpool }) => Promise<void>,
): Promise<void> {
  const clock = new FakeClock();
  const random = seededRandom(1);
  const hub = new FailingHub(clock);
  hub.failure = failure;
  const spool = Object.assign(new MemorySpool(), { use() {} });
  add(spool, "first");
  const options: Partial<AgentOptions> = {
    hubUrl: new URL("https://hub.example"),
    clock,
    random,
    version: "1",
    run: "run",
    linkStore: { load: () => link, save() {}, end() {} },
    spool,
    assignmentClient: {
      async poll(_etag, signal) {
        await hub.ask("poll");
        await clock.sleep(55_000, signal);
        return undefined;
      },
      report: () => hub.ask("report"),
      answer: () => Promise.resolve(),
    },
    assignmentStore: { load: () => undefined, save() {} },
    makeDelivery: () =>
      new Uploader({
        spool,
        clock,
        random,
        onUnlinked() {},
        client: {
          async declare({ id }) {
            await hub.ask("declare");
            return { state: "received", receipt: { batch: id, receivedAt } };
          },
          missing: () => Promise.resolve([]),
          addresses: () => Promise.reject(new Error("not asked for")),
          put: () => Promise.reject(new Error("not asked for")),
          complete: () => Promise.reject(new Error("not asked for")),
          sendWhole: () => Promise.reject(new Error("not asked for")),
        },
      }),
  };
  const agent = new Agent(options as AgentOptions);
  hub.onAnswer = () => agent.hubAnswered();
  const stop = new AbortController();
  const running = agent.run(stop.signal);
  try {
    await settle();
    await act({ hub, clock, spool });
  } finally {
    stop.abort();
    await running;
  }
}

function add(spool: MemorySpool, id: string): void {
  spool.add(new Uint8Array(4), {
    id,
    origin: { kind: "csv", fileName: `${id}.csv`, modifiedAt: null },
    lane: "live",
    sha256: id,
  });
}

Deno.test("after a long outage the first answer of the hub gets delivery and poll going", () =>
  withAgent(() => failing("unreachable"), async ({ hub, clock }) => {
    await clock.advance(3 * 3600_000);
    hub.failure = () => undefined;
    const backMs = clock.monotonicMs();
    // It is reported once a minute.
    await clock.advance(61_000);
    const [reported = Infinity, polled = Infinity, declared = Infinity] = (["report", "poll", "declare"] as const)
      .map((call) => hub.calls[call].find((s) => s * 1000 >= backMs));
    assert(polled <= reported && declared <= reported, `${reported}, ${polled}, ${declared}`);
  }));

Deno.test("a busy hub is not asked more often because it answers something else", () =>
  withAgent((call) => call === "report" ? undefined : failing("busy"), async ({ hub, clock, spool }) => {
    // Something changes all the time, so that it is reported every five seconds.
    for (let n = 0; n < 720; n++) {
      add(spool, `${n}`);
      await clock.advance(5_000);
    }
    assert(hub.calls.report.length > 600, `${hub.calls.report.length} reports`);
    for (const call of ["poll", "declare"] as const) {
      const { length } = hub.calls[call];
      assert(length > 60 && length <= 130, `${length} times ${call} in an hour`);
    }
  }));

Deno.test("an answer to something else is no invitation before the time that a busy hub named", () =>
  withAgent((call) => call === "report" ? undefined : failing("busy", 600_000), async ({ hub, clock }) => {
    await clock.advance(599_000);
    assertEquals([hub.calls.poll.length, hub.calls.declare.length], [1, 1]);
    assert(hub.calls.report.length >= 9);
  }));

Deno.test("each kind of failure is told once in an outage; a hub that has lost the installation with what to do", async () => {
  using log = await captureLog();
  const kinds: HubErrorKind[] = ["unreachable", "busy", "unreachable", "unknown-installation"];
  const lines = () => log.lines().filter((line) => line.includes("assignment") || line.includes("answers again"));
  let n = 0;
  await withAgent((call) => call === "poll" ? failing(kinds[n++ % 4] ?? "busy") : undefined, async ({ hub, clock }) => {
    await clock.advance(3600_000);
    assert(n > 8);
    assertEquals(lines(), [
      "error No assignment from the hub: it fails. There is none yet.",
      "error No assignment from the hub: it fails. There is none yet.",
      "error No assignment from the hub: it fails. The hub no longer knows this installation. To link it " +
      "again, run: sudo injixo-cloud-link pin. There is none yet.",
    ]);
    hub.failure = () => undefined;
    await clock.advance(300_000);
    assertEquals(lines().slice(3), ["info The hub answers again."]);
  });
});

Deno.test("a linked agent delivers to an address that is no hub hourly at most, and at once when it is a hub again", () =>
  withAgent(() => failing("not-a-hub"), async ({ hub, clock }) => {
    await clock.advance(2 * 3600_000);
    const before = hub.calls.declare.length;
    await clock.advance(3600_000);
    assert(hub.calls.declare.length - before <= 1, `${hub.calls.declare.length - before} times in an hour`);
    hub.failure = () => undefined;
    const backMs = clock.monotonicMs();
    // The poll looks every five minutes.
    await clock.advance(301_000);
    const delivered = hub.calls.declare.filter((s) => s * 1000 >= backMs);
    const polled = hub.calls.poll.filter((s) => s * 1000 >= backMs);
    assertEquals(delivered.length, 1);
    assert((delivered[0] ?? Infinity) <= (polled[0] ?? 0));
  }));
