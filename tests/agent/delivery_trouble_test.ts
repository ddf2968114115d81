import { DeliveryTroubles } from "../../src/agent/delivery_trouble.ts";
import { assert, assertEquals } from "../assert.ts";
import { hubError } from "../fakes/memory_hub.ts";

Deno.test("an address that is no hub for minutes gets deliveries hourly, until it is one again", () => {
  const troubles = new DeliveryTroubles({ random: () => 1 });
  const failAt = (nowMs: number) => {
    troubles.outageFailed({ error: hubError("not-a-hub"), round: troubles.round, nowMs });
    return (troubles.outage?.untilMs ?? 0) - nowMs;
  };
  for (let nowMs = 0; nowMs < 300_000;) {
    const waitMs = failAt(nowMs);
    assert(waitMs <= 300_000, `${waitMs} ms after ${nowMs} ms`);
    nowMs += waitMs;
  }
  assertEquals(failAt(600_000), 3_600_000);
  troubles.gotThrough(700_000);
  assertEquals(failAt(800_000), 1000);
});
