/**
 * The id of a batch, computed from what it is: sending it twice, after a crash or after rereading its source, changes
 * nothing at the hub.
 */
import { createHash } from "node:crypto";
import type { BatchOrigin } from "../protocol/delivery.ts";
import type { IntegrationName } from "../state/integration.ts";

/**
 * SHA-256 over the integration, the origin and the content's SHA-256. It includes neither the name of a CSV file (the
 * same content is imported once, whatever its name) nor the link (linking the same integration again changes no batch).
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * const integration = { accountId: "a", integrationId: "i" };
 * const id = (fileName: string) =>
 *   batchId({ integration, origin: { kind: "csv", fileName, modifiedAt: null }, sha256: "00" });
 * assertEquals(id("monday.csv"), id("copy of monday.csv"));
 * ```
 */
export function batchId(
  batch: { integration: IntegrationName; origin: BatchOrigin; sha256: string },
): string {
  const { integration, origin, sha256 } = batch;
  const identity = [origin.kind, integration.accountId, integration.integrationId, sha256];
  if (origin.kind === "query") {
    identity.push(origin.dataType, origin.timeZone, instant(origin.window.from), instant(origin.window.to));
  }
  // JSON preserves the boundaries between the texts.
  return createHash("sha256").update(JSON.stringify(identity)).digest("hex");
}

/** One spelling for each instant. */
function instant(text: string): string {
  return new Date(text).toISOString();
}
