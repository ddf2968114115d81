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
