import { assert, assertEquals, assertRejects } from "../assert.ts";
import { eventually } from "../eventually.ts";

/** How long a query sleeps that is to be aborted, in seconds. */
export const sleepSeconds = 120;

/**
 * Asserts that a query which sleeps ends when it is aborted, here and in the database. `asleep` counts those that sleep
 * there.
 */
export async function assertAborts(
  query: (signal: AbortSignal) => Promise<unknown>,
  asleep: () => Promise<number>,
): Promise<void> {
  const controller = new AbortController();
  let abortedMs = Infinity;
  const abort = async () => {
    await eventually(async () => await asleep() === 1, { what: "the database to sleep" });
    abortedMs = performance.now();
    controller.abort(new Error("enough"));
  };
  await Promise.all([assertRejects(() => query(controller.signal), /enough/), abort()]);
  const tookMs = performance.now() - abortedMs;
  assert(tookMs < sleepSeconds * 500, `it ended by itself, after ${tookMs} ms`);
  assertEquals(await asleep(), 0);
}
