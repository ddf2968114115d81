import { HubError } from "../../src/agent/ports.ts";
import { reportStatus } from "../../src/agent/status_report.ts";
import { assertEquals } from "../assert.ts";
import { FakeClock, settle } from "../fakes/fake_clock.ts";

/** The seconds at which a hub is reported to that fails with `error`, until `seconds` are over. */
async function reportsAt(error: () => HubError | undefined, { seconds }: { seconds: number }): Promise<number[]> {
  const clock = new FakeClock();
  const stop = new AbortController();
  const at: number[] = [];
  const reporting = reportStatus(() => ({ version: "1", waiting: { batches: 0, bytes: 0 }, problem: null }), {
    client: {
      report() {
        at.push(clock.monotonicMs() / 1000);
        const failure = error();
        return failure === undefined ? Promise.resolve() : Promise.reject(failure);
      },
    },
    clock,
    random: () => 0,
    signal: stop.signal,
  }).catch(() => {});
  await settle();
  await clock.advance(seconds * 1000);
  stop.abort();
  await reporting;
  return at;
}

Deno.test("status reports are not sent before the time that the hub asks for", async () => {
  const busy = () => new HubError("busy", { kind: "busy", retryAfterMs: 600_000 });
  assertEquals(await reportsAt(busy, { seconds: 1300 }), [0, 600, 1200]);
});

Deno.test("status reports that fail again and again become rarer, and never rarer than once a minute", async () => {
  const unreachable = () => new HubError("unreachable", { kind: "unreachable" });
  assertEquals(await reportsAt(unreachable, { seconds: 150 }), [0, 5, 10, 15, 20, 28, 44, 74, 104, 134]);
});

Deno.test("status reports come once a minute, and soon again after one that failed", async () => {
  let failing = 1;
  const once = () => failing-- > 0 ? new HubError("unreachable", { kind: "unreachable" }) : undefined;
  assertEquals(await reportsAt(once, { seconds: 130 }), [0, 5, 65, 125]);
});
