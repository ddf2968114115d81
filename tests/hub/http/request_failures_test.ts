import { RequestFailures } from "../../../src/hub/http/request_failures.ts";
import { assertEquals } from "../../assert.ts";
import { captureLog } from "../../fakes/captured_log.ts";

Deno.test("hub tells the same reason for failed requests once a minute, and every other reason at once", async () => {
  using log = await captureLog();
  let nowMs = 0;
  const failures = new RequestFailures({ clock: { monotonicMs: () => nowMs } });
  const request = { method: "GET", path: "/api/v1/x" };
  failures.failed(new Error("something else"), request);
  for (nowMs = 0; nowMs <= 60_000; nowMs += 500) failures.failed(new Error("database or disk is full"), request);
  assertEquals(log.lines(), [
    "error Cannot answer GET /api/v1/x: Error: something else",
    "error Cannot answer GET /api/v1/x: Error: database or disk is full",
    "error Cannot answer GET /api/v1/x: Error: database or disk is full",
  ]);
});

Deno.test("hub tells a reason anew that had gone in between", async () => {
  using log = await captureLog();
  let nowMs = 0;
  const failures = new RequestFailures({ clock: { monotonicMs: () => nowMs } });
  for (nowMs of [0, 9_000, 20_000]) failures.failed(new Error("disk is full"), { method: "GET", path: "/" });
  assertEquals(log.lines().length, 2);
});
