/**
 * The commands `hub user …` and `hub token …`, which work alongside a running hub. Each returns the exit code and
 * prints through `out`.
 */
import type { Accounts } from "../hub/access/accounts.ts";
import { openAccounts } from "../hub/access/open_accounts.ts";
import type { Account, Role } from "../hub/services.ts";
import { givenName } from "./given_name.ts";
import { defaultDataDirectory, type Out } from "./hub_command.ts";

interface AccountCommand {
  /** @default "hub-data" */
  readonly dataDirectory?: string | undefined;
  readonly json?: boolean | undefined;
}

/** `hub user add NAME [--role ROLE] [--password-stdin]`: prints the password unless it was given. */
export function userAdd(
  options: AccountCommand & { name: string; role?: Role | undefined; password?: string | undefined },
  { out }: { out: Out },
): Promise<number> {
  return withAccount(options, async ({ accounts, account }) => {
    const { role = "administrator" } = options;
    const name = givenName(options.name, { act: "add the user" });
    const password = await accounts.addUser(account, { name, role, password: options.password });
    if (options.json === true) {
      out(JSON.stringify({ name, role, ...options.password === undefined ? { password } : {} }));
    } else {
      out(`Added ${role} "${name}".`);
      if (options.password === undefined) out(`Password (shown only now): ${password}`);
    }
  });
}

/** `hub user list`. */
export function userList(options: AccountCommand, { out }: { out: Out }): Promise<number> {
  return withAccount(options, async ({ accounts, account }) => {
    const users = await accounts.users(account);
    if (options.json === true) return out(JSON.stringify(users));
    for (const { name, role, createdAt } of users) out(`${name}\t${role}\tsince ${createdAt}`);
  });
}

/** `hub user remove NAME`. */
export function userRemove(options: AccountCommand & { name: string }, { out }: { out: Out }): Promise<number> {
  return withAccount(options, async ({ accounts, account }) => {
    await accounts.removeUser(account, options.name);
    out(options.json === true ? JSON.stringify({ removed: options.name }) : `Removed user "${options.name}".`);
  });
}

/** `hub user passwd NAME [--password-stdin]`: prints the new password unless it was given. */
export function userPasswd(
  options: AccountCommand & { name: string; password?: string | undefined },
  { out }: { out: Out },
): Promise<number> {
  return withAccount(options, async ({ accounts, account }) => {
    const { name } = options;
    const password = await accounts.setPassword(account, { name, password: options.password });
    if (options.json === true) {
      out(JSON.stringify({ name, ...options.password === undefined ? { password } : {} }));
    } else {
      out(`Changed the password of "${name}". All sessions of this user have ended.`);
      if (options.password === undefined) out(`Password (shown only now): ${password}`);
    }
  });
}

/** `hub token add NAME [--role ROLE]`: prints the token, on a separate line. */
export function tokenAdd(
  options: AccountCommand & { name: string; role?: Role | undefined },
  { out }: { out: Out },
): Promise<number> {
  return withAccount(options, async ({ accounts, account }) => {
    const { role = "administrator" } = options;
    const name = givenName(options.name, { act: "add the API token" });
    const token = await accounts.addToken(account, { name, role });
    if (options.json === true) return out(JSON.stringify({ name, role, token }));
    out(`Added API token "${name}" (${role}), shown only now:`);
    out(token);
  });
}

/** `hub token list`. */
export function tokenList(options: AccountCommand, { out }: { out: Out }): Promise<number> {
  return withAccount(options, async ({ accounts, account }) => {
    const tokens = await accounts.tokens(account);
    if (options.json === true) return out(JSON.stringify(tokens));
    for (const { name, role, createdAt, lastUsedAt } of tokens) {
      out(`${name}\t${role}\tsince ${createdAt}\t${lastUsedAt === null ? "never used" : `last used ${lastUsedAt}`}`);
    }
  });
}

/** `hub token remove NAME`. */
export function tokenRemove(options: AccountCommand & { name: string }, { out }: { out: Out }): Promise<number> {
  return withAccount(options, async ({ accounts, account }) => {
    await accounts.removeToken(account, options.name);
    out(options.json === true ? JSON.stringify({ removed: options.name }) : `Removed API token "${options.name}".`);
  });
}

async function withAccount(
  options: AccountCommand,
  act: (given: { accounts: Accounts; account: Account }) => Promise<void>,
): Promise<number> {
  await using data = await openAccounts(options.dataDirectory ?? defaultDataDirectory);
  await act({ accounts: data.accounts, account: await data.accounts.ensureAccount() });
  return 0;
}
