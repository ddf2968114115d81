/** The few assertions that the tests use, on node:assert: its messages show a diff. */
import assert from "node:assert/strict";

export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  assert.deepEqual(actual, expected, message);
}

export function assertMatch(actual: string, expected: RegExp, message?: string): void {
  assert.match(actual, expected, message);
}

export function assert_(condition: unknown, message?: string): asserts condition {
  assert.ok(condition, message);
}
export { assert_ as assert };

/** Runs `act`, which must throw or reject, and returns its error. */
export async function assertRejects(act: () => unknown, matching?: RegExp): Promise<Error> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (matching) assert.match(error.message, matching);
    return error;
  }
  throw new assert.AssertionError({ message: `expected an error${matching ? ` matching ${matching}` : ""}, got none` });
}

/**
 * Fails when something that is to stop at once took as long as one of the waits it interrupts. How many milliseconds it
 * takes is measured in the bench: a busy machine may hold up any process for seconds.
 */
export function assertPrompt(tookMs: number): void {
  assert.ok(tookMs < hangMs, `it took ${Math.round(tookMs)} ms`);
}

/** Shorter than every wait which a stop interrupts, far longer than a stop takes. */
const hangMs = 10_000;
