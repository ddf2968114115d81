/**
 * Testing a database integration's settings on its installation: a request of type `test` without a source refers to
 * the settings saved when the agent fetches it. So no secret is stored twice, and a test requested while the
 * installation was away tests the settings valid on its return.
 */
import type { DatabaseTransaction } from "../database/schema.ts";
import { newId } from "../ids.ts";

/** The body of such a request. */
export const savedTestBody: string = JSON.stringify({ type: "test" });

/** Asks the linked installation, if there is one, and withdraws unanswered earlier requests. */
export async function askForTest(
  transaction: DatabaseTransaction,
  { integrationId, nowMs }: { integrationId: string; nowMs: number },
): Promise<void> {
  await transaction.deleteFrom("request").where("integrationId", "=", integrationId).where("type", "=", "test")
    .where("body", "=", savedTestBody).where("answer", "is", null).execute();
  const link = await transaction.selectFrom("link").select("id").where("integrationId", "=", integrationId)
    .where("endedAt", "is", null).executeTakeFirst();
  if (link === undefined) return;
  await transaction.insertInto("request").values({
    id: newId(),
    integrationId,
    linkId: link.id,
    type: "test",
    body: savedTestBody,
    createdAt: nowMs,
    answer: null,
    answeredAt: null,
  }).execute();
}
