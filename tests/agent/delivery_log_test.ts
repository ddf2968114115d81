import { DeliveryLog } from "../../src/agent/delivery_log.ts";
import type { Lane, StoredBatch } from "../../src/agent/ports.ts";
import type { BatchOrigin } from "../../src/protocol/delivery.ts";
import { assertEquals } from "../assert.ts";
import { captureLog } from "../fakes/captured_log.ts";
import { FakeClock } from "../fakes/fake_clock.ts";

function batch(origin: BatchOrigin, lane: Lane): StoredBatch {
  return {
    declaration: {
      id: "",
      linkId: "",
      sequence: 1,
      lane,
      origin,
      sha256: "",
      bytes: 100,
      payloadSha256: "",
      payloadBytes: 50,
      createdAt: "2026-03-02T08:00:00Z",
    },
    read: () => Promise.reject(new Error("nobody reads it")),
  };
}

function window(dataType: "agent-status" | "contact", number: number): BatchOrigin {
  const at = (minutes: number) => new Date(Date.UTC(2026, 2, 2, 8, minutes)).toISOString();
  return {
    kind: "query",
    dataType,
    window: { from: at(number), to: at(number + 1) },
    timeZone: "UTC",
    rows: 1,
    refused: { rows: 0, reasons: [] },
    columns: [],
  };
}

Deno.test("every file and every window of history is in the log, live windows once in five minutes", async () => {
  using log = await captureLog();
  const clock = new FakeClock();
  const deliveries = new DeliveryLog(clock);
  const once = { ms: 120, tries: 1 };
  const file = (n: number) => ({ kind: "csv", fileName: `${n}.csv`, modifiedAt: null }) as const;
  for (let n = 0; n < 3; n++) deliveries.delivered(batch(file(n), "live"), once);
  for (let n = 0; n < 2; n++) deliveries.delivered(batch(window("contact", n), "history"), once);
  for (let n = 0; n < 32; n++) {
    deliveries.delivered(batch(window("agent-status", n), "live"), once);
    await clock.advance(10_000);
  }
  deliveries.delivered(batch(window("contact", 40), "live"), once);
  deliveries.delivered(batch(window("contact", 41), "live"), { ms: 5000, tries: 3 });
  assertEquals(log.lines(), [
    "info Delivered 0.csv, 100 bytes, in 0.12 s.",
    "info Delivered 1.csv, 100 bytes, in 0.12 s.",
    "info Delivered 2.csv, 100 bytes, in 0.12 s.",
    "info Delivered contact 2026-03-02T08:00:00.000Z to 2026-03-02T08:01:00.000Z, 100 bytes, in 0.12 s.",
    "info Delivered contact 2026-03-02T08:01:00.000Z to 2026-03-02T08:02:00.000Z, 100 bytes, in 0.12 s.",
    "info Delivered agent-status 2026-03-02T08:00:00.000Z to 2026-03-02T08:01:00.000Z, 100 bytes, in 0.12 s.",
    "info Delivered agent-status 2026-03-02T08:30:00.000Z to 2026-03-02T08:31:00.000Z, 100 bytes, in 0.12 s, and 29 more since the last such line.",
    "info Delivered contact 2026-03-02T08:40:00.000Z to 2026-03-02T08:41:00.000Z, 100 bytes, in 0.12 s.",
    "info Delivered contact 2026-03-02T08:41:00.000Z to 2026-03-02T08:42:00.000Z, 100 bytes, in 5 s.",
  ]);
});
