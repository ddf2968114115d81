/** Damage of the state: only a restart helps, which sets it aside. */

/** The state is not a database, or not an intact one. */
export class StateDamagedError extends Error {
  /** As stack traces and logs show it. */
  override readonly name = "StateDamagedError";
}

/**
 * Whether an error, or what caused it, is a {@linkcode StateDamagedError}: then retrying is useless.
 *
 * @example
 * ```ts
 * import { assert } from "../../tests/assert.ts";
 * assert(isStateDamaged(new Error("Cannot store it", { cause: new StateDamagedError("malformed") })));
 * ```
 */
export function isStateDamaged(error: unknown): boolean {
  return error instanceof StateDamagedError || (error instanceof Error && isStateDamaged(error.cause));
}
