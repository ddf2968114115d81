/**
 * PINs: six random digits, shown by one installation for five minutes. Stored as HMAC, and not reissued before it
 * expires, even if it has been used or replaced: whoever enters a PIN late must not link someone else's installation.
 */
import { createHmac, randomInt } from "node:crypto";
import { pinLifetimeSeconds, pinPollSeconds } from "../../protocol/linking.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { DatabaseTransaction } from "../database/schema.ts";
import { newId, newSecret, secretHash } from "../ids.ts";
import { HubProblem } from "../services.ts";

/** Draws before giving up; with 10,000 live PINs, one draw in a hundred hits a taken one. */
const drawsMax = 20;

/** The stored form of a PIN. */
export function pinHmac(pin: string, key: Uint8Array): string {
  return createHmac("sha256", key).update(pin).digest("hex");
}

/** Issues a new PIN to an installation; its old one becomes invalid. */
export async function issuePin(
  transaction: DatabaseTransaction,
  options: { installationId: string; key: Uint8Array; clock: Clock },
): Promise<{ deviceCode: string; pin: string }> {
  const now = options.clock.now();
  await transaction.updateTable("device").set({ pinHmac: null }).where("expiresAt", "<=", now)
    .where("pinHmac", "is not", null).execute();
  await transaction.updateTable("device").set({ state: "replaced" })
    .where("installationId", "=", options.installationId).where("state", "=", "pending").execute();
  for (let draw = 0; draw < drawsMax; draw++) {
    const pin = String(randomInt(1_000_000)).padStart(6, "0");
    const deviceCode = newSecret();
    const inserted = await transaction.insertInto("device").values({
      id: newId(),
      installationId: options.installationId,
      deviceCodeHash: secretHash(deviceCode),
      pinHmac: pinHmac(pin, options.key),
      state: "pending",
      expiresAt: now + pinLifetimeSeconds * 1000,
      polledAt: null,
      intervalSeconds: pinPollSeconds,
      linkId: null,
    }).onConflict((conflict) => conflict.column("pinHmac").doNothing()).returning("id").executeTakeFirst();
    if (inserted !== undefined) return { deviceCode, pin };
  }
  throw new HubProblem("unavailable", "Too many PINs are in use. Try again in a minute.", { retryAfterSeconds: 60 });
}
