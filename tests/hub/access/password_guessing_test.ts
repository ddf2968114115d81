/**
 * Whoever guesses passwords, against the hub's own limits and a clock that is moved by hand: how many guesses they get,
 * and whether the user gets in all the while.
 */
import { Accounts } from "../../../src/hub/access/accounts.ts";
import { openDatabase } from "../../../src/hub/database/open.ts";
import { KnownBrowsers } from "../../../src/hub/access/known_browsers.ts";
import { knownBrowserMs, type WrongPasswordLimits, wrongPasswordLimits } from "../../../src/hub/limits.ts";
import { Passwords } from "../../../src/hub/access/password.ts";
import type { LoginResult } from "../../../src/hub/services.ts";
import { StoredSessions } from "../../../src/hub/access/sessions.ts";
import { assert, assertEquals } from "../../assert.ts";
import { StillClock } from "../test_clock.ts";

const password = "correct horse";
const minuteMs = 60_000;
const attackedQuarters = 8;

/** A hub's logins and their limits, with one user. */
class Hub implements AsyncDisposable {
  readonly clock = new StillClock();
  readonly #folder: string;
  readonly #data: Awaited<ReturnType<typeof openDatabase>>;
  readonly #sessions: StoredSessions;
  readonly #accounts: Accounts;
  /** Wrong passwords that were compared. */
  guesses = 0;

  private constructor(folder: string, options: { data: Hub["data"]; limits: WrongPasswordLimits }) {
    const { database, keys } = options.data;
    this.#folder = folder;
    this.#data = options.data;
    const passwords = new Passwords({ cost: { n: 2, r: 1, p: 1 } });
    this.#accounts = new Accounts({ database, passwords, clock: this.clock });
    this.#sessions = new StoredSessions({
      database,
      passwords,
      clock: this.clock,
      browserKey: keys.pin,
      limits: options.limits,
    });
  }

  get data() {
    return this.#data;
  }

  static async open(limits: WrongPasswordLimits = wrongPasswordLimits): Promise<Hub> {
    const folder = await Deno.makeTempDir({ prefix: "password-guessing-" });
    const hub = new Hub(folder, { data: await openDatabase(folder), limits });
    await hub.#accounts.addUser(await hub.#accounts.ensureAccount(), {
      name: "admin",
      role: "administrator",
      password,
    });
    return hub;
  }

  async logIn(
    options: { address: string; name?: string; password?: string; browser?: string | undefined },
  ): Promise<LoginResult> {
    const { address, name = "admin", browser } = options;
    return await this.#sessions.logIn({ name, password: options.password ?? password, browser }, { address });
  }

  async sessionCount(): Promise<number> {
    return (await this.#data.database.selectFrom("session").select("hash").execute()).length;
  }

  /** As `hub user passwd` does. */
  async changePassword(to: string): Promise<void> {
    await this.#accounts.setPassword(await this.#accounts.ensureAccount(), { name: "admin", password: to });
  }

  /** Answers whether the guess was looked at. */
  async guess(address: string, options: { name?: string; browser?: string | undefined } = {}): Promise<boolean> {
    const result = await this.logIn({ ...options, address, password: "a wrong one" });
    assert(!result.ok);
    if (result.reason === "wrong") this.guesses++;
    return result.reason === "wrong";
  }

  /** Logs in from a place that nobody attacks from; answers what the browser keeps. */
  async known(): Promise<string> {
    const result = await this.logIn({ address: "198.51.100.1" });
    assert(result.ok);
    return result.browser;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#data[Symbol.asyncDispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** Where the guesses of an attacker come from: `index` counts them. */
const attackers = {
  "ten addresses": (index: number) => `203.0.113.${index % 10}`,
  "a /48 of IPv6": (index: number) => `2001:db8:7:${(index % 65_536).toString(16)}::1`,
  "a fresh network for every guess": (index: number) => `2001:db8:${index.toString(16)}::1`,
};

/** Guesses as often as it can, in steps of a minute; `meanwhile` runs every quarter of an hour. */
async function attack(hub: Hub, addressOf: (index: number) => string, meanwhile: () => Promise<void>): Promise<void> {
  let index = 0;
  for (let minute = 0; minute < attackedQuarters * 15; minute++) {
    let refused = 0;
    while (refused < 10) if (!await hub.guess(addressOf(index++))) refused++;
    if (minute % 15 === 14) await meanwhile();
    hub.clock.advance(minuteMs);
  }
}

/** Guesses at one user's password in an hour, as limits.ts promises. */
const guessesAnHour: Record<keyof typeof attackers, number> = {
  "ten addresses": 80,
  "a /48 of IPv6": 80,
  "a fresh network for every guess": 200,
};

for (const [name, addressOf] of Object.entries(attackers)) {
  const most = guessesAnHour[name as keyof typeof attackers];
  Deno.test(`password guessing from ${name}: ${most} guesses an hour at most, and a known browser logs in`, async () => {
    await using hub = await Hub.open();
    let browser = await hub.known();
    let guessed = 0;
    const perQuarter: number[] = [];
    await attack(hub, addressOf, async () => {
      perQuarter.push(hub.guesses - guessed);
      guessed = hub.guesses;
      // Even from one of the attacker's addresses, as behind a proxy that tells none.
      const result = await hub.logIn({ address: addressOf(perQuarter.length), browser });
      assert(result.ok, `refused in quarter ${perQuarter.length}`);
      browser = result.browser;
    });
    // At the start no network is suspect yet.
    const settled = perQuarter.slice(1);
    assert(settled.every((guesses) => guesses > 0 && guesses * 4 <= most), `${perQuarter}`);
    assert(hub.guesses <= wrongPasswordLimits.name.attemptsMax * attackedQuarters);
  });
}

Deno.test("password guessing by who has tried before keeps the user out of no browser, however new it is", async () => {
  const besieged = async (addressOf: (index: number) => string, limits?: WrongPasswordLimits) => {
    await using hub = await Hub.open(limits);
    let refused = 0;
    let quarter = 0;
    await attack(hub, addressOf, async () => {
      const result = await hub.logIn({ address: `198.51.100.${quarter++}` });
      if (!result.ok) refused++;
    });
    return refused;
  };
  assertEquals(await besieged(attackers["ten addresses"]), 0);
  assertEquals(await besieged(attackers["a /48 of IPv6"]), 0);
  const { name, all } = wrongPasswordLimits;
  const withoutReserve = { ...wrongPasswordLimits, suspects: { ...wrongPasswordLimits.suspects, name, all } };
  assert(await besieged(attackers["ten addresses"], withoutReserve) > 4, "the siege is too weak to show anything");
});

Deno.test("whoever uses up the limit in all with other names keeps nobody out", async () => {
  const besieged = async (limits?: WrongPasswordLimits) => {
    await using hub = await Hub.open(limits);
    const browser = await hub.known();
    for (let index = 0; index < 2000; index++) await hub.guess(`203.0.113.${index % 100}`, { name: `user-${index}` });
    assert(hub.guesses >= wrongPasswordLimits.suspects.all.attemptsMax);
    const known = await hub.logIn({ address: "198.51.100.1", browser });
    const fresh = await hub.logIn({ address: "198.51.100.2" });
    return [known.ok, fresh.ok];
  };
  assertEquals(await besieged(), [true, true]);
  const { name, all } = wrongPasswordLimits;
  const withoutReserve = { ...wrongPasswordLimits, suspects: { ...wrongPasswordLimits.suspects, name, all } };
  assertEquals(await besieged(withoutReserve), [true, false]);
});

Deno.test("a known browser has five tries of its own, which others cannot use up", async () => {
  await using hub = await Hub.open();
  const [one, other] = [await hub.known(), await hub.known()];
  let looked = 0;
  for (let index = 0; index < 20; index++) if (await hub.guess(`203.0.113.${index}`, { browser: one })) looked++;
  assertEquals(looked, wrongPasswordLimits.knownBrowser.attemptsMax);
  assert((await hub.logIn({ address: "203.0.113.1", browser: other })).ok);
  assert((await hub.logIn({ address: "203.0.113.1" })).ok);
});

Deno.test("a browser is known to the user who logged in there, for a year and until the password is changed", () => {
  const clock = new StillClock();
  const browsers = new KnownBrowsers({ key: new Uint8Array(32), clock });
  const user = { id: "eve", password: "scrypt$1" };
  const token = browsers.tokenFor(user);
  const [id = "", end = "", signature = ""] = token.split(".");
  assertEquals(browsers.idOf(token, user), id);
  assertEquals(browsers.idOf(token, { ...user, id: "bob" }), undefined);
  assertEquals(browsers.idOf(token, { ...user, password: "scrypt$2" }), undefined);
  const strange = new KnownBrowsers({ key: new Uint8Array(32).fill(1), clock }).tokenFor(user);
  for (const forged of [`${id}0.${end}.${signature}`, `${id}.${end}9.${signature}`, strange, `${token}.`, "..", ""]) {
    assertEquals(browsers.idOf(forged, user), undefined);
  }
  clock.advance(knownBrowserMs);
  assertEquals(browsers.idOf(token, user), undefined);
});

Deno.test("a password that is changed while it is compared opens no session any more", async () => {
  await using hub = await Hub.open();
  let refused = 0;
  for (let n = 0; n < 20; n++) {
    await hub.changePassword(password);
    const [login] = await Promise.all([hub.logIn({ address: "192.0.2.1" }), hub.changePassword("another long one")]);
    if (!login.ok) refused++;
    assertEquals(await hub.sessionCount(), 0);
  }
  assert(refused > 0, "no password was changed while it was compared");
});
