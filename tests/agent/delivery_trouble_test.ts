import { DeliveryTroubles } from "../../src/agent/delivery_trouble.ts";
import { HubError, type HubErrorKind } from "../../src/agent/ports.ts";
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

const hourMs = 3600_000;

/** Fails again and again, in turn with these kinds, whenever it is time. Returns the tries, and how often there was news. */
function failFor(troubles: DeliveryTroubles, kinds: readonly HubErrorKind[], ms: number) {
  let tries = 0;
  let news = 0;
  for (let nowMs = 0; nowMs < ms; nowMs = troubles.outage?.untilMs ?? Infinity) {
    const kind = kinds[tries++ % kinds.length] ?? "busy";
    const error = new HubError(kind, { kind });
    if (troubles.outageFailed({ error, round: troubles.round, nowMs })) news++;
  }
  return { tries, news };
}

Deno.test("trouble of changing kinds is one outage: tried less and less often, each kind told once", () => {
  const troubles = new DeliveryTroubles({ random: () => 1 });
  const { tries, news } = failFor(troubles, ["unreachable", "busy"], hourMs);
  assertEquals(news, 2);
  assert(tries < 25, `${tries} tries in an hour`);
  assertEquals(troubles.gotThrough(hourMs)?.failures, tries);
  assertEquals(failFor(troubles, ["unreachable"], 10_000).news, 1);
});
