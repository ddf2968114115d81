/** Windows of which no rows can be loaded. */
import { isTimeZone } from "../../source/time_zone.ts";
import type { TimeRange } from "./coverage.ts";

/**
 * Why no rows of this window can be loaded, as a sentence; `undefined` if they can.
 *
 * @example
 * ```ts
 * import { assertEquals } from "../../../tests/assert.ts";
 * const window = { fromMs: 900_000, toMs: 0 };
 * assertEquals(windowProblem({ window, timeZone: "UTC" }), "The window does not end after its beginning");
 * ```
 */
export function windowProblem({ window, timeZone }: { window: TimeRange; timeZone: string }): string | undefined {
  if (window.fromMs >= window.toMs) return "The window does not end after its beginning";
  return isTimeZone(timeZone) ? undefined : `The time zone ${JSON.stringify(timeZone)} is not known here`;
}

/** The batch's window is one of those. */
export class WindowError extends Error {
  override readonly name = "WindowError";
}
