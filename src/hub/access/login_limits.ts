/** Which limits apply to a login: those of a known browser, or the general ones. */
import { type Bucket, isFull } from "./attempts.ts";
import { networkOf } from "../http/client_address.ts";
import type { DatabaseTransaction } from "../database/schema.ts";
import type { WrongPasswordLimits } from "../limits.ts";
import type { Clock } from "../../runtime/clock.ts";

/** Who is trying to log in. */
export interface LoginAttempt {
  readonly name: string;
  readonly address: string;
  /** The browser, when the user has logged in there before. */
  readonly knownBrowser: string | undefined;
}

/** The buckets that must have room, and in which a wrong password is counted. */
export async function loginBuckets(
  transaction: DatabaseTransaction,
  { attempt, limits, clock }: { attempt: LoginAttempt; limits: WrongPasswordLimits; clock: Clock },
): Promise<{ checked: readonly Bucket[]; counted: readonly Bucket[] }> {
  const { name, address, knownBrowser } = attempt;
  if (knownBrowser !== undefined) {
    const only = [{ name: `login:browser:${knownBrowser}`, limit: limits.knownBrowser }];
    return { checked: only, counted: only };
  }
  const { rememberedMs, ...suspects } = limits.suspects;
  const suspect: Bucket = {
    name: `login:suspect:${networkOf(address, { prefix: 48 })}`,
    limit: { attemptsMax: 1, windowMs: rememberedMs },
  };
  const { name: ofName, all } = await isFull(transaction, { bucket: suspect, clock }) ? suspects : limits;
  const network = networkOf(address);
  const checked = [
    { name: `login:name-address:${name}:${network}`, limit: limits.nameAtAddress },
    { name: `login:address:${network}`, limit: limits.address },
    { name: `login:name:${name}`, limit: ofName },
    { name: "login:all", limit: all },
  ];
  return { checked, counted: [...checked, suspect] };
}
