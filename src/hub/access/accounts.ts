/** Accounts, users and API tokens, as managed by the commands. */
import { getLogger } from "@logtape/logtape";
import type { Clock } from "../../runtime/clock.ts";
import type { Database } from "../database/schema.ts";
import { newId, newPassword, newSecret, secretHash } from "../ids.ts";
import { checkNewPassword, type Passwords } from "./password.ts";
import type { Account, Role, User } from "../services.ts";
import { apiTokenPrefix } from "./sessions.ts";
import { instant } from "../views.ts";

const log = getLogger(["cloud-link", "hub"]);

/** Name of the account created at first start, unless another is given. */
const defaultAccountName = "My account";
/** Name of the administrator created at first start. */
const defaultAdministratorName = "admin";

/** An API token without its secret. */
export interface ApiToken {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly createdAt: string;
  readonly lastUsedAt: string | null;
}

/**
 * Behind `hub user …` and `hub token …`: whoever can read the data folder can do anything anyway, so no role is
 * checked.
 */
export class Accounts {
  readonly #database: Database;
  readonly #passwords: Passwords;
  readonly #clock: Clock;

  constructor(options: { database: Database; passwords: Passwords; clock: Clock }) {
    this.#database = options.database;
    this.#passwords = options.passwords;
    this.#clock = options.clock;
  }

  /** The hub's account, created if there is none; a given `name` renames it. */
  async ensureAccount(name?: string): Promise<Account> {
    return await this.#database.transaction().execute(async (transaction) => {
      const known = await transaction.selectFrom("account").select(["id", "name"]).orderBy("createdAt")
        .executeTakeFirst();
      if (known === undefined) {
        const account = { id: newId(), name: name ?? defaultAccountName };
        await transaction.insertInto("account").values({ ...account, createdAt: this.#clock.now() }).execute();
        return account;
      }
      if (name === undefined || name === known.name) return known;
      await transaction.updateTable("account").set({ name }).where("id", "=", known.id).execute();
      log.info("The account {before} is now called {name}.", { before: known.name, name });
      return { id: known.id, name };
    });
  }

  /** Creates an administrator if the account has none; returns the password, which cannot be read later. */
  async ensureAdministrator(account: Account): Promise<{ name: string; password: string } | undefined> {
    const users = await this.users(account);
    if (users.some(({ role }) => role === "administrator")) return undefined;
    const isTaken = (candidate: string) => users.some(({ name }) => name === candidate);
    let name = defaultAdministratorName;
    for (let next = 2; isTaken(name); next++) name = `${defaultAdministratorName}${next}`;
    return { name, password: await this.addUser(account, { name, role: "administrator" }) };
  }

  /** Adds a user; returns the password, a random one if none is given. */
  async addUser(account: Account, user: { name: string; role: Role; password?: string | undefined }): Promise<string> {
    const password = user.password ?? newPassword();
    checkNewPassword(password);
    const added = await this.#database.insertInto("user").values({
      id: newId(),
      accountId: account.id,
      name: user.name,
      role: user.role,
      password: await this.#passwords.hash(password),
      createdAt: this.#clock.now(),
    }).onConflict((conflict) => conflict.column("name").doNothing()).executeTakeFirst();
    if (added.numInsertedOrUpdatedRows !== 1n) throw new Error(`Cannot add user "${user.name}": there is one already`);
    return password;
  }

  async users(account: Account): Promise<readonly User[]> {
    const rows = await this.#database.selectFrom("user").select(["id", "name", "role", "createdAt"])
      .where("accountId", "=", account.id).orderBy("name").execute();
    return rows.map((row) => ({
      id: row.id,
      account,
      name: row.name,
      role: row.role as Role,
      createdAt: instant(row.createdAt),
    }));
  }

  /** Removes a user and ends the user's sessions; the last administrator cannot be removed. */
  async removeUser(account: Account, name: string): Promise<void> {
    await this.#database.transaction().execute(async (transaction) => {
      const users = await transaction.selectFrom("user").select(["id", "name", "role"])
        .where("accountId", "=", account.id).execute();
      const user = users.find((candidate) => candidate.name === name);
      if (user === undefined) throw new Error(`Cannot remove user "${name}": there is none. "hub user list" shows all`);
      const others = users.filter((other) => other !== user && other.role === "administrator");
      if (user.role === "administrator" && others.length === 0) {
        throw new Error(`Cannot remove user "${name}": it is the last administrator. Add another one first`);
      }
      await transaction.deleteFrom("session").where("userId", "=", user.id).execute();
      await transaction.deleteFrom("user").where("id", "=", user.id).execute();
    });
  }

  /** Sets a new password, a random one if none is given, and ends the user's sessions. */
  async setPassword(account: Account, user: { name: string; password?: string | undefined }): Promise<string> {
    const password = user.password ?? newPassword();
    checkNewPassword(password);
    const hash = await this.#passwords.hash(password);
    await this.#database.transaction().execute(async (transaction) => {
      const row = await transaction.updateTable("user").set({ password: hash }).where("accountId", "=", account.id)
        .where("name", "=", user.name).returning("id").executeTakeFirst();
      if (row === undefined) {
        throw new Error(
          `Cannot change the password of "${user.name}": there is no such user. "hub user list" shows all`,
        );
      }
      await transaction.deleteFrom("session").where("userId", "=", row.id).execute();
    });
    return password;
  }

  /** Creates an API token; returns the token, of which only a hash is stored. */
  async addToken(account: Account, token: { name: string; role: Role }): Promise<string> {
    const secret = `${apiTokenPrefix}${newSecret()}`;
    const added = await this.#database.insertInto("apiToken").values({
      id: newId(),
      accountId: account.id,
      name: token.name,
      role: token.role,
      hash: secretHash(secret),
      createdAt: this.#clock.now(),
      lastUsedAt: null,
    }).onConflict((conflict) => conflict.columns(["accountId", "name"]).doNothing()).executeTakeFirst();
    if (added.numInsertedOrUpdatedRows !== 1n) {
      throw new Error(`Cannot add token "${token.name}": there is one already`);
    }
    return secret;
  }

  async tokens(account: Account): Promise<readonly ApiToken[]> {
    const rows = await this.#database.selectFrom("apiToken").selectAll().where("accountId", "=", account.id)
      .orderBy("name").execute();
    return rows.map((row) => ({
      id: row.id,
      name: row.name,
      role: row.role as Role,
      createdAt: instant(row.createdAt),
      lastUsedAt: row.lastUsedAt === null ? null : instant(row.lastUsedAt),
    }));
  }

  async removeToken(account: Account, name: string): Promise<void> {
    const removed = await this.#database.deleteFrom("apiToken").where("accountId", "=", account.id)
      .where("name", "=", name).executeTakeFirst();
    if (removed.numDeletedRows === 0n) {
      throw new Error(`Cannot remove token "${name}": there is none. "hub token list" shows all`);
    }
  }
}
