/** Logging in, sessions and API tokens. Only hashes of secrets are stored. */
import type { Clock } from "../../runtime/clock.ts";
import { Name } from "../api_schemas.ts";
import { checkAttempts, forgetAttempts, recordAttempt } from "./attempts.ts";
import { networkOf } from "../http/client_address.ts";
import type { Database } from "../database/schema.ts";
import { newSecret, secretHash } from "../ids.ts";
import { KnownBrowsers } from "./known_browsers.ts";
import {
  passwordCharactersMax,
  sessionMs,
  type WrongPasswordLimits,
  wrongPasswordLimits,
  wrongTokenLimits,
} from "../limits.ts";
import { type LoginAttempt, loginBuckets } from "./login_limits.ts";
import type { Passwords } from "./password.ts";
import {
  type Actor,
  type Credentials,
  HubProblem,
  type LoginResult,
  type Role,
  type Session,
  type Sessions,
} from "../services.ts";
import { instant } from "../views.ts";

/** Prefix of API tokens, by which leak scanners find them. */
export const apiTokenPrefix = "icl_";
/** `lastUsedAt` of a token is updated this often at most. */
const tokenUseResolutionMs = 60_000;

/** Stored in the database: neither a restart of the hub nor another hub on the same database logs anybody out. */
export class StoredSessions implements Sessions {
  readonly #database: Database;
  readonly #passwords: Passwords;
  readonly #clock: Clock;
  readonly #browsers: KnownBrowsers;
  readonly #limits: WrongPasswordLimits;

  constructor(
    options: {
      database: Database;
      passwords: Passwords;
      clock: Clock;
      /** Signs the cookies of known browsers. */
      browserKey: Uint8Array;
      /** @default {@linkcode wrongPasswordLimits} */
      limits?: WrongPasswordLimits;
    },
  ) {
    this.#database = options.database;
    this.#passwords = options.passwords;
    this.#clock = options.clock;
    this.#browsers = new KnownBrowsers({ key: options.browserKey, clock: options.clock });
    this.#limits = options.limits ?? wrongPasswordLimits;
  }

  async logIn(credentials: Credentials, options: { address: string }): Promise<LoginResult> {
    // A malformed name belongs to nobody.
    const name = Name.safeParse(credentials.name).data ?? "";
    const user = await this.#database.selectFrom("user").selectAll().where("name", "=", name).executeTakeFirst();
    const knownBrowser = user === undefined ? undefined : this.#browsers.idOf(credentials.browser ?? "", user);
    let attempts: readonly string[];
    try {
      attempts = await this.#count({ name, address: options.address, knownBrowser });
    } catch (error) {
      if (!(error instanceof HubProblem) || error.code !== "too-many-requests") throw error;
      return { ok: false, reason: "too-many", retryAfterSeconds: error.retryAfterSeconds ?? 60 };
    }
    const password = credentials.password.slice(0, passwordCharactersMax);
    if (!await this.#passwords.matches(password, user?.password) || user === undefined) {
      return { ok: false, reason: "wrong" };
    }
    const secret = newSecret();
    const now = this.#clock.now();
    await this.#database.transaction().execute(async (transaction) => {
      // It may have been changed, which ends all sessions, while this one was compared.
      const current = await transaction.selectFrom("user").select("password").where("id", "=", user.id)
        .executeTakeFirst();
      if (current?.password !== user.password) return;
      await forgetAttempts(transaction, attempts);
      await transaction.deleteFrom("session").where("expiresAt", "<", now).execute();
      await transaction.insertInto("session").values({
        hash: secretHash(secret),
        userId: user.id,
        csrfToken: newSecret(),
        createdAt: now,
        expiresAt: now + sessionMs,
      }).execute();
    });
    const session = await this.find(secret);
    return session === undefined ? { ok: false, reason: "wrong" } : {
      ok: true,
      secret,
      browser: this.#browsers.tokenFor(user),
      session,
    };
  }

  /** Counts an attempt before the password is hashed, so that concurrent attempts cannot all find room. */
  async #count(attempt: LoginAttempt): Promise<readonly string[]> {
    const clock = this.#clock;
    return await this.#database.transaction().execute(async (transaction) => {
      const { checked, counted } = await loginBuckets(transaction, { attempt, limits: this.#limits, clock });
      await checkAttempts(transaction, { buckets: checked, clock, detail: "Too many attempts to log in." });
      return await recordAttempt(transaction, { buckets: counted, clock });
    });
  }

  async find(secret: string): Promise<Session | undefined> {
    const row = await this.#database.selectFrom("session").innerJoin("user", "user.id", "session.userId")
      .innerJoin("account", "account.id", "user.accountId")
      .select([
        "session.csrfToken",
        "session.expiresAt",
        "user.id",
        "user.name",
        "user.role",
        "user.createdAt",
        "account.id as accountId",
        "account.name as accountName",
      ])
      .where("session.hash", "=", secretHash(secret)).where("session.expiresAt", ">", this.#clock.now())
      .executeTakeFirst();
    if (row === undefined) return undefined;
    return {
      user: {
        id: row.id,
        name: row.name,
        role: row.role as Role,
        account: { id: row.accountId, name: row.accountName },
        createdAt: instant(row.createdAt),
      },
      csrfToken: row.csrfToken,
      expiresAt: instant(row.expiresAt),
    };
  }

  async logOut(secret: string): Promise<void> {
    await this.#database.deleteFrom("session").where("hash", "=", secretHash(secret)).execute();
  }

  async findToken(token: string, options: { address: string }): Promise<Actor | undefined> {
    const now = this.#clock.now();
    const row = await this.#database.selectFrom("apiToken").innerJoin("account", "account.id", "apiToken.accountId")
      .select([
        "apiToken.id",
        "apiToken.name",
        "apiToken.role",
        "apiToken.lastUsedAt",
        "account.id as accountId",
        "account.name as accountName",
      ]).where("hash", "=", secretHash(token)).executeTakeFirst();
    if (row === undefined) {
      const buckets = [{ name: `token:address:${networkOf(options.address)}`, limit: wrongTokenLimits.address }];
      await this.#database.transaction().execute(async (transaction) => {
        await checkAttempts(transaction, { buckets, clock: this.#clock, detail: "Too many wrong API tokens." });
        await recordAttempt(transaction, { buckets, clock: this.#clock });
      });
      return undefined;
    }
    if ((row.lastUsedAt ?? 0) < now - tokenUseResolutionMs) {
      await this.#database.updateTable("apiToken").set({ lastUsedAt: now }).where("id", "=", row.id).execute();
    }
    return {
      kind: "token",
      id: row.id,
      name: row.name,
      role: row.role as Role,
      account: { id: row.accountId, name: row.accountName },
      address: options.address,
    };
  }
}
