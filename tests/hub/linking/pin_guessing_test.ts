/**
 * Whoever guesses PINs, against the hub's own limits and an injected clock: each strategy gets as many tries as it can,
 * and what counts is how many of them fall into the life of one PIN.
 */
import { ChangeFeed } from "../../../src/hub/agents/change_feed.ts";
import { networkOf } from "../../../src/hub/http/client_address.ts";
import { openDatabase } from "../../../src/hub/database/open.ts";
import { type WrongPinLimits, wrongPinLimits } from "../../../src/hub/limits.ts";
import { PinLinking } from "../../../src/hub/linking/linking.ts";
import { issuePin } from "../../../src/hub/linking/pins.ts";
import { type Actor, HubProblem } from "../../../src/hub/services.ts";
import { pinLifetimeSeconds } from "../../../src/protocol/linking.ts";
import { assert, assertEquals } from "../../assert.ts";
import { StillClock } from "../test_clock.ts";

const lifetimeMs = pinLifetimeSeconds * 1000;
const pins = 1_000_000;
const accounts = 10;
const addresses = 100;
/** Installations that show a PIN all the time. */
const waiting = 50;

/** A hub's PINs and their limits. */
class Hub implements AsyncDisposable {
  readonly clock = new StillClock();
  readonly #folder: string;
  readonly #data: Awaited<ReturnType<typeof openDatabase>>;
  readonly #changes: ChangeFeed;
  readonly #linking: PinLinking;
  readonly #issuedAt = new Map<string, number>();
  /** When a wrong guess was looked at, in ms; the limits leave right ones uncounted. */
  readonly wrong: number[] = [];
  hits = 0;
  issued = 0;

  private constructor(folder: string, options: { data: Hub["data"]; limits: WrongPinLimits }) {
    const { database, keys } = options.data;
    this.#folder = folder;
    this.#data = options.data;
    this.#changes = new ChangeFeed();
    this.#linking = new PinLinking({
      database,
      changes: this.#changes,
      clock: this.clock,
      pinKey: keys.pin,
      limits: options.limits,
    });
  }

  get data() {
    return this.#data;
  }

  static async open(limits: WrongPinLimits): Promise<Hub> {
    const folder = await Deno.makeTempDir();
    return new Hub(folder, { data: await openDatabase(folder), limits });
  }

  /** `false` when the limits did not let the guess through. */
  async guess(actor: Actor, pin = randomPin()): Promise<boolean> {
    try {
      await this.#linking.look(actor, pin);
      this.hits++;
    } catch (error) {
      if (!(error instanceof HubProblem)) throw error;
      if (error.code === "too-many-requests") return false;
      assertEquals(error.code, "wrong-pin");
      this.wrong.push(this.clock.now());
    }
    return true;
  }

  /** The installation shows a new PIN when its last one is over. */
  async show(installationId: string): Promise<string | undefined> {
    const { database, keys } = this.#data;
    const now = this.clock.now();
    const last = this.#issuedAt.get(installationId);
    if (last !== undefined && now < last + lifetimeMs) return undefined;
    if (last === undefined) await this.#register(installationId);
    this.#issuedAt.set(installationId, now);
    this.issued++;
    const { pin } = await database.transaction().execute((transaction) =>
      issuePin(transaction, { installationId, key: keys.pin, clock: this.clock })
    );
    return pin;
  }

  async #register(id: string): Promise<void> {
    await this.#data.database.insertInto("installation").values({
      ...{ id, jwk: "{}", hostName: "acd", version: "", system: "", name: "", address: "", registeredAt: 0 },
      ...{ pinAt: null, everLinked: 0, lastSeenAt: null, report: null, reportedAt: null, problemSince: null },
    }).execute();
  }

  /** The most wrong guesses that were looked at while any one PIN could have been valid: issued at any instant. */
  mostInOneLife(): number {
    return Math.max(
      0,
      ...this.wrong.map((from) => this.wrong.filter((at) => at >= from && at < from + lifetimeMs).length),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#changes[Symbol.dispose]();
    await this.#data[Symbol.asyncDispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

function randomPin(): string {
  return String(crypto.getRandomValues(new Uint32Array(1))[0] ?? 0).slice(-6).padStart(6, "0");
}

function attacker(options: { account: number; address: string; user?: string }): Actor {
  const { account, address, user = `user-of-${account}` } = options;
  const id = `account-${account}`;
  return { kind: "user", id: user, name: "x", role: "administrator", account: { id, name: "x" }, address };
}

const ipv4 = (index: number) => `192.0.2.${index % addresses}`;

/** What an attacker does in five minutes; each gets far more tries than the limits should let through. */
const strategies: Record<string, (hub: Hub) => Promise<void>> = {
  async "all accounts and addresses at the same time, again and again"(hub) {
    for (let burst = 0; burst < 3; burst++) {
      await Promise.all(
        Array.from(
          { length: 100 },
          (_, index) => hub.guess(attacker({ account: index % accounts, address: ipv4(index) })),
        ),
      );
      hub.clock.advance(lifetimeMs / 3);
    }
  },
  async "evenly, each try by the next account and address"(hub) {
    for (let index = 0; index < 150; index++) {
      await hub.guess(attacker({ account: index % accounts, address: ipv4(index) }));
      hub.clock.advance(lifetimeMs / 150);
    }
  },
  async "around the edge of a window that would begin anew"(hub) {
    for (const beforeMs of [0, lifetimeMs - 2, 1, 1]) {
      hub.clock.advance(beforeMs);
      await Promise.all(
        Array.from(
          { length: 50 },
          (_, index) => hub.guess(attacker({ account: index % accounts, address: ipv4(index) })),
        ),
      );
    }
  },
  async "a fresh user for every try"(hub) {
    for (let index = 0; index < 150; index++) {
      const user = crypto.randomUUID();
      await hub.guess(attacker({ account: index % accounts, address: ipv4(index), user }));
      hub.clock.advance(lifetimeMs / 150);
    }
  },
  async "a fresh user, account and IPv6 network for every try"(hub) {
    for (let index = 0; index < 150; index++) {
      const [user, account] = [crypto.randomUUID(), Math.floor(Math.random() * 1e9)];
      const address = `2001:db8:${index.toString(16)}:${(account % 65536).toString(16)}::1`;
      await hub.guess(attacker({ account, address, user }));
      hub.clock.advance(lifetimeMs / 150);
    }
  },
};

/** Runs a strategy for some five minutes while installations wait; tells what it got. */
async function attack(strategy: (hub: Hub) => Promise<void>, options: { limits: WrongPinLimits; rounds: number }) {
  await using hub = await Hub.open(options.limits);
  for (let round = 0; round < options.rounds; round++) {
    for (let index = 0; index < waiting; index++) await hub.show(`installation-${index}`);
    await strategy(hub);
  }
  const most = hub.mostInOneLife();
  return {
    most,
    /** Of 10,000 PINs, how many are hit by guesses that never repeat one. */
    expectedHits: 10_000 * most / pins,
    hits: hub.hits,
    issued: hub.issued,
  };
}

for (const [name, strategy] of Object.entries(strategies)) {
  Deno.test(`PIN guessing, ${name}: less than one hit in 10,000 PINs`, async () => {
    const { most, expectedHits, hits, issued } = await attack(strategy, { limits: wrongPinLimits, rounds: 3 });
    assert(most > 20, `the attack did not even try: ${most}`);
    assert(most <= wrongPinLimits.all.attemptsMax, `${most} wrong guesses in the life of one PIN`);
    assert(expectedHits <= 0.6, `${expectedHits} hits are to be expected in 10,000 PINs`);
    // 3 x 60 guesses at 50 PINs of a million: 0.009 hits are to be expected; three happen once in ten million runs.
    assert(hits < 3 && issued >= waiting * 3, `${hits} hits in ${issued} PINs`);
  });
}

Deno.test("PIN guessing is seen by this simulation: without its limits it hits more often", async () => {
  const open = { attemptsMax: 1e6, windowMs: lifetimeMs };
  const sabotaged: Record<string, WrongPinLimits> = {
    "no limit in all": { ...wrongPinLimits, all: open, suspects: { ...open, rememberedMs: 0 } },
    "a window of half a PIN's life": {
      ...wrongPinLimits,
      all: { ...wrongPinLimits.all, windowMs: lifetimeMs / 2 },
      suspects: { ...wrongPinLimits.suspects, windowMs: lifetimeMs / 2 },
    },
  };
  const fresh = strategies["a fresh user, account and IPv6 network for every try"];
  assert(fresh !== undefined);
  for (const [name, limits] of Object.entries(sabotaged)) {
    const { expectedHits } = await attack(fresh, { limits, rounds: 1 });
    assert(expectedHits >= 1, `${name}: only ${expectedHits}`);
  }
  const all = { ...open, rememberedMs: 0 };
  const spread = strategies["all accounts and addresses at the same time, again and again"];
  assert(spread !== undefined);
  const { most } = await attack(spread, { limits: { ...wrongPinLimits, user: open, all, suspects: all }, rounds: 1 });
  assert(most >= 300, `the limit per user holds nothing up: ${most}`);
});

Deno.test("a right PIN is found and counted as a hit, and until its end only", async () => {
  await using hub = await Hub.open(wrongPinLimits);
  const pin = await hub.show("installation");
  assert(pin !== undefined);
  const actor = attacker({ account: 1, address: ipv4(1) });
  hub.clock.advance(lifetimeMs - 1);
  await hub.guess(actor, pin);
  assertEquals(hub.hits, 1);
  hub.clock.advance(1);
  await hub.guess(actor, pin);
  assertEquals(hub.hits, 1);
});

Deno.test("all of an IPv6 network counts as one address, and IPv4 however it is written", async () => {
  await using hub = await Hub.open(wrongPinLimits);
  let looked = 0;
  for (let index = 0; index < 40; index++) {
    const address = `2001:db8:0:7:${index.toString(16)}::${index.toString(16)}`;
    if (await hub.guess(attacker({ account: index, address, user: `${index}` }))) looked++;
  }
  assertEquals(looked, wrongPinLimits.address.attemptsMax);
  for (
    const [address, network] of [
      ["192.0.2.7", "192.0.2.7"],
      ["::ffff:192.0.2.7", "192.0.2.7"],
      ["::ffff:c000:207", "192.0.2.7"],
      ["2001:DB8::1", "2001:db8:0:0::/64"],
      ["2001:db8:0:0:ffff:ffff:ffff:ffff", "2001:db8:0:0::/64"],
      ["fe80::1%eth0", "fe80:0:0:0::/64"],
      ["::1", "0:0:0:0::/64"],
      ["unknown", "unknown"],
      ["no:address", "no:address"],
    ]
  ) assertEquals(networkOf(address ?? ""), network);
});

Deno.test("an attacker with ten accounts and many users cannot keep others from linking", async () => {
  const victim = attacker({ account: 999, address: "198.51.100.1" });
  const besiege = async (limits: WrongPinLimits) => {
    await using hub = await Hub.open(limits);
    let refused = 0;
    for (let minute = 0; minute < 12; minute++) {
      for (let index = 0; index < 30; index++) {
        await hub.guess(
          attacker({ account: index % accounts, address: ipv4(minute * 30 + index), user: crypto.randomUUID() }),
        );
      }
      const pin = await hub.show(`installation-${minute}`);
      const hits = hub.hits;
      if (!await hub.guess(victim, pin)) refused++;
      else assertEquals(hub.hits, hits + 1);
      hub.clock.advance(60_000);
    }
    return refused;
  };
  assertEquals(await besiege(wrongPinLimits), 0);
  const { all } = wrongPinLimits;
  const withoutReserve = {
    ...wrongPinLimits,
    suspects: { ...all, rememberedMs: wrongPinLimits.suspects.rememberedMs },
  };
  assert(await besiege(withoutReserve) > 6, "the siege is too weak to show anything");
});
