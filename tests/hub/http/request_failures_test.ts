import { RequestFailures } from "../../../src/hub/http/request_failures.ts";
import { assertEquals } from "../../assert.ts";
import { captureLog } from "../../fakes/captured_log.ts";

Deno.test("hub tells the same reason for failed requests once a minute, and every other reason at once", async () => {
  using log = await captureLog();
  let nowMs = 0;
  const failures = new RequestFailures({ clock: { monotonicMs: () => nowMs } });
  const request = { method: "GET", path: "/api/v1/x" };
  for (let count = 0; count < 100; count++) failures.failed(new Error("database or disk is full"), request);
  failures.failed(new Error("something else"), request);
  nowMs = 60_000;
  failures.failed(new Error("database or disk is full"), request);
  assertEquals(log.lines(), [
    "error Cannot answer GET /api/v1/x: Error: database or disk is full",
    "error Cannot answer GET /api/v1/x: Error: something else",
    "error Cannot answer GET /api/v1/x: Error: database or disk is full",
  ]);
});
