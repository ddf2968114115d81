/** Counts attempts in sliding windows, in the database, so that a restart does not reset them. */
import type { Clock } from "../../runtime/clock.ts";
import type { AttemptLimit } from "../limits.ts";
import type { Database, DatabaseTransaction } from "../database/schema.ts";
import { newId } from "../ids.ts";
import { HubProblem } from "../services.ts";

/** A limit and what it counts, e.g. `pin:user:17`. */
export interface Bucket {
  readonly name: string;
  readonly limit: AttemptLimit;
}

/**
 * Throws {@linkcode HubProblem} `too-many-requests` when one of the buckets is full. Call it in the transaction that
 * decides and records, so that concurrent requests cannot slip through together.
 */
export async function checkAttempts(
  transaction: DatabaseTransaction | Database,
  options: { buckets: readonly Bucket[]; clock: Clock; detail: string },
): Promise<void> {
  const now = options.clock.now();
  for (const { name, limit } of options.buckets) {
    const oldest = await oldestThatCounts(transaction, { name, limit, now });
    if (oldest === undefined) continue;
    const retryAfterSeconds = Math.max(1, Math.ceil((oldest.at + limit.windowMs - now) / 1000));
    throw new HubProblem("too-many-requests", `${options.detail} Try again in ${duration(retryAfterSeconds)}.`, {
      retryAfterSeconds,
    });
  }
}

/** Whether the bucket is full. */
export async function isFull(
  transaction: DatabaseTransaction | Database,
  options: { bucket: Bucket; clock: Clock },
): Promise<boolean> {
  return await oldestThatCounts(transaction, { ...options.bucket, now: options.clock.now() }) !== undefined;
}

/**
 * The attempt that has to leave the window before the next one is allowed; `undefined` while there is room. Those
 * still to come do not count: they were made while the clock was ahead.
 */
async function oldestThatCounts(
  transaction: DatabaseTransaction | Database,
  { name, limit, now }: Bucket & { now: number },
): Promise<{ at: number } | undefined> {
  return await transaction.selectFrom("attempt").select("at").where("bucket", "=", name)
    .where("at", ">", now - limit.windowMs).where("at", "<=", now).orderBy("at", "desc")
    .offset(limit.attemptsMax - 1).limit(1).executeTakeFirst();
}

/** Counts one attempt in every bucket; {@linkcode forgetAttempts} undoes it by the returned ids. */
export async function recordAttempt(
  transaction: DatabaseTransaction | Database,
  options: { buckets: readonly Bucket[]; clock: Clock },
): Promise<readonly string[]> {
  const at = options.clock.now();
  const rows = options.buckets.map(({ name }) => ({ id: newId(), bucket: name, at }));
  await transaction.insertInto("attempt").values(rows).execute();
  return rows.map(({ id }) => id);
}

/** Takes back attempts that turned out to be correct. */
export async function forgetAttempts(transaction: DatabaseTransaction | Database, ids: readonly string[]) {
  await transaction.deleteFrom("attempt").where("id", "in", ids).execute();
}

function duration(seconds: number): string {
  return seconds < 100 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`;
}
