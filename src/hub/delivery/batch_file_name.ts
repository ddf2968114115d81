/** The file name of an import. */
import type { BatchOrigin } from "../../protocol/delivery.ts";

/**
 * The file's name, or for a query one made from its subject and time.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../../tests/assert.ts";
 * assertEquals(batchFileName({ kind: "csv", fileName: "Wähler.csv", modifiedAt: null }), "Wähler.csv");
 * ```
 */
export function batchFileName(origin: BatchOrigin): string {
  if (origin.kind === "csv") return origin.fileName;
  const { from, to } = origin.window;
  return `${origin.dataType}_${compact(from)}_${compact(to)}.csv`;
}

function compact(instant: string): string {
  return instant.replace(/\.\d+/, "").replaceAll(":", "");
}
