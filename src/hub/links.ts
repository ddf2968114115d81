/** The tie between one installation and one integration, in the database. At most one of each is current. */
import type { UnlinkReason } from "../protocol/problem.ts";
import type { DatabaseTransaction } from "./database/schema.ts";

/** Ends the current link of an integration or of an installation. Answers the integration that it was of. */
export async function endLink(
  transaction: DatabaseTransaction,
  options: ({ integrationId: string } | { installationId: string } | { linkId: string }) & {
    reason: UnlinkReason;
    nowMs: number;
  },
): Promise<string | undefined> {
  const [column, value] = "integrationId" in options
    ? ["integration_id", options.integrationId] as const
    : "installationId" in options
    ? ["installation_id", options.installationId] as const
    : ["id", options.linkId] as const;
  const ended = await transaction.updateTable("link")
    .set({ ended_at: options.nowMs, end_reason: options.reason })
    .where(column, "=", value).where("ended_at", "is", null).returning("integration_id").executeTakeFirst();
  return ended?.integration_id;
}
