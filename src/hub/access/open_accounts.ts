/** Accounts, users and tokens for commands that run alongside a hub. */
import { join, resolve } from "node:path";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import { Accounts } from "./accounts.ts";
import { databaseFileName, openDatabase } from "../database/open.ts";
import { Passwords } from "./password.ts";

/** Opens the data folder of a hub. If no hub has ever been started there, throws without creating anything. */
export async function openAccounts(
  dataDirectory: string,
  options: { clock?: Clock } = {},
): Promise<AsyncDisposable & { readonly accounts: Accounts }> {
  await checkStarted(dataDirectory);
  const data = await openDatabase(dataDirectory);
  const clock = options.clock ?? systemClock;
  return {
    accounts: new Accounts({ database: data.database, passwords: new Passwords(), clock }),
    [Symbol.asyncDispose]: () => data[Symbol.asyncDispose](),
  };
}

async function checkStarted(dataDirectory: string): Promise<void> {
  try {
    await Deno.stat(join(dataDirectory, databaseFileName));
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new Error(
      `Cannot find a hub in "${resolve(dataDirectory)}": there is no ${databaseFileName}. Name its data folder with ` +
        "--data DIR, or start a hub there first: injixo-cloud-link hub --data DIR",
      { cause },
    );
  }
}
