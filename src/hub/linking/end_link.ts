/** The link between one installation and one integration, in the database. Each has at most one current link. */
import type { UnlinkReason } from "../../protocol/problem.ts";
import type { DatabaseTransaction } from "../database/schema.ts";

/** Ends the current link of an integration or of an installation. Returns the integration it belonged to. */
export async function endLink(
  transaction: DatabaseTransaction,
  options: ({ integrationId: string } | { installationId: string } | { linkId: string }) & {
    reason: UnlinkReason;
    nowMs: number;
  },
): Promise<string | undefined> {
  const [column, value] = "integrationId" in options
    ? ["integrationId", options.integrationId] as const
    : "installationId" in options
    ? ["installationId", options.installationId] as const
    : ["id", options.linkId] as const;
  const ended = await transaction.updateTable("link")
    .set({ endedAt: options.nowMs, endReason: options.reason })
    .where(column, "=", value).where("endedAt", "is", null).returning("integrationId").executeTakeFirst();
  return ended?.integrationId;
}
