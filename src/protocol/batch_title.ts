/** The name of a batch in the log and for people. */
import type { BatchOrigin } from "./delivery.ts";

/**
 * The file's name, or for a query what was read and for which window.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../tests/assert.ts";
 * assertEquals(batchTitle({ kind: "csv", fileName: "Wähler.csv", modifiedAt: null }), "Wähler.csv");
 * ```
 */
export function batchTitle(origin: BatchOrigin): string {
  return origin.kind === "csv" ? origin.fileName : `${origin.dataType} ${origin.window.from} to ${origin.window.to}`;
}
