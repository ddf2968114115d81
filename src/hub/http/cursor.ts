/** Cursors of paged lists: opaque to clients, two values inside. */
import { HubProblem } from "../services.ts";

/** The cursor that continues after the item with this key. */
export function encodeCursor(key: readonly [string | number, string]): string {
  return btoa(encodeURIComponent(JSON.stringify(key))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** What is in a cursor; throws {@linkcode HubProblem} for a broken one. */
export function decodeCursor<First extends "string" | "number">(
  cursor: string,
  first: First,
): readonly [First extends "string" ? string : number, string] {
  try {
    const key: unknown = JSON.parse(decodeURIComponent(atob(cursor.replaceAll("-", "+").replaceAll("_", "/"))));
    if (Array.isArray(key) && key.length === 2 && typeof key[0] === first && typeof key[1] === "string") {
      return key as unknown as readonly [First extends "string" ? string : number, string];
    }
  } catch {
    // Reported below, together with well-formed nonsense.
  }
  throw new HubProblem("invalid-request", "Cannot read the cursor: take the one in the answer before, unchanged.");
}
