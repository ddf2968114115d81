import {
  initialLinkState,
  type LinkEvent,
  type LinkState,
  nextLinkState,
  type PinOnOffer,
} from "../../src/agent/link.ts";
import type { Link } from "../../src/protocol/linking.ts";
import { assert, assertEquals } from "../assert.ts";

const link = (id: string): Link => ({
  id,
  account: { id: "a1", name: "Acme" },
  integration: { id: `i-${id}`, name: `Integration ${id}` },
});
const offer: PinOnOffer = { pin: "424242", deviceCode: "d".repeat(32), expiresAtMs: 300_000, pollEveryMs: 5000 };
const after = (state: LinkState, ...events: LinkEvent[]) => events.reduce(nextLinkState, state);

Deno.test("an installation without a link wants a PIN, a linked one does not", () => {
  assertEquals(initialLinkState(undefined).offer.state, "wanted");
  assertEquals(initialLinkState(link("l1")).offer.state, "none");
});

Deno.test("a PIN that is typed links, and is no longer shown", () => {
  const state = after(initialLinkState(undefined), { type: "pin-offered", offer }, {
    type: "linked",
    link: link("l1"),
  });
  assertEquals(state, { link: link("l1"), offer: { state: "none" } });
});

Deno.test("an expired PIN is over until another is wanted", () => {
  const expired = after(initialLinkState(undefined), { type: "pin-offered", offer }, { type: "pin-expired" });
  assertEquals(expired.offer, { state: "over", why: "expired" });
  assertEquals(after(expired, { type: "pin-wanted" }).offer.state, "wanted");
});

Deno.test("a linked installation stays linked while it shows a PIN, and moves when that is typed", () => {
  const shown = after(initialLinkState(link("l1")), { type: "pin-wanted" }, { type: "pin-offered", offer });
  assertEquals(shown.link?.id, "l1");
  assertEquals(after(shown, { type: "linked", link: link("l2") }).link?.id, "l2");
});

Deno.test("a PIN that is shown stays good when the integration is deleted meanwhile", () => {
  const shown = after(initialLinkState(link("l1")), { type: "pin-wanted" }, { type: "pin-offered", offer });
  const state = after(shown, { type: "unlinked", linkId: "l1", reason: "integration-deleted" });
  assertEquals(state, { link: undefined, offer: { state: "shown", offer } });
});

Deno.test("the end of a link that is no longer the current one changes nothing", () => {
  const state = initialLinkState(link("l2"));
  assert(after(state, { type: "unlinked", linkId: "l1", reason: "linked-elsewhere" }) === state);
});

Deno.test("slow_down lengthens the interval by five seconds each time", () => {
  const state = after(
    initialLinkState(undefined),
    { type: "pin-offered", offer },
    { type: "slow-down" },
    { type: "slow-down" },
  );
  assertEquals(state.offer.state === "shown" && state.offer.offer.pollEveryMs, 15_000);
});

Deno.test("late answers change nothing", () => {
  const linked = initialLinkState(link("l1"));
  for (const type of ["slow-down", "pin-expired", "pin-denied"] as const) assert(after(linked, { type }) === linked);
  assert(after(linked, { type: "pin-offered", offer }) === linked);
});
