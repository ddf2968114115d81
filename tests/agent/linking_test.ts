import { Linking } from "../../src/agent/linking.ts";
import type { LinkState } from "../../src/agent/link.ts";
import { HubError, type LinkingClient, type PinPoll } from "../../src/agent/ports.ts";
import { strangerRetryMs } from "../../src/agent/stranger_watch.ts";
import type { Link } from "../../src/protocol/linking.ts";
import { assert, assertEquals } from "../assert.ts";
import { FakeClock, settle } from "../fakes/fake_clock.ts";

const link: Link = { id: "l1", account: { id: "a1", name: "Acme" }, integration: { id: "i1", name: "Avaya" } };

/** A hub that answers from scripts. */
class ScriptedHub implements LinkingClient {
  asked = 0;
  polled: number[] = [];
  givenUp: string[] = [];
  failures: HubError[] = [];
  /** What polls fail with as long as it is set. */
  pollFailure: HubError | undefined;
  polls: (PinPoll | HubError)[] = [];
  readonly #clock: FakeClock;
  constructor(clock: FakeClock) {
    this.#clock = clock;
  }
  requestPin() {
    this.asked++;
    const failure = this.failures.shift();
    if (failure) return Promise.reject(failure);
    return Promise.resolve({
      device_code: "d".repeat(32),
      user_code: String(100_000 + this.asked),
      verification_uri: "http://127.0.0.1/account/integrations",
      expires_in: 300,
      interval: 5,
    });
  }
  pollPin() {
    this.polled.push(this.#clock.monotonicMs() / 1000);
    if (this.pollFailure) return Promise.reject(this.pollFailure);
    const answer = this.polls.shift() ?? { state: "pending" } as const;
    return answer instanceof HubError ? Promise.reject(answer) : Promise.resolve(answer);
  }
  giveUp(given: Link) {
    this.givenUp.push(given.id);
    return Promise.resolve();
  }
}

async function withLinking(
  options: { stored?: Link; account?: string },
  act: (
    parts: { linking: Linking; hub: ScriptedHub; clock: FakeClock; saved: (Link | undefined)[]; states: LinkState[] },
  ) => Promise<void>,
  script: (hub: ScriptedHub) => void = () => {},
): Promise<void> {
  const clock = new FakeClock();
  const hub = new ScriptedHub(clock);
  script(hub);
  const saved: (Link | undefined)[] = [];
  const states: LinkState[] = [];
  const linking = new Linking({
    client: hub,
    store: {
      load: () => options.stored,
      save: (value) => void saved.push(value),
      end: () => void saved.push(undefined),
    },
    clock,
    random: () => 1,
    hubUrl: new URL("https://hub.example"),
    account: options.account,
    onChange: (state) => void states.push(state),
    onReachable: () => {},
  });
  const stop = new AbortController();
  const running = linking.run(stop.signal);
  try {
    await settle();
    await act({ linking, hub, clock, saved, states });
  } finally {
    stop.abort();
    await running.catch((error) => assert(error === stop.signal.reason));
  }
}

Deno.test("linking polls at the hub's interval and remembers the link before it says so", () =>
  withLinking({}, async ({ linking, hub, clock, saved }) => {
    hub.polls = [{ state: "pending" }, { state: "pending" }, { state: "linked", link }];
    await clock.advance(14_000);
    assertEquals(linking.state.link, undefined);
    await clock.advance(1000);
    assertEquals(hub.polled, [5, 10, 15]);
    assertEquals(saved, [link]);
    assertEquals(linking.state.link, link);
  }));

Deno.test("linking shows no second PIN when the first expires, and gets one when asked", () =>
  withLinking({}, async ({ linking, hub, clock }) => {
    await clock.advance(299_000);
    assertEquals(linking.state.offer.state, "shown");
    await clock.advance(3_600_000);
    assertEquals(linking.state.offer, { state: "over", why: "expired" });
    assertEquals(hub.asked, 1);
    linking.wantPin();
    await settle();
    assertEquals(hub.asked, 2);
    assertEquals(linking.state.offer.state, "shown");
  }));

Deno.test("linking refuses another account than the configured one and tells the hub", () =>
  withLinking({ account: "Other" }, async ({ linking, hub, clock, saved }) => {
    hub.polls = [{ state: "linked", link }];
    await clock.advance(5000);
    assertEquals(hub.givenUp, ["l1"]);
    assertEquals(saved, []);
    assertEquals(linking.state, { link: undefined, offer: { state: "over", why: "refused-account" } });
  }));

Deno.test("linking forgets a link that ended and asks for a PIN at once", () =>
  withLinking({ stored: link }, async ({ linking, hub, saved }) => {
    assertEquals(hub.asked, 0);
    linking.ended("l1", "integration-deleted");
    await settle();
    assertEquals(saved, [undefined]);
    assertEquals(hub.asked, 1);
    assertEquals(linking.state.offer.state, "shown");
  }));

Deno.test("an address that is no hub for minutes is asked hourly, but at once when a PIN is wanted", () =>
  withLinking({}, async ({ linking, hub, clock }) => {
    await clock.advance(300_000);
    assertEquals(hub.asked, 9);
    await clock.advance(300_000);
    assertEquals(hub.asked, 10);
    await clock.advance(strangerRetryMs - 100_000);
    assertEquals(hub.asked, 10);
    linking.wantPin();
    await settle();
    assertEquals(hub.asked, 11);
    await clock.advance(strangerRetryMs - 1);
    assertEquals(hub.asked, 11);
    await clock.advance(1);
    assertEquals([hub.asked, linking.state.offer.state], [12, "shown"]);
  }, (hub) => {
    hub.failures = Array.from({ length: 11 }, () => new HubError("This is no hub.", { kind: "not-a-hub" }));
  }));

Deno.test("a PIN that was entered while something else answers for the hub is found once the hub does again", () =>
  withLinking({}, async ({ linking, hub, clock }) => {
    hub.pollFailure = new HubError("A web page", { kind: "not-a-hub" });
    await clock.advance(120_000);
    hub.pollFailure = undefined;
    hub.polls = [{ state: "linked", link }];
    await clock.advance(35_000);
    assertEquals(linking.state.link, link);
  }));

Deno.test("what became of a PIN is asked at its end, whatever failed before, and as long as the hub does not say", () =>
  withLinking({}, async ({ linking, hub, clock }) => {
    hub.pollFailure = new HubError("busy", { kind: "busy", retryAfterMs: 900_000 });
    await clock.advance(299_000);
    assertEquals(hub.polled, [5]);
    await clock.advance(1000);
    assertEquals(hub.polled, [5, 300]);
    hub.pollFailure = undefined;
    hub.polls = [{ state: "linked", link }];
    await clock.advance(899_000);
    assertEquals(hub.polled, [5, 300]);
    await clock.advance(100_000);
    assertEquals(linking.state.link, link);
  }));

Deno.test("linking waits as long as the hub says, and backs off by itself", () =>
  withLinking({}, async ({ hub, clock, linking }) => {
    assertEquals(hub.asked, 1);
    await clock.advance(30_000);
    assertEquals(hub.asked, 1);
    await clock.advance(7_500);
    assertEquals(hub.asked, 2);
    assertEquals(linking.failures.latest?.message, "refused");
    await clock.advance(2000);
    assertEquals(hub.asked, 3);
    assertEquals(linking.failures.latest, undefined);
  }, (hub) => {
    hub.failures = [
      new HubError("busy", { kind: "busy", retryAfterMs: 30_000 }),
      new HubError("refused", { kind: "unreachable" }),
    ];
  }));

function shownPin({ state: { offer } }: Linking): string | undefined {
  return offer.state === "shown" ? offer.offer.pin : undefined;
}

const forgotten = () => new HubError("The hub refuses (invalid_client).", { kind: "unknown-installation" });

Deno.test("linking asks for another PIN when the hub has forgotten the installation, and registers it no more than once", () =>
  withLinking({}, async ({ linking, hub, clock }) => {
    hub.polls = [{ state: "pending" }, forgotten(), { state: "pending" }, ...Array.from({ length: 99 }, forgotten)];
    await clock.advance(10_000);
    assertEquals(hub.asked, 2);
    assertEquals(shownPin(linking), "100002");
    await clock.advance(3_600_000);
    assertEquals(hub.asked, 2);
    assertEquals(linking.state.offer, { state: "over", why: "expired" });
  }));

Deno.test("a PIN is over at its time, whatever the hub says then", () =>
  withLinking({}, async ({ linking, hub, clock }) => {
    hub.polls = Array.from({ length: 99 }, () => ({ state: "slow-down" }));
    await clock.advance(301_000);
    assertEquals(linking.state.offer, { state: "over", why: "expired" });
    assertEquals(hub.polled.filter((seconds) => seconds >= 300).length, 1);
  }));

Deno.test("a link that was made while the hub could not be reached is found even after the PIN's time", () =>
  withLinking({}, async ({ linking, hub, clock, saved }) => {
    hub.pollFailure = new HubError("no route", { kind: "unreachable" });
    await clock.advance(400_000);
    assertEquals(linking.state.offer.state, "shown");
    hub.pollFailure = undefined;
    hub.polls.push({ state: "linked", link });
    await clock.advance(3_600_000);
    assertEquals(saved, [link]);
  }));

Deno.test("a PIN that is wanted takes the place of one whose time was up while the hub did not answer", () =>
  withLinking({}, async ({ linking, hub, clock }) => {
    hub.pollFailure = new HubError("no route", { kind: "unreachable" });
    await clock.advance(301_000);
    assertEquals(hub.asked, 1);
    linking.wantPin();
    await settle();
    assertEquals(shownPin(linking), "100002");
  }));
