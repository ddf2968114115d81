import { watchClock } from "../../src/agent/clock_watch.ts";
import { assertEquals } from "../assert.ts";
import { captureLog } from "../fakes/captured_log.ts";

Deno.test("the log tells each jump of the clock once, and no correction by seconds", async () => {
  using log = await captureLog();
  const minute = 60_000;
  const jumps = [0, 30_000, 60 * minute, 0, -60 * minute, 365 * 24 * 60 * minute, 0];
  const ended = new AbortController();
  const time = { wallMs: 1_700_000_000_000, monotonicMs: 0 };
  await watchClock({
    now: () => time.wallMs,
    monotonicMs: () => time.monotonicMs,
    sleep(ms) {
      const jump = jumps.shift();
      if (jump === undefined) ended.abort();
      time.monotonicMs += ms;
      time.wallMs += ms + (jump ?? 0);
      return Promise.resolve();
    },
  }, ended.signal);
  assertEquals(log.lines(), [
    "warning The clock jumped ahead by 60 minutes: it was set, or the computer slept.",
    "warning The clock was set back by 60 minutes. Database rows from that time are read again.",
    "warning The clock jumped ahead by 365 days: it was set, or the computer slept.",
  ]);
});
